import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "alarms", path: "/alarmes", nav: { order: 25, icon: "bell" }, load: () => import("./Alarms.svelte") };
