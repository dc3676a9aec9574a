import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "assistant", path: "/premiere-source", nav: { order: 60, icon: "assistant", needs: "write device" }, load: () => import("./Assistant.svelte") };
