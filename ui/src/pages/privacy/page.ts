import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "privacy", path: "/droits", nav: { order: 74, icon: "rights", needs: "read privacy" }, load: () => import("./Privacy.svelte") };
