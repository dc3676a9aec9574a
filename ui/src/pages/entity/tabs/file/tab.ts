import type { EntityTab } from "../../tabs";

export const tab: EntityTab = { id: "dossier", order: 45, load: () => import("./FileTab.svelte") };
