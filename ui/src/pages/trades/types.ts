/** What the API says of trades. */

export interface Text {
  fr: string;
  en: string;
}

export interface Limit {
  value: number;
  unit: string;
  source: string;
  valid_from: string;
  to_confirm: boolean;
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
  limits: Record<string, Limit>;
}

export interface Figure {
  indicator: string;
  value: number | null;
  unit: string;
  capture: number;
  suspect: number;
  state: "ok" | "watch" | "alert" | "insufficient" | "no_data";
}

export interface Line {
  entity: string;
  name: string;
  type: string;
  commune: string;
  longitude: number | null;
  latitude: number | null;
  simulated: boolean;
  figures: Figure[];
}

export interface Figures {
  trade: string;
  start: string;
  end: string;
  items: Line[];
}

/** The state as one of the four tones of the platform. */
export const TONES: Record<Figure["state"], string> = { ok: "ok", watch: "late", alert: "alarm", insufficient: "silent", no_data: "silent" };
