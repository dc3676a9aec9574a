/** The communes of the territory: asked once, used by maps, filters and names. */

import type { Communes } from "$ui/parts/map/geometry";
import { api } from "./api";

class Territory {
  communes = $state.raw<Communes | null>(null);
  #asked = false;

  /** Begins to load; a territory without contours still has its tables. */
  want(): void {
    if (this.#asked) return;
    this.#asked = true;
    api.get<Communes>("/territory/communes.geojson").then(
      (communes) => (this.communes = communes),
      () => (this.communes = { type: "FeatureCollection", features: [] }),
    );
  }

  sorted = $derived.by(() =>
    (this.communes?.features ?? [])
      .map((each) => ({ code: each.properties.code, name: each.properties.name }))
      .sort((one, other) => one.name.localeCompare(other.name, "fr")),
  );

  /** Entities carry a code or a name: show the name. */
  name(commune: string): string {
    return this.communes?.features.find((each) => each.properties.code === commune)?.properties.name ?? commune;
  }
}

export const territory = new Territory();
