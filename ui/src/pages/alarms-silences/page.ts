import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "alarms-silences", path: "/alarmes/silences", load: () => import("./Silences.svelte") };
