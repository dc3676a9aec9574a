/** A rule as a person writes it: in shown units and minutes; and the rule that it makes. */

import type { Quantity } from "$ui/core/types";
import type { Condition, Rule } from "../alarms/kinds";

export interface Draft {
  id: string;
  title: string;
  type: string;
  attribute: string;
  kind: string;
  limit: number | null;
  low: number | null;
  high: number | null;
  back: number | null;
  minutes: number;
  hours: number;
  severity: string;
  chain: string;
  enabled: boolean;
  start: string;
  end: string;
  weekdays: boolean;
}

export const KINDS = ["above", "below", "band", "rate", "frozen", "silence", "unusual", "same_hour"];

export const EMPTY: Draft = {
  id: "", title: "", type: "", attribute: "", kind: "above", limit: null, low: null, high: null, back: null,
  minutes: 0, hours: 6, severity: "warning", chain: "", enabled: true, start: "", end: "", weekdays: false,
};

export function scaleOf(quantity: Quantity | undefined): number {
  return quantity?.shown_scale || 1;
}

function conditionOf(draft: Draft, scale: number): { when: Condition; clear: Condition | null } {
  const own = (value: number | null): number => (value ?? 0) / scale;
  const seconds = Math.round(draft.hours * 3600);
  const clear = (operator: string): Condition | null => (draft.back === null ? null : { kind: "threshold", operator, limit: own(draft.back) });
  switch (draft.kind) {
    case "above":
      return { when: { kind: "threshold", operator: ">", limit: own(draft.limit) }, clear: clear("<") };
    case "below":
      return { when: { kind: "threshold", operator: "<", limit: own(draft.limit) }, clear: clear(">") };
    case "band":
      return { when: { kind: "band", low: own(draft.low), high: own(draft.high) }, clear: null };
    case "rate":
      return { when: { kind: "rate", per_hour: own(draft.limit), direction: "both" }, clear: null };
    case "frozen":
      return { when: { kind: "frozen", for_s: seconds }, clear: null };
    case "silence":
      return { when: { kind: "silence", for_s: seconds }, clear: null };
    case "same_hour":
      return { when: { kind: "same_hour", times: draft.limit ?? 3 }, clear: null };
    default:
      return { when: { kind: "unusual", times: draft.limit ?? 5 }, clear: null };
  }
}

export function slug(title: string): string {
  const plain = title.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  return plain.replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60);
}

/** The rule; ``before`` keeps what the form does not show. */
export function ruleOf(draft: Draft, quantity: Quantity | undefined, before: Rule | null): Record<string, unknown> {
  const { when, clear } = conditionOf(draft, scaleOf(quantity));
  const schedule = draft.start && draft.end ? { days: draft.weekdays ? [1, 2, 3, 4, 5] : [1, 2, 3, 4, 5, 6, 7], start: draft.start, end: draft.end } : null;
  const { revision: _revision, ...others } = before ?? ({} as Partial<Rule>);
  return {
    ...others,
    id: draft.id || slug(draft.title),
    title: draft.title,
    target: { ...(before?.target ?? {}), type: draft.type, attribute: draft.attribute },
    when,
    clear,
    hold_s: Math.round(draft.minutes * 60),
    schedule,
    severity: draft.severity,
    chain: draft.chain,
    enabled: draft.enabled,
  };
}

/** The form of a kept rule, or null when it says more than the form can show. */
export function draftOf(rule: Rule, quantity: Quantity | undefined): Draft | null {
  const scale = scaleOf(quantity);
  const shown = (value: unknown): number | null => (typeof value === "number" ? Number((value * scale).toPrecision(12)) : null);
  const when = rule.when;
  const schedule = rule.schedule as { days: number[]; start: string; end: string } | null | undefined;
  const draft: Draft = {
    ...EMPTY, id: rule.id, title: rule.title, type: rule.target.type, attribute: rule.target.attribute, minutes: rule.hold_s / 60,
    severity: rule.severity, chain: rule.chain, enabled: rule.enabled, start: schedule?.start ?? "", end: schedule?.end ?? "", weekdays: schedule?.days.length === 5,
  };
  const back = rule.clear?.kind === "threshold" ? shown(rule.clear.limit) : null;
  if (when.kind === "threshold" && typeof when.limit === "number") return { ...draft, kind: String(when.operator).startsWith(">") ? "above" : "below", limit: shown(when.limit), back };
  if (when.kind === "band") return { ...draft, kind: "band", low: shown(when.low), high: shown(when.high) };
  if (when.kind === "rate") return { ...draft, kind: "rate", limit: shown(when.per_hour) };
  if (when.kind === "frozen" || (when.kind === "silence" && when.for_s)) return { ...draft, kind: when.kind, hours: Number(when.for_s) / 3600 };
  if (when.kind === "unusual" || (when.kind === "same_hour" && !when.margin)) return { ...draft, kind: when.kind, limit: Number(when.times) };
  return null;
}
