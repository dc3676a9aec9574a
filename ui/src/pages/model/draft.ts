/** A model as a person edits it, and the way there and back. */

import type { Model } from "../park/types";

export interface Expected {
  channel: string;
  quantity: string;
  unit: string;
  /** Shown first on the pages of its devices, in this order. */
  first: boolean;
}

export type DefaultAlarm = Record<string, unknown> & {
  title?: string;
  severity?: string;
  target?: { attribute?: string };
  when?: { kind?: string; operator?: string; limit?: number; intervals?: number };
};

export interface Battery {
  curve: [number, number][];
  empty: number;
}

export interface Draft {
  label: string;
  maker: string;
  licence: string;
  minutes: number | null;
  values: Expected[];
  radio: Record<string, unknown>;
  battery: Battery;
  alarms: DefaultAlarm[];
  commands: string;
}

export const EMPTY: Model = { id: "", label: "", maker: "", interval_s: null, quantities: {}, units: {}, settings: {} };
const NO_BATTERY: Battery = { curve: [], empty: 0.05 };

export function draftOf(model: Model): Draft {
  const settings = model.settings;
  const first = (settings.page as string[] | undefined) ?? [];
  const channels = [...new Set([...first, ...Object.keys(model.quantities), ...Object.keys(model.units)])];
  return {
    label: model.label,
    maker: model.maker,
    licence: String(settings.licence ?? ""),
    minutes: model.interval_s === null ? null : model.interval_s / 60,
    values: channels.map((channel) => ({ channel, quantity: model.quantities[channel] ?? "", unit: model.units[channel] ?? "", first: first.includes(channel) })),
    radio: { ...(settings.radio as Record<string, unknown> | undefined) },
    battery: structuredClone((settings.battery as Battery | undefined) ?? NO_BATTERY),
    alarms: structuredClone((settings.alarms as DefaultAlarm[] | undefined) ?? []),
    commands: JSON.stringify(settings.commands ?? {}, null, 1),
  };
}

/** What is sent; raises SyntaxError when the commands are not JSON. */
export function bodyOf(draft: Draft, devices: number): Record<string, unknown> {
  const named = (field: "quantity" | "unit"): Record<string, string> => Object.fromEntries(draft.values.filter((each) => each.channel && each[field]).map((each) => [each.channel, each[field]]));
  return {
    label: draft.label,
    maker: draft.maker,
    licence: draft.licence,
    interval_s: draft.minutes ? Math.round(draft.minutes * 60) : null,
    quantities: named("quantity"),
    units: named("unit"),
    page: draft.values.filter((each) => each.channel && each.first).map((each) => each.channel),
    radio: Object.fromEntries(Object.entries(draft.radio).filter(([, value]) => value !== "" && value !== null)),
    battery: draft.battery.curve.length ? { ...draft.battery, curve: [...draft.battery.curve].sort((one, other) => one[0] - other[0]) } : null,
    alarms: draft.alarms,
    commands: JSON.parse(draft.commands || "{}") as unknown,
    devices,
  };
}

/** The voltage at which a share is left, straight lines between the points; null without a curve. */
export function voltsAt(curve: [number, number][], share: number): number | null {
  const points = [...curve].sort((one, other) => one[0] - other[0]);
  const above = points.findIndex((each) => each[1] >= share);
  const high = points[above];
  const low = points[above - 1];
  if (!high) return null;
  return low ? low[0] + ((share - low[1]) / (high[1] - low[1] || 1)) * (high[0] - low[0]) : high[0];
}
