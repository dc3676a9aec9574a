import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "water_answer", path: "/eau/reponse", bare: true, load: () => import("./Answer.svelte") };
