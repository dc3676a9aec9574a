/** The rule that a form makes, read back as one sentence: what its author checks before keeping it. */

import { t, words } from "$ui/core/words.svelte";
import { short } from "../alarms/kinds";
import { ALL_DAYS, type Draft } from "./draft";
import { KINDS, UNAIMED, type Field } from "./fields";

const BLANK = "…";

/** A number as it was typed, in the reader's form. */
const typed = (value: number): string => value.toLocaleString(words.locale, { maximumFractionDigits: 6 });

export interface Named {
  /** Of the attribute that is watched. */
  quantity: string;
  unit: string;
  type: string;
  model: string;
  group: string;
  trade: string;
  communes: string[];
  chain: string;
}

function shown(field: Field, draft: Draft, unit: string): string {
  const value = draft.values[field.name];
  if (field.shape === "operator" || field.shape === "direction" || field.shape === "function" || field.shape === "by" || field.shape === "flag") return t(`alarms.choice.${String(value)}`);
  if (field.shape === "entity") return value ? short(String(value)) : "";
  if (value === null || value === undefined || value === "") return BLANK;
  if (typeof value !== "number") return String(value);
  const units = { value: draft.values.function === "count" ? "" : unit, hours: "h", minutes: "min" }[field.shape as string];
  return typed(value) + (units ? `\u00a0${units}` : "");
}

/** The variant of a kind's sentence that fits what was filled in. */
function template(draft: Draft): string {
  const { values, kind } = draft;
  if (kind === "silence" && values.intervals) return values.for_s ? "silence_both" : "silence_intervals";
  if (kind === "versus") return values.entity ? "versus_entity" : values.relation ? "versus_relation" : "versus";
  if (kind === "same_hour" && typeof values.margin === "number") return "same_hour_margin";
  return kind;
}

function what(draft: Draft, named: Named): string {
  const filled = Object.fromEntries((KINDS[draft.kind]?.fields ?? []).map((field) => [field.name, shown(field, draft, named.unit)]));
  return t(`alarms.said.${template(draft)}`, filled);
}

function things(draft: Draft, named: Named): string {
  const chosen = draft.entities.slice(0, 3).map(short).join(", ") + (draft.entities.length > 3 ? ` ${BLANK}` : "");
  const name = { type: named.type, trade: named.trade, model: named.model, group: named.group, entity: chosen }[draft.scope];
  const where = (named.communes.length ? t("alarms.said.communes", { names: named.communes.join(", ") }) : "") + (draft.beside.length ? t("alarms.said.beside", { words: draft.beside.join(", ") }) : "");
  if (!name && draft.scope !== "type") return BLANK + where;
  return (name ? t(`alarms.said.of_${draft.scope}`, { name }) : t("alarms.said.of_all")) + where;
}

function how(draft: Draft): string[] {
  const kind = KINDS[draft.kind];
  const found: string[] = [];
  if (kind?.instant && draft.minutes > 0) found.push(t("alarms.said.hold", { minutes: typed(draft.minutes) }));
  if (kind?.instant && draft.n > 1) found.push(t("alarms.said.often", { n: draft.n, m: Math.max(draft.n, draft.m) }));
  if (kind?.always) return found;
  if (draft.start && draft.end) found.push(t("alarms.said.between", { start: draft.start, end: draft.end }));
  if (draft.days.length < ALL_DAYS.length) found.push(draft.days.map((each) => t(`alarms.day.${each}`)).join(" "));
  return found;
}

function ends(draft: Draft, unit: string): string {
  if (draft.back === null || !["above", "below", "band"].includes(draft.kind)) return draft.clearMinutes > 0 && !KINDS[draft.kind]?.itself ? t("alarms.said.ends_after", { minutes: typed(draft.clearMinutes) }) : "";
  return t(`alarms.said.ends_${draft.kind}`, { back: typed(draft.back) + (unit ? `\u00a0${unit}` : "") });
}

export function said(draft: Draft, named: Named): string {
  const aimed = !UNAIMED.includes(draft.kind);
  const subject = aimed ? t("alarms.said.subject", { quantity: named.quantity || (draft.kind === "silence" ? t("alarms.said.any") : BLANK), things: things(draft, named) }) : "";
  const when = [subject, what(draft, named)].filter(Boolean).join(" ") + how(draft).map((each) => `, ${each}`).join("");
  const then = t(named.chain ? "alarms.said.then_tell" : "alarms.said.then", { severity: t(`severity.${draft.severity}`).toLocaleLowerCase(words.locale), chain: named.chain });
  return [t("alarms.said.when", { when }), then, ends(draft, named.unit)].filter(Boolean).join(" ");
}
