import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "map", path: "/carte", nav: { order: 20, icon: "map" }, load: () => import("./Territory.svelte") };
