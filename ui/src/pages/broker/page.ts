import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "broker", path: "/ngsi-ld", nav: { order: 72, icon: "link" }, load: () => import("./Broker.svelte") };
