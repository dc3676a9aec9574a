import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "elected", path: "/territoire", nav: { order: 15, icon: "pin" }, load: () => import("./Elected.svelte") };
