import { api } from "$ui/core/api";
import type { Route } from "$ui/core/router.svelte";

async function count(): Promise<number> {
  const kinds = await api.get<Record<string, number>>("/repairs/count");
  return Object.values(kinds).reduce((sum, each) => sum + each, 0);
}

export const page: Route = { name: "repairs", path: "/reparations", nav: { order: 45, icon: "repairs", count }, load: () => import("./Repairs.svelte") };
