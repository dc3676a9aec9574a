import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "home", path: "/", nav: { order: 10, icon: "home" }, load: () => import("./Home.svelte") };
