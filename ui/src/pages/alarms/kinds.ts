/** What the API gives of alarms and rules. */

export interface Alarm {
  id: number;
  rule: string;
  entity: string;
  name: string;
  title: string;
  severity: string;
  trade: string;
  commune: string;
  active: boolean;
  acknowledged: boolean;
  state: "new" | "acknowledged" | "cleared" | "closed";
  first: string;
  last: string;
  raised: string;
  count: number;
  assignee: string;
  assignee_name: string;
  acknowledged_by: string;
  acknowledged_by_name: string;
  verdict: string;
  value: number | null;
  series: number | null;
  measured: string | null;
  masked: string;
  flapping: boolean;
  message: Record<string, string>;
  sentence: Record<string, string>;
  quantity: string;
  parents: string[];
}

export interface Score {
  open: number;
  closed: number;
  settled: number;
  confirmed: number;
  false: number;
  last_30_days: number;
}

export interface Person {
  id: string;
  login: string;
  name: string;
  channels: string[];
}

export interface AlarmFile {
  alarm: Alarm;
  timeline: { at: string; kind: string; who: string; who_name: string; values: Record<string, unknown> }[];
  told: { person: string; person_name: string; channel: string; step: number; due: string; state: string; attempts: number; error: string; sent: string | null }[];
  precision: number | null;
  score: Score | null;
  fr_alert: { text: string; polygon: [number, number][]; sent: boolean };
}

export interface Condition {
  kind: string;
  [field: string]: unknown;
}

export interface Rule {
  id: string;
  title: string;
  target: { attribute: string; type: string; types?: string[]; model?: string; group?: string; entities?: string[]; communes?: string[]; datasets?: string[]; beside?: string[] };
  when: Condition;
  clear: Condition | null;
  hold_s: number;
  clear_hold_s: number;
  severity: string;
  chain: string;
  enabled: boolean;
  revision: number;
  [field: string]: unknown;
}

export interface RuleRow {
  rule: Rule;
  precision: number | null;
  owner_name: string;
  score: Score | null;
}

export interface Occurrence {
  raised: number;
  cleared: number | null;
  entity: string;
  name: string;
  series: number;
  value: number | null;
}

export interface Replayed {
  replay: { basis: "history" | "questions" | "detector"; alarms: number; entities: number; per_day: number; watched: number; replayed: number; readings: number; occurrences: Occurrence[] };
  difference: { added: Occurrence[]; removed: Occurrence[]; kept: number } | null;
}

export const SEVERITIES = ["critical", "major", "minor", "warning", "indeterminate"];
export const TABS = (t: (key: string) => string): { id: string; title: string; href: string }[] => [
  { id: "alarms", title: t("alarms.tab"), href: "/alarmes" },
  { id: "rules", title: t("alarms.rules"), href: "/alarmes/regles" },
  { id: "plans", title: t("alarms.plans"), href: "/alarmes/astreinte" },
  { id: "silences", title: t("alarms.silences"), href: "/alarmes/silences" },
  { id: "inbox", title: t("alarms.inbox"), href: "/alarmes/messages" },
];

/** The last part of a URN: what people call the thing when it has no other name. */
export function short(entity: string): string {
  return entity.split(":").slice(3).join(":") || entity;
}

/** The words of the rule's author, its names filled in; what cannot be filled is not shown. */
export function toldOf(alarm: Alarm, language: string): string {
  const name = alarm.name || short(alarm.entity);
  const own = (alarm.message[language] ?? "").replaceAll("{entity}", name).replaceAll("{name}", name);
  return own.includes("{") ? "" : own;
}

/** Why an alarm was raised: the sentence made of its numbers, else the words of the rule's author. */
export function whyOf(alarm: Alarm, language: string): string {
  return alarm.sentence[language] || toldOf(alarm, language);
}
