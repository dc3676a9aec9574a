import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "device", path: "/appareil/:key", under: "/appareils", load: () => import("./DevicePage.svelte") };
