import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "applications", path: "/applications", nav: { order: 75, icon: "link" }, load: () => import("./Applications.svelte") };
