import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "decoder", path: "/decodeur/:model", load: () => import("./Decoder.svelte") };
