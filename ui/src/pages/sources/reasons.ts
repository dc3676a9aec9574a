/** Who must act on a reject, and which reasons there are. */

import type { Ledger } from "$ui/core/types";

const OPERATOR = new Set(["unknown_device", "unknown_source", "unknown_topic", "no_codec", "no_binding", "no_model", "foreign"]);
const US = new Set(["internal", "internal_error", "defect"]);

/** The device's owner unless the platform's operator can mend it, or we must. */
export function actorOf(reason: string): "owner" | "operator" | "us" {
  if (US.has(reason)) return "us";
  return OPERATOR.has(reason) || reason.startsWith("codec") ? "operator" : "owner";
}

/** Reasons and their counts, most frequent first, of one source or of all. */
export function reasonsOf(ledger: Ledger | null, source: string): [string, number][] {
  const found = new Map<string, number>();
  for (const each of ledger?.by_source ?? []) {
    if (source && each.source !== source) continue;
    for (const [code, count] of Object.entries(each.reasons ?? {})) found.set(code, (found.get(code) ?? 0) + count);
  }
  return [...found.entries()].sort((one, other) => other[1] - one[1]);
}
