import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "entities", path: "/entites", nav: { order: 30, icon: "entities" }, open: true, load: () => import("./Entities.svelte") };
