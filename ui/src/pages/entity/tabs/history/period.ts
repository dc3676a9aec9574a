/** Which stretch of time is looked at: a name in the URL ("24h", or two dates), moments here. */

export const PERIODS = { "6h": 6, "24h": 24, "7d": 168, "30d": 720 } as const;
export type PeriodName = keyof typeof PERIODS | "custom";

export interface Period {
  name: PeriodName;
  from: number;
  to: number;
}

const HOUR = 3_600_000;

export function periodOf(name: string, from: string, to: string, now: number): Period {
  const start = Date.parse(from);
  const end = Date.parse(to);
  if (name === "custom" && start < end) return { name: "custom", from: start, to: end };
  const known = name in PERIODS ? (name as keyof typeof PERIODS) : "24h";
  return { name: known, from: now - PERIODS[known] * HOUR, to: now };
}

/** The same stretch one year earlier (calendar), or just before. */
export function shifted(period: Period, how: "year" | "before"): Period {
  if (how === "before") return { ...period, from: period.from - (period.to - period.from), to: period.from };
  const back = (moment: number): number => {
    const date = new Date(moment);
    date.setUTCFullYear(date.getUTCFullYear() - 1);
    return date.getTime();
  };
  return { ...period, from: back(period.from), to: back(period.to) };
}

/** What <input type="datetime-local"> wants, on the reader's own clock. */
export function localInput(moment: number): string {
  const date = new Date(moment);
  return new Date(moment - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
