import type { EntityTab } from "../../tabs";

export const tab: EntityTab = { id: "maintenant", order: 10, load: () => import("./Now.svelte") };
