import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "trades", path: "/metiers", nav: { order: 35, icon: "trades" }, load: () => import("./Trades.svelte") };
