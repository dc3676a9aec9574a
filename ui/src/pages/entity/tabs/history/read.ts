/** Asks the history of several attributes, and makes of the answer lines that a chart draws. */

import { api } from "$ui/core/api";
import { session } from "$ui/core/session.svelte";
import { shownUnit } from "$ui/core/format";
import type { Attribute, EntityFull, History } from "$ui/core/types";
import { words } from "$ui/core/words.svelte";
import type { Line } from "$ui/parts/chart/lines";
import type { Period } from "./period";

export function labelOf(attribute: Attribute): string {
  return (words.language === "fr" ? attribute.label_fr : attribute.label_en) || session.quantityLabel(attribute.quantity) || attribute.attribute;
}

type Answer = History | History[] | { series: History[] } | { items: History[] };

function histories(answer: Answer): History[] {
  if (Array.isArray(answer)) return answer;
  if ("items" in answer) return answer.items;
  return Array.isArray(answer.series) ? answer.series : [answer as History];
}

export interface Asked {
  attributes: Attribute[];
  period: Period;
  step: string;
  aggregate: string;
}

export function queryOf(asked: Asked): Record<string, string> {
  return {
    attributes: asked.attributes.map((each) => each.attribute).join(","),
    from: new Date(asked.period.from).toISOString(),
    to: new Date(asked.period.to).toISOString(),
    step: asked.step,
    aggregate: asked.aggregate,
    max_points: "2000",
  };
}

export async function readHistory(entity: EntityFull, asked: Asked, signal: AbortSignal): Promise<History[]> {
  return histories(await api.get<Answer>(`/entities/${encodeURIComponent(entity.id)}/history`, queryOf(asked), signal));
}

function scaled(values: (number | null)[] | undefined, scale: number): (number | null)[] | undefined {
  return values?.map((value) => (typeof value === "number" ? value * scale : null));
}

/** Lines in the units that people read; `shift` brings a comparison onto the same dates. */
export function linesOf(found: History[], asked: Asked, options: { compared?: string; shift?: number } = {}): Line[] {
  const counted = asked.aggregate === "count";
  return found.flatMap((history): Line[] => {
    const rank = asked.attributes.findIndex((each) => each.attribute === history.attribute);
    const attribute = asked.attributes[rank];
    if (!attribute) return [];
    const scale = counted ? 1 : attribute.shown_scale || 1;
    return [
      {
        id: `${history.attribute}${options.compared ? "|compared" : ""}`,
        label: options.compared ? `${labelOf(attribute)}, ${options.compared}` : labelOf(attribute),
        unit: counted ? "" : shownUnit(attribute),
        decimals: counted ? 0 : attribute.decimals,
        times: history.times.map((time) => time + (options.shift ?? 0)),
        values: scaled(history.values, scale) ?? [],
        low: counted ? undefined : scaled(history.min, scale),
        high: counted ? undefined : scaled(history.max, scale),
        rank,
        compared: !!options.compared,
      },
    ];
  });
}

export interface Figures {
  count: number;
  low: number;
  high: number;
  mean: number;
  lowAt: number;
  highAt: number;
}

export function figuresOf(line: Line): Figures | null {
  const figures: Figures = { count: 0, low: Infinity, high: -Infinity, mean: 0, lowAt: 0, highAt: 0 };
  line.values.forEach((value, at) => {
    if (value === null) return;
    const low = line.low?.[at] ?? value;
    const high = line.high?.[at] ?? value;
    figures.count += 1;
    figures.mean += value;
    if (low < figures.low) [figures.low, figures.lowAt] = [low, line.times[at] ?? 0];
    if (high > figures.high) [figures.high, figures.highAt] = [high, line.times[at] ?? 0];
  });
  return figures.count ? { ...figures, mean: figures.mean / figures.count } : null;
}
