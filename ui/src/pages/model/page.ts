import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "model", path: "/modele/:id", load: () => import("./ModelPage.svelte") };
