/** What the API says of water. */

import type { Tone } from "$ui/parts/states";

export interface Case {
  id: number;
  entity: string;
  name: string;
  commune: string;
  longitude: number | null;
  latitude: number | null;
  simulated: boolean;
  kind: "drip" | "leak" | "pipe" | "burst";
  rate_l_h: number;
  confidence: number;
  raised: string;
  stopped: string | null;
  state: "open" | "asked" | "confirmed" | "false" | "closed" | "passed";
  cause: string;
  lost_m3: number;
  lost_euros: number;
  loss: { litres_day: number; m3_month: number; euros_month: number };
  first: string;
}

export interface Queue {
  items: Case[];
  next: string | null;
  running: number;
  lost_m3: number;
  lost_euros: number;
  euros_month: number;
  price: number;
}

export interface Precision {
  kind: string;
  raised: number;
  confirmed: number;
  false: number;
  precision: number | null;
  low: number | null;
  high: number | null;
}

export interface Sector {
  entity: string;
  name: string;
  commune: string;
  simulated: boolean;
  inflow_m3: number | null;
  night_m3_h: number | null;
  before_m3_h: number | null;
  excess_m3_h: number | null;
  euros_day: number | null;
  hours: number;
  works: number;
  repaired: string | null;
  meters: number;
  heard: number;
}

export interface Work {
  reference: string;
  kind: string;
  state: "planned" | "running" | "done" | "cancelled";
  asset: string;
  meter: string;
  sector: string;
  opened: string | null;
  done: string | null;
  verdict: "" | "leak" | "no_leak";
  note: string;
  commune: string;
}

export interface Stock {
  sector: string;
  kind: string;
  count: number;
  length_m: number;
}

export interface WorkQueue {
  items: Work[];
  stock: Stock[];
}

export interface Told {
  kept: number;
  outside: number;
  settled: string[];
  refused: string[];
}

/** How a work order looks: what runs asks for attention, what is planned waits. */
export function workTone(each: Work): Tone {
  if (each.state === "running") return "late";
  return each.state === "done" ? "ok" : "silent";
}

export interface Meter {
  entity: string;
  days: string[];
  litres: (number | null)[];
  night_l_h: (number | null)[];
  cases: Case[];
}

export interface WarsmannFile {
  id: number;
  entity: string;
  name: string;
  commune: string;
  starts: string;
  ends: string;
  volume: number;
  reference: number;
  source: string;
  context: string;
  state: "to_inform" | "waiting" | "expired" | "accepted" | "late_certificate";
  informed: string | null;
  proof: string;
  certificate: string | null;
  due: string | null;
  days_left: number | null;
  water_m3: number;
  sanitation_m3: number;
}

export interface FileQueue {
  items: WarsmannFile[];
  to_inform: number;
  waiting: number;
  due_soon: number;
}

/** How urgent a file is: to inform is late by law, the month that ends soon too. */
export function fileTone(each: WarsmannFile): Tone {
  if (each.state === "to_inform") return "alarm";
  if (each.state === "waiting") return (each.days_left ?? 99) <= 7 ? "late" : "ok";
  return each.state === "accepted" ? "ok" : "silent";
}

/** A civil day as the reader writes it. */
export function shortDay(day: string): string {
  return new Date(`${day}T12:00:00Z`).toLocaleDateString(document.documentElement.lang || "fr", { dateStyle: "short", timeZone: "UTC" });
}

/** How urgent a case is, as one of the four tones of the platform. */
export function toneOf(each: Case): Tone {
  if (each.stopped) return "silent";
  if (each.first === "let") return "late";
  return each.kind === "burst" || each.kind === "pipe" ? "alarm" : "late";
}

/** A burst of which nobody is sure yet is a large flow. */
export function kindOf(each: Case): string {
  return each.first === "let" || each.first === "nothing" ? "large" : each.kind;
}

export function meterPath(entity: string): string {
  return `/eau/compteurs/${encodeURIComponent(entity)}`;
}
