/** The codec of a model, its saved examples, its roll-outs, and what a new version would change. */

export interface Answer {
  values: Record<string, unknown>;
  warnings: string[];
  errors: string[];
}

export interface Check {
  vector: number;
  label: string;
  ok: boolean;
  expected: Record<string, unknown>;
  answer: Answer;
}

export interface Rollout {
  id: number;
  version: number;
  before: number;
  state: "trial" | "everywhere" | "rolled_back";
  devices: number;
  created: string;
}

export interface Codec {
  codec: { kind: string; name: string; mode: string; version: number };
  script: string;
  devices: number;
  checks: Check[];
  rollouts: Rollout[];
}

export interface Trial {
  checks: Check[];
  frames: number;
  same: number;
  new_errors: number;
  mended: number;
  changed: { log: number; sequence: number; device: string; payload: string; changes: Record<string, [unknown, unknown]>; errors: string[] }[];
}
