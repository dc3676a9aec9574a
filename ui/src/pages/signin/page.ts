import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "signin", path: "/connexion", bare: true, load: () => import("./SignIn.svelte") };
