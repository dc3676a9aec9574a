import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "audit", path: "/journal", load: () => import("./Audit.svelte") };
