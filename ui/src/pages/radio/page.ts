import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "radio", path: "/radio", nav: { order: 43, icon: "radio" }, load: () => import("./Radio.svelte") };
