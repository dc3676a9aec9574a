/** A rule as a person writes it: in shown units, hours and minutes; and the rule that it makes. */

import type { Quantity } from "$ui/core/types";
import type { Condition, Rule } from "../alarms/kinds";
import { KINDS, type Field } from "./fields";

export type Scope = "type" | "trade" | "model" | "group" | "entity";

export interface Draft {
  id: string;
  title: string;
  scope: Scope;
  type: string;
  trade: string;
  types: string[];
  model: string;
  group: string;
  entities: string[];
  communes: string[];
  datasets: string[];
  beside: string[];
  attribute: string;
  kind: string;
  values: Record<string, unknown>;
  back: number | null;
  minutes: number;
  clearMinutes: number;
  n: number;
  m: number;
  severity: string;
  chain: string;
  enabled: boolean;
  public: boolean;
  start: string;
  end: string;
  days: number[];
  message: string;
  propagate: string;
  depends: string[];
}

export const ALL_DAYS = [1, 2, 3, 4, 5, 6, 7];

export function firstValues(kind: string): Record<string, unknown> {
  return Object.fromEntries((KINDS[kind]?.fields ?? []).map((field) => [field.name, field.first ?? (field.shape === "text" || field.shape === "entity" || field.shape === "attribute" || field.shape === "query" ? "" : null)]));
}

export function empty(): Draft {
  return {
    id: "", title: "", scope: "type", type: "", trade: "", types: [], model: "", group: "", entities: [], communes: [], datasets: [], beside: [], attribute: "", kind: "above",
    values: firstValues("above"), back: null, minutes: 0, clearMinutes: 0, n: 1, m: 1, severity: "warning", chain: "", enabled: true, public: false,
    start: "", end: "", days: ALL_DAYS, message: "", propagate: "", depends: [],
  };
}

export function scaleOf(quantity: Quantity | undefined): number {
  return quantity?.shown_scale || 1;
}

/** What one unit of the form is in the rule. A count has no unit. */
function factorOf(field: Field, draft: Draft, scale: number): number {
  if (field.shape === "hours") return 3600;
  if (field.shape === "minutes") return 60;
  return field.shape === "value" && draft.values.function !== "count" ? 1 / scale : 1;
}

function conditionOf(draft: Draft, scale: number): Condition {
  const kind = KINDS[draft.kind] ?? { kind: draft.kind, fields: [] };
  const condition: Condition = { kind: kind.kind, ...kind.fixed };
  for (const field of kind.fields) {
    const value = draft.values[field.name];
    if (value === null || value === "" || value === undefined) continue;
    const scaled = typeof value === "number" ? Number((value * factorOf(field, draft, scale)).toPrecision(12)) : value;
    condition[field.name] = field.shape === "hours" || field.shape === "minutes" ? Math.round(Number(scaled)) : scaled;
  }
  return condition;
}

export function slug(title: string): string {
  const plain = title.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  return plain.replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60);
}

/** The id of a new rule: never that of a rule that is kept already. */
export function unusedId(wanted: string, used: string[]): string {
  const base = wanted || "rule";
  let found = base;
  for (let next = 2; used.includes(found); next++) found = `${base}-${next}`;
  return found;
}

function targetOf(draft: Draft): Record<string, unknown> {
  const scoped: Record<Scope, Record<string, unknown>> = {
    type: { type: draft.type },
    trade: { types: draft.types },
    model: { model: draft.model },
    group: { group: draft.group },
    entity: { entities: draft.entities },
  };
  return { ...scoped[draft.scope], attribute: draft.attribute, communes: draft.communes, datasets: draft.datasets, beside: draft.beside };
}

/** The end of an alarm: back over a limit or well inside the band, what an older rule says, or simply when it is no longer true. */
function clearOf(draft: Draft, scale: number, before: Rule | null): Condition | null {
  if (draft.kind === "band" && draft.back !== null) {
    const end = (value: unknown, sign: number): number => Number(((Number(value) + sign * draft.back!) / scale).toPrecision(12));
    return { kind: "band", low: end(draft.values.low, 1), high: end(draft.values.high, -1), inside: true };
  }
  const opposite = draft.kind === "above" ? "<" : draft.kind === "below" ? ">" : "";
  if (opposite) return draft.back === null ? null : { kind: "threshold", operator: opposite, limit: draft.back / scale };
  return before?.clear && before.when.kind === KINDS[draft.kind]?.kind ? before.clear : null;
}

