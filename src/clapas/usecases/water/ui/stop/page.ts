import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "water_stop", path: "/eau/stop", bare: true, load: () => import("./Stop.svelte") };
