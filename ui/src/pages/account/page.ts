import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "account", path: "/compte", nav: { order: 90, icon: "account" }, load: () => import("./Account.svelte") };
