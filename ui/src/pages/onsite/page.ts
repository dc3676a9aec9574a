import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "onsite", path: "/terrain", under: "/appareils", load: () => import("./Onsite.svelte") };
