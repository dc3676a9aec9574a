/** What each kind of condition asks of the person who writes it: one table, read both ways. */

export type Shape = "value" | "number" | "hours" | "minutes" | "operator" | "direction" | "function" | "by" | "attribute" | "entity" | "text" | "query" | "polygon" | "flag";

export interface Field {
  /** The condition's own field. */
  name: string;
  shape: Shape;
  needed?: boolean;
  /** What it is before anybody chooses. */
  first?: unknown;
  least?: number;
}

export interface Kind {
  /** The kind of the rule's condition. */
  kind: string;
  fields: Field[];
  /** What the person has not to say. */
  fixed?: Record<string, unknown>;
  /** It is about one moment, so that "for at least" means something. */
  instant?: boolean;
  /** It raises and clears by itself: no duration of its own. */
  itself?: boolean;
  /** It watches at all hours. */
  always?: boolean;
}

const DIRECTION: Field = { name: "direction", shape: "direction", first: "both" };
const OPERATOR: Field = { name: "operator", shape: "operator", first: ">" };
const FUNCTION: Field = { name: "function", shape: "function", first: "mean" };
const LIMIT: Field = { name: "limit", shape: "value", needed: true };
const times = (first: number): Field => ({ name: "times", shape: "number", first, least: 0, needed: true });

/** In the order in which people meet them. */
export const KINDS: Record<string, Kind> = {
  above: { kind: "threshold", fixed: { operator: ">" }, fields: [LIMIT], instant: true },
  below: { kind: "threshold", fixed: { operator: "<" }, fields: [LIMIT], instant: true },
  own: { kind: "threshold", fields: [OPERATOR, { name: "attribute", shape: "attribute", needed: true }, { name: "factor", shape: "number", first: 1 }], instant: true },
  band: { kind: "band", fields: [{ name: "low", shape: "value", needed: true }, { name: "high", shape: "value", needed: true }], instant: true },
  rate: { kind: "rate", fields: [{ name: "per_hour", shape: "value", needed: true }, DIRECTION], instant: true },
  versus: {
    kind: "versus",
    fields: [
      { name: "entity", shape: "entity" },
      { name: "relation", shape: "text" },
      { name: "attribute", shape: "attribute", needed: true },
      OPERATOR,
      { name: "margin", shape: "value", needed: true },
      { name: "within_s", shape: "minutes", first: 60, least: 1 },
    ],
    instant: true,
  },
  same_hour: { kind: "same_hour", fields: [times(3), { name: "margin", shape: "value" }, DIRECTION], instant: true },
  unusual: { kind: "unusual", fields: [times(6), DIRECTION], instant: true },
  shift: { kind: "shift", fields: [times(12)], instant: true },
  drift: { kind: "drift", fields: [times(3)], instant: true },
  frozen: { kind: "frozen", fields: [{ name: "for_s", shape: "hours", first: 6, needed: true }] },
  silence: { kind: "silence", fields: [{ name: "for_s", shape: "hours", first: 6 }, { name: "intervals", shape: "number" }], itself: true, always: true },
  aggregate: {
    kind: "aggregate",
    fields: [FUNCTION, { name: "window_s", shape: "hours", first: 24, needed: true }, OPERATOR, LIMIT, { name: "least", shape: "number", first: 1, least: 1 }],
    instant: true,
  },
  group: {
    kind: "group",
    fields: [FUNCTION, OPERATOR, LIMIT, { name: "by", shape: "by", first: "commune" }, { name: "within_s", shape: "hours", first: 24 }, { name: "least", shape: "number", first: 2, least: 1 }],
    itself: true,
  },
  fence: { kind: "fence", fields: [{ name: "inside", shape: "flag", first: false }, { name: "polygon", shape: "polygon", first: [] }], instant: true },
  sql: { kind: "sql", fields: [{ name: "query", shape: "query", needed: true }, { name: "every_s", shape: "minutes", first: 5, least: 1 }], itself: true },
  proposed: { kind: "proposed", fields: [{ name: "detector", shape: "text", needed: true }], itself: true, always: true },
};

/** The kinds that watch no attribute of their own choice. */
export const UNAIMED = ["sql", "proposed"];
