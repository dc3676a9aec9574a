/** The four tones that every state of every thing comes down to, and the shape of each. */

export type Tone = "ok" | "late" | "silent" | "alarm";

const TONES: Record<string, Tone> = {
  ok: "ok",
  online: "ok",
  stored: "ok",
  active: "ok",
  late: "late",
  waiting: "late",
  proposed: "late",
  duplicate: "silent",
  silent: "silent",
  never: "silent",
  off: "silent",
  alarm: "alarm",
  error: "alarm",
  rejected: "alarm",
  critical: "alarm",
  warning: "late",
  major: "alarm",
  minor: "late",
  info: "silent",
};

export function toneOf(state: string): Tone {
  return TONES[state] ?? "silent";
}

/** Disc, diamond, ring, triangle, on a 12 grid. */
const SHAPES: Record<Tone, string> = {
  ok: "M6 1.500a4.500 4.500 0 1 1 0 9 4.500 4.500 0 0 1 0-9z",
  late: "M6 .5 11.500 6 6 11.500.5 6z",
  silent: "M6 1a5 5 0 1 1 0 10A5 5 0 0 1 6 1zm0 2.400a2.600 2.600 0 1 0 0 5.200 2.600 2.600 0 0 0 0-5.200z",
  alarm: "M6 .8 11.800 11H.2z",
};

export function shapeOf(tone: Tone): string {
  return SHAPES[tone];
}

export const TONE_ORDER: Tone[] = ["ok", "silent", "late", "alarm"];
