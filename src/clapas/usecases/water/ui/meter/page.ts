import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "water_meter", path: "/eau/compteurs/:id", load: () => import("./Meter.svelte") };
