/** The part of the map's columns that the filters of the URL keep. */

import type { EntityMap } from "$ui/core/types";
import { boxOf, isInside, type Communes } from "$ui/parts/map/geometry";

export function selected(all: EntityMap, communes: Communes | null, commune: string, state: string): EntityMap {
  if (!commune && !state) return all;
  const contour = commune ? communes?.features.find((each) => each.properties.code === commune) : undefined;
  const box = contour && boxOf([contour]);
  const kept: number[] = [];
  for (let at = 0; at < all.ids.length; at++) {
    if (state && all.states[at] !== state) continue;
    if (contour && box) {
      const x = all.longitudes[at] ?? 0;
      const y = all.latitudes[at] ?? 0;
      if (x < box[0] || x > box[2] || y < box[1] || y > box[3] || !isInside(x, y, contour)) continue;
    }
    kept.push(at);
  }
  const pick = <T,>(column: T[]): T[] => kept.map((at) => column[at] as T);
  return {
    ids: pick(all.ids),
    types: pick(all.types),
    longitudes: pick(all.longitudes),
    latitudes: pick(all.latitudes),
    states: pick(all.states),
    values: pick(all.values),
    asked: all.asked,
  };
}

/** The columns with what changed since they were asked; places that the map did not have are added. */
export function merged(all: EntityMap, changed: EntityMap): EntityMap {
  const place = new Map(all.ids.map((id, at) => [id, at]));
  const next: EntityMap = { ...all, ids: [...all.ids], types: [...all.types], longitudes: [...all.longitudes], latitudes: [...all.latitudes], states: [...all.states], values: [...all.values], asked: changed.asked };
  changed.ids.forEach((id, from) => {
    const at = place.get(id) ?? next.ids.length;
    next.ids[at] = id;
    next.types[at] = changed.types[from] ?? "";
    next.longitudes[at] = changed.longitudes[from] ?? 0;
    next.latitudes[at] = changed.latitudes[from] ?? 0;
    next.states[at] = changed.states[from] ?? "ok";
    next.values[at] = changed.values[from] ?? null;
  });
  return next;
}
