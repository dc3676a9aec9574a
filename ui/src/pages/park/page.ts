import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "park", path: "/parc/:tab", under: "/appareils", load: () => import("./Park.svelte") };
