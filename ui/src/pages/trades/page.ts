import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "trades", path: "/metiers", nav: { order: 35, icon: "check" }, load: () => import("./Trades.svelte") };
