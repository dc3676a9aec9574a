import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "device", path: "/appareil/:key", load: () => import("./DevicePage.svelte") };
