/** What the fleet's office handles. */

export interface ModelRow {
  id: string;
  label: string;
  maker: string;
  codec: string;
  version: number;
  interval_s: number | null;
  licence: string;
  origin: string;
  devices: number;
}

export interface Model {
  id: string;
  label: string;
  maker: string;
  interval_s: number | null;
  quantities: Record<string, string>;
  units: Record<string, string>;
  settings: Record<string, unknown>;
}

export interface Imported {
  model: string;
  label: string;
  version: number;
  passed: number;
  failed: number;
  failures: string[];
  problem: string;
}

export interface Group {
  name: string;
  label: string;
  query: Record<string, string>;
  datasets: string[];
}

export interface Schedule {
  id: number;
  label: string;
  target: Record<string, string | string[]>;
  command: { name?: string; payload?: string; f_port?: number };
  timing: { at?: string; sun?: string; offset_min?: number; days?: number[] };
  next: string | null;
  fr: string;
  en: string;
}

export interface Cost {
  service: string;
  supplier: string;
  devices: number;
  yearly: number;
  out_of_warranty: number;
}

export interface UseCost {
  use: string;
  devices: number;
  things: number;
  yearly: number;
}

export interface Claim {
  id: number;
  label: string;
  device: string;
  model: string;
  model_label: string;
  lifecycle: string;
  uses: number;
  used: number;
  expires: string;
  revoked: string | null;
}

export interface DayReport {
  here: number;
  there: number;
  equal: number;
  different: number;
  missing_here: number;
  missing_there: number;
  agreement: number;
  devices: { both: number; only_here: number; only_there: number };
  differences: { device: string; attribute: string; time: number; here: number; value: number }[];
  silent_here: { device: string; missing: number }[];
}

export interface Shadow {
  name: string;
  label: string;
  state: "running" | "cut_over" | "left";
  devices: number;
  days: number;
  ready: boolean;
  rules: { days: number; least: number };
}
