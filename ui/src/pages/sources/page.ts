import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "sources", path: "/sources", nav: { order: 50, icon: "sources" }, load: () => import("./Sources.svelte") };
