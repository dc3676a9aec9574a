/** The first question of the map: the whole territory, gathered as for this zoom. */

export const FIRST_ZOOM = 10;

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
