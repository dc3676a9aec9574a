/** Tabs of an entity are discovered: a room adds one with a tab.ts in a folder of its own. */

import type { Component } from "svelte";
import type { EntityFull } from "$ui/core/types";

export interface EntityTab {
  /** Also its value in the URL ("?onglet=…") and its word: "tab.<id>", or "<id>.tab" in a trade's own words. */
  id: string;
  order: number;
  load: () => Promise<{ default: Component<{ entity: EntityFull }> }>;
  /** Absent = for every entity. */
  when?: (entity: EntityFull) => boolean;
}

const found = import.meta.glob<EntityTab>(["./tabs/*/tab.ts", "../../../../src/clapas/usecases/*/ui/**/tab.ts"], { eager: true, import: "tab" });

export const tabs: EntityTab[] = Object.values(found).sort((one, other) => one.order - other.order);
