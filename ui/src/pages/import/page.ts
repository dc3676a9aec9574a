import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "import", path: "/importer", load: () => import("./Import.svelte") };
