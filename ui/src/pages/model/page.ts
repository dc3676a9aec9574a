import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "model", path: "/modele/:id", under: "/appareils", load: () => import("./ModelPage.svelte") };
