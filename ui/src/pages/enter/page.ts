import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "enter", path: "/entrer", bare: true, load: () => import("./Enter.svelte") };
