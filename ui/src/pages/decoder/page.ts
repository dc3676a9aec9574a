import type { Route } from "$ui/core/router.svelte";

export const page: Route = { name: "decoder", path: "/decodeur/:model", under: "/appareils", load: () => import("./Decoder.svelte") };
