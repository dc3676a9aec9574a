import type { EntityTab } from "../../tabs";

export const tab: EntityTab = { id: "historique", order: 20, load: () => import("./HistoryTab.svelte") };
