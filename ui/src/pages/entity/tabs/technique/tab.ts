import type { EntityTab } from "../../tabs";

export const tab: EntityTab = { id: "technique", order: 50, load: () => import("./Technique.svelte") };
