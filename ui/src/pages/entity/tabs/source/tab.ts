import type { EntityTab } from "../../tabs";

export const tab: EntityTab = { id: "ngsild", order: 60, load: () => import("./SourceTab.svelte") };
