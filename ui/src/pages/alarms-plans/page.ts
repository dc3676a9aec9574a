import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "alarms-plans", path: "/alarmes/astreinte", load: () => import("./Plans.svelte") };
