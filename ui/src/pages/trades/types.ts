/** What the API says of trades. */

export interface Text {
  fr: string;
  en: string;
}

export interface Limit {
  id: string;
  title: Text;
  value: number;
  unit: string;
  source: Text;
  valid_from: string;
  to_confirm: boolean;
  /** Titles of the alarm rules that use it. */
  alarms: string[];
}

export interface Indicator {
  id: string;
  title: Text;
  method: Text;
  unit: string;
  decimals: number;
  shown: boolean;
}

export interface Trade {
  name: string;
  version: string;
  title: Text;
  question: Text;
  headline: string;
  columns: string[];
  period_days: number;
  indicators: Indicator[];
  limits: Limit[];
  blocks: string[];
}

export interface Figure {
  indicator: string;
  value: number | null;
  unit: string;
  capture: number;
  suspect: number;
  state: "ok" | "watch" | "alert" | "beside" | "insufficient" | "no_data";
  provisional: boolean;
}

export interface Line {
  entity: string;
  name: string;
  type: string;
  commune: string;
  longitude: number | null;
  latitude: number | null;
  simulated: boolean;
  last: string | null;
  figures: Figure[];
}

export interface Figures {
  trade: string;
  start: string;
  end: string;
  items: Line[];
}

/** The state as one of the four tones of the platform. */
export const TONES: Record<Figure["state"], string> = { ok: "ok", watch: "late", alert: "alarm", beside: "silent", insufficient: "silent", no_data: "silent" };

/** One place of a forecast: free places (car) or bikes (bike), probabilities 0-1. */
export interface Place {
  entity: string;
  name: string;
  now: number | null;
  age_s: number | null;
  capacity: number | null;
  forecast: number | null;
  low: number | null;
  high: number | null;
  p_empty: number | null;
  p_full: number | null;
  method: "model" | "as_now";
  state: "live" | "frozen" | "stalled" | "short";
  over_capacity: number;
  need: "" | "bring" | "take";
  bikes_to_move: number;
}

export interface Outlook {
  kind: "car" | "bike";
  at: string;
  horizon_min: number;
  mae: number | null;
  mae_as_now: number | null;
  mae_last_week: number | null;
  judged: number;
  places: Place[];
}

/** One sensor of a museum; shares 0-1, humidities % RH. */
export interface Room {
  entity: string;
  name: string;
  role: string;
  capture: number;
  record_long_enough: boolean;
  fluctuation_p7: number;
  fluctuation_p93: number;
  outside_en15757: number;
  largest_swing_24h: number;
  mould_hours: number;
  ashrae: string;
  storage: string;
  attenuation: number | null;
  protection: string;
  temperature: number;
  humidity: number;
  dew_point: number;
  absolute_humidity: number;
  illuminance: number | null;
  co2: number | null;
  curve: { times: number[]; humidity: number[]; mean: number[]; low: number[]; high: number[] };
}

export interface Climate {
  start: string;
  end: string;
  rooms: Room[];
  to_confirm: Text[];
}

/** The state of a line: what is wrong in any shown figure, else what its headline says. */
export function stateOf(trade: Trade, line: Line): Figure["state"] {
  const shown = line.figures.filter((each) => trade.columns.includes(each.indicator));
  for (const wrong of ["alert", "watch"] as const) if (shown.some((each) => each.state === wrong)) return wrong;
  return shown.find((each) => each.indicator === trade.headline)?.state ?? "no_data";
}

const ORDER: Figure["state"][] = ["alert", "watch", "ok", "insufficient", "no_data", "beside"];

/** Lines with what is wrong first, then the highest headline. */
export function worstFirst(trade: Trade, lines: Line[]): Line[] {
  const head = (line: Line): number => line.figures.find((each) => each.indicator === trade.headline)?.value ?? 0;
  const rank = (line: Line): number => ORDER.indexOf(stateOf(trade, line));
  return lines.toSorted((one, other) => rank(one) - rank(other) || head(other) - head(one));
}
