import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "broker", path: "/ngsi-ld", nav: { order: 76, icon: "broker" }, load: () => import("./Broker.svelte") };
