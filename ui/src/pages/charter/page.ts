import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "charter", path: "/charte", nav: { order: 70, icon: "charter" }, load: () => import("./Charter.svelte") };
