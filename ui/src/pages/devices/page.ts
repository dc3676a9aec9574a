import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "devices", path: "/appareils", nav: { order: 40, icon: "devices" }, load: () => import("./Devices.svelte") };