/** The rule; ``before`` keeps what the form does not show. */
export function ruleOf(draft: Draft, quantity: Quantity | undefined, before: Rule | null): Record<string, unknown> {
  const scale = scaleOf(quantity);
  const { instant, itself, always } = KINDS[draft.kind] ?? {};
  const hours = draft.start && draft.end;
  const scheduled = !always && (hours || draft.days.length < ALL_DAYS.length);
  const { revision: _revision, ...others } = before ?? ({} as Partial<Rule>);
  return {
    ...others,
    id: draft.id || slug(draft.title),
    title: draft.title,
    target: targetOf(draft),
    when: conditionOf(draft, scale),
    clear: clearOf(draft, scale, before),
    hold_s: instant ? Math.round(draft.minutes * 60) : 0,
    clear_hold_s: itself ? 0 : Math.round(draft.clearMinutes * 60),
    n: instant ? draft.n : 1,
    m: instant ? Math.max(draft.n, draft.m) : 1,
    schedule: scheduled ? { days: draft.days, start: hours ? draft.start : "00:00", end: hours ? draft.end : "24:00" } : null,
    severity: draft.severity,
    chain: draft.chain,
    enabled: draft.enabled,
    public: draft.public,
    trade: draft.trade,
    message: draft.message ? { ...(others.message as Record<string, string> | undefined), fr: draft.message } : {},
    propagate: draft.propagate.split(/[\s,]+/).filter(Boolean),
    depends: draft.depends,
  };
}

function kindOf(when: Condition): string {
  if (when.kind !== "threshold") return when.kind;
  if (when.attribute) return "own";
  return String(when.operator).startsWith(">") ? "above" : "below";
}

function scopeOf(target: Rule["target"]): Scope {
  if (target.entities?.length) return "entity";
  if (target.group) return "group";
  if (target.model) return "model";
  return target.types?.length ? "trade" : "type";
}

/** The form of a kept rule. */
export function draftOf(rule: Rule, quantity: Quantity | undefined): Draft {
  const scale = scaleOf(quantity);
  const schedule = rule.schedule as { days: number[]; start: string; end: string } | null | undefined;
  const whole = schedule?.start === "00:00" && schedule.end === "24:00";
  const target = rule.target;
  const draft: Draft = {
    ...empty(), id: rule.id, title: rule.title, scope: scopeOf(target), type: target.type, types: target.types ?? [], model: target.model ?? "", group: target.group ?? "",
    entities: target.entities ?? [], communes: target.communes ?? [], datasets: target.datasets ?? [], beside: target.beside ?? [], attribute: target.attribute, trade: String(rule.trade ?? ""),
    minutes: rule.hold_s / 60, clearMinutes: rule.clear_hold_s / 60, n: Number(rule.n ?? 1), m: Number(rule.m ?? 1), severity: rule.severity, chain: rule.chain,
    enabled: rule.enabled, public: Boolean(rule.public), start: whole ? "" : (schedule?.start ?? ""), end: whole ? "" : (schedule?.end ?? ""), days: schedule?.days ?? ALL_DAYS,
    message: (rule.message as Record<string, string> | undefined)?.fr ?? "", propagate: ((rule.propagate as string[] | undefined) ?? []).join(" "), depends: (rule.depends as string[] | undefined) ?? [],
    kind: kindOf(rule.when),
  };
  draft.values = { ...firstValues(draft.kind), ...valuesOf(rule.when, draft, scale) };
  draft.back = backOf(rule, scale);
  return draft;
}

function backOf(rule: Rule, scale: number): number | null {
  const { when, clear } = rule;
  const shown = (value: number): number => Number((value * scale).toPrecision(12));
  if (clear?.kind === "threshold" && typeof clear.limit === "number") return shown(clear.limit);
  return clear?.kind === "band" && when.kind === "band" ? shown(Number(clear.low) - Number(when.low)) : null;
}

function valuesOf(when: Condition, draft: Draft, scale: number): Record<string, unknown> {
  const counting = { ...draft, values: { function: when.function } };
  const shown: Record<string, unknown> = {};
  for (const field of KINDS[draft.kind]?.fields ?? []) {
    const value = when[field.name];
    if (value === undefined || (value === 0 && !field.needed)) continue;
    shown[field.name] = typeof value === "number" ? Number((value / factorOf(field, counting, scale)).toPrecision(12)) : value;
  }
  return shown;
}
