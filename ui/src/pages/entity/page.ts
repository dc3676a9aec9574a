import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "entity", path: "/entites/:id", open: true, load: () => import("./EntityPage.svelte") };
