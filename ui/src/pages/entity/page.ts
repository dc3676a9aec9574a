import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "entity", path: "/entites/:id", load: () => import("./EntityPage.svelte") };
