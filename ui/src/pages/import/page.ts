import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "import", path: "/importer", under: "/appareils", load: () => import("./Import.svelte") };
