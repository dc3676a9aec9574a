import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "alarms-inbox", path: "/alarmes/messages", load: () => import("./Inbox.svelte") };
