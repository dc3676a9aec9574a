/** Pages are discovered: a folder with a page.ts is a page, here or in a trade's ui/ folder. */

import type { Route } from "./router.svelte";

const found = import.meta.glob<Route>(["../pages/*/page.ts", "../../../src/clapas/usecases/*/ui/**/page.ts"], { eager: true, import: "page" });

export const routes: Route[] = Object.values(found);

/** The pages of the navigation, in their order. */
export const places = routes.filter((route) => route.nav).sort((one, other) => (one.nav?.order ?? 0) - (other.nav?.order ?? 0));
