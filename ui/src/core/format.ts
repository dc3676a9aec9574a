/** Numbers, dates and ages as people read them: decimal comma, the territory's clock, UTC on hover. */

import { session } from "./session.svelte";
import { t, words } from "./words.svelte";

export function zone(): string {
  return session.platform?.territory.timezone ?? "Europe/Paris";
}

export function number(value: number | null | undefined, decimals?: number): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "—";
  const options = decimals === undefined ? { maximumFractionDigits: 2 } : { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  // What is rounded to nothing has no sign.
  // The narrow space of French thousands all but vanishes at small sizes: a plain no-break space reads better.
  return new Intl.NumberFormat(words.locale, { ...options, signDisplay: "negative" }).format(value).replaceAll("\u202f", "\u00a0");
}

export function percent(part: number, whole: number): string {
  return `${number(Math.round(whole ? (1000 * part) / whole : 0) / 10)}\u00a0%`;
}

export type Moment = string | number | Date | null | undefined;

function date(moment: Moment): Date | null {
  if (moment === null || moment === undefined || moment === "") return null;
  const value = new Date(moment);
  return Number.isNaN(value.getTime()) ? null : value;
}

export function dateTime(moment: Moment, { seconds = false } = {}): string {
  const value = date(moment);
  if (!value) return "—";
  return new Intl.DateTimeFormat(words.locale, {
    dateStyle: "medium",
    timeStyle: seconds ? "medium" : "short",
    timeZone: zone(),
  }).format(value);
}

/** A day alone: "1 janvier 2023". A date without an hour is that day everywhere. */
export function day(moment: Moment): string {
  const value = date(moment);
  const whole = typeof moment === "string" && moment.length === 10;
  return value ? new Intl.DateTimeFormat(words.locale, { dateStyle: "long", timeZone: whole ? "UTC" : zone() }).format(value) : "—";
}

/** The hour alone, to the second, on the territory's clock. */
export function timeOfDay(moment: Moment): string {
  const value = date(moment);
  return value ? new Intl.DateTimeFormat(words.locale, { timeStyle: "medium", timeZone: zone() }).format(value) : "—";
}

export function utc(moment: Moment): string {
  return date(moment)?.toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC").replace("Z", " UTC") ?? "";
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["second", 60],
  ["minute", 3600],
  ["hour", 86_400],
  ["day", 86_400 * 30],
  ["month", 86_400 * 365],
  ["year", Infinity],
];

/** Months and years in full: "il y a 6 a" and "il y a 11 m." are no French. */
function width(unit: Intl.RelativeTimeFormatUnit): "long" | "short" {
  return unit === "month" || unit === "year" ? "long" : "short";
}

/** "4 min": how long since a moment, at `now`. */
export function lasting(moment: Moment, now: number): string {
  const value = date(moment);
  if (!value) return "—";
  const seconds = Math.max(0, Math.round((now - value.getTime()) / 1000));
  let size = 1;
  for (const [unit, limit] of STEPS) {
    if (seconds < limit) return new Intl.NumberFormat(words.locale, { style: "unit", unit, unitDisplay: width(unit) }).format(Math.round(seconds / size));
    size = limit;
  }
  return dateTime(moment);
}

/** "il y a 4 min": how old a moment is, at `now`. */
export function age(moment: Moment, now: number): string {
  const value = date(moment);
  if (!value) return t("time.never");
  const seconds = Math.round((value.getTime() - now) / 1000);
  if (Math.abs(seconds) < 5) return t("time.now");
  let size = 1;
  for (const [unit, limit] of STEPS) {
    if (Math.abs(seconds) < limit) {
      return new Intl.RelativeTimeFormat(words.locale, { style: width(unit), numeric: "always" }).format(Math.round(seconds / size), unit);
    }
    size = limit;
  }
  return dateTime(moment);
}

interface Shown {
  shown_scale?: number;
  shown_unit?: string;
  unit?: string;
  decimals?: number;
  low?: number;
  high?: number;
}

/** 0 and 1 of a quantity that is a yes or a no. */
function isYesOrNo(value: number, measure: Shown): boolean {
  return measure.low === 0 && measure.high === 1 && !measure.unit && measure.shown_scale === 1 && (value === 0 || value === 1);
}

export function shownUnit(measure: Shown): string {
  return measure.shown_unit || measure.unit || "";
}

/** A value as people read it: scaled, rounded as its quantity asks, without its unit. */
export function shownValue(value: unknown, measure: Shown): string {
  if (typeof value === "number" && isYesOrNo(value, measure)) return t(value ? "value.true" : "value.false");
  if (typeof value === "number") return number(value * (measure.shown_scale || 1), measure.decimals);
  if (typeof value === "boolean") return t(value ? "value.true" : "value.false");
  if (value === null || value === undefined) return "—";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A value with its unit, a no-break space between them. */
export function measure(value: unknown, shown: Shown): string {
  const unit = shownUnit(shown);
  const text = shownValue(value, shown);
  return unit && text !== "—" ? `${text}\u00a0${unit}` : text;
}

const FLAGS: [number, string][] = [
  [1, "out_of_range"],
  [2, "future"],
  [4, "late"],
  [8, "suspect"],
  [16, "estimated"],
  [32, "manual"],
  [64, "derived"],
  [128, "reset"],
];

/** The version of a codec, as the server numbers it. */
export function codecText(codec: string | number): string {
  if (typeof codec === "string") return codec || "—";
  return codec > 0 ? t("codec.version", { version: codec }) : "—";
}

/** The quality flags of a value, as codes; empty = a good value. */
export function qualityFlags(quality: number): string[] {
  return FLAGS.filter(([bit]) => quality & bit).map(([, code]) => code);
}

export function hex(text: string): string {
  return text.replace(/\s/g, "").replace(/(..)(?=.)/g, "$1 ").toUpperCase();
}
