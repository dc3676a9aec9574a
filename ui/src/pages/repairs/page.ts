import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "repairs", path: "/reparations", nav: { order: 45, icon: "repairs" }, load: () => import("./Repairs.svelte") };
