/** Which devices: a query of the fleet in words, and as a person chooses it. */

import { territory } from "$ui/core/communes.svelte";
import { names } from "$ui/core/names.svelte";
import { t, words } from "$ui/core/words.svelte";

export type Target = Record<string, string | string[]>;

/** The query of what was chosen: a device is named by its own id, not by what resembles it. */
export function targetOf(what: string, who: string): Target {
  return what === "device" ? { keys: [who.trim()] } : { [what]: who.trim() };
}

/** A query as people say it. */
export function said(query: Target): string {
  const parts = Object.entries(query)
    .filter(([, value]) => value.length)
    .map(([name, value]) => `${t(`park.by.${name === "keys" ? "device" : name}`)} : ${valueOf(name, value)}`);
  return parts.join(" · ") || t("everything");
}

function valueOf(name: string, value: string | string[]): string {
  if (Array.isArray(value)) return value.length > 3 ? `${value.slice(0, 3).join(", ")}…` : value.join(", ");
  if (name === "state" || name === "lifecycle") return t(`${name}.${value}`);
  if (name === "commune") return territory.name(value);
  if (name === "model") return names.model(value);
  if (name === "group") return names.group(value);
  return name === "source" ? words.source(value) : value;
}
