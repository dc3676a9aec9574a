import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "access", path: "/acces", nav: { order: 72, icon: "people" }, load: () => import("./Access.svelte") };
