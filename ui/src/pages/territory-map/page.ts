import { api } from "$ui/core/api";
import type { Route } from "$ui/core/router.svelte";
import { filtersOf, FIRST_ZOOM, questionOf } from "./first";

/** The points and the contours travel together with the page. */
function ahead(query: URLSearchParams): void {
  api.ahead("/entities/clusters", questionOf(filtersOf(query), FIRST_ZOOM));
  api.ahead("/territory/communes.geojson");
}

export const page: Route = { name: "map", path: "/carte", nav: { order: 20, icon: "map" }, ahead, open: true, load: () => import("./Territory.svelte") };
