import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "alarms-rules", path: "/alarmes/regles", load: () => import("./Rules.svelte") };
