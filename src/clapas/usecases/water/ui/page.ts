import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "water", path: "/eau", nav: { order: 36, icon: "water" }, load: () => import("./Water.svelte") };
