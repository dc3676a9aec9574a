/** The first question of the map: the whole territory, gathered before its frame is known. */

const PHONE_PX = 768;
/** About the zoom at which a metropolis, forty kilometres wide, fills this screen. */
export const FIRST_ZOOM = innerWidth < PHONE_PX ? 9 : 10;

export interface MapFilters {
  type: string;
  commune: string;
  state: string;
}

export function filtersOf(query: URLSearchParams): MapFilters {
  return { type: query.get("type") ?? "", commune: query.get("commune") ?? "", state: query.get("state") ?? "" };
}

export function questionOf(filters: MapFilters, zoom: number, bbox = ""): Record<string, string> {
  return { ...filters, zoom: zoom.toFixed(2), bbox };
}
