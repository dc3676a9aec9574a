import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "access", path: "/acces", nav: { order: 72, icon: "check" }, load: () => import("./Access.svelte") };
