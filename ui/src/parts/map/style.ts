/** The style of the map: land, names of communes, points and clusters; nothing is fetched but our own font. */

import fontUrl from "@fontsource-variable/atkinson-hyperlegible-next/files/atkinson-hyperlegible-next-latin-wght-normal.woff2?url";
import type { FeatureCollection, Point } from "geojson";
import type { StyleSpecification } from "maplibre-gl";
import { labelPoint, type Communes } from "./geometry";
import { CLUSTER_SIZES, CLUSTER_STEPS } from "./drawings";

const FONT = ["Atkinson"];

export const MAP_TOKENS = ["map-land", "map-water", "map-line", "map-label", "ink", "brand", "brand-soft"] as const;
export type MapColours = Record<(typeof MAP_TOKENS)[number], string>;

function labels(communes: Communes): FeatureCollection<Point> {
  return {
    type: "FeatureCollection",
    features: communes.features.map((commune) => ({
      type: "Feature",
      properties: { name: commune.properties.name, population: commune.properties.population ?? 0 },
      geometry: { type: "Point", coordinates: labelPoint(commune) },
    })),
  };
}

const TONE_OF_WORST = ["match", ["get", "worst"], 3, "alarm", 2, "late", 1, "silent", "ok"];
const SIZE_OF_COUNT = ["step", ["get", "point_count"], String(CLUSTER_SIZES[0]), CLUSTER_STEPS[0], String(CLUSTER_SIZES[1]), CLUSTER_STEPS[1], String(CLUSTER_SIZES[2])];

interface Choice {
  commune: string;
  locale: string;
  /** Were the points gathered by the server already? */
  gathered: boolean;
}

export function styleOf(communes: Communes, points: FeatureCollection<Point>, colours: MapColours, { commune, locale, gathered }: Choice): StyleSpecification {
  const style = {
    version: 8,
    "font-faces": { Atkinson: new URL(fontUrl, location.href).href },
    sources: {
      communes: { type: "geojson", data: communes },
      labels: { type: "geojson", data: labels(communes) },
      points: {
        type: "geojson",
        data: points,
        cluster: !gathered,
        clusterRadius: 46,
        clusterMaxZoom: 14,
        clusterProperties: { worst: ["max", ["get", "rank"]] },
      },
    },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": colours["map-water"] } },
      { id: "land", type: "fill", source: "communes", paint: { "fill-color": colours["map-land"] } },
      {
        id: "chosen-fill",
        type: "fill",
        source: "communes",
        filter: ["==", ["get", "code"], commune],
        paint: { "fill-color": colours["brand-soft"], "fill-opacity": 0.6 },
      },
      { id: "limits", type: "line", source: "communes", paint: { "line-color": colours["map-line"], "line-width": 1 } },
      {
        id: "chosen",
        type: "line",
        source: "communes",
        filter: ["==", ["get", "code"], commune],
        paint: { "line-color": colours.brand, "line-width": 2.5 },
      },
      {
        id: "names",
        type: "symbol",
        source: "labels",
        layout: {
          "text-field": ["get", "name"],
          "text-font": FONT,
          "text-size": ["interpolate", ["linear"], ["zoom"], 9, 10.5, 12, 14],
          "text-variable-anchor": ["center", "top", "bottom", "left", "right"],
          "text-radial-offset": 1.6,
          "text-max-width": 8,
          "symbol-sort-key": ["-", 0, ["get", "population"]],
        },
        paint: { "text-color": colours["map-label"], "text-halo-color": colours["map-land"], "text-halo-width": 1.5 },
      },
      {
        id: "points",
        type: "symbol",
        source: "points",
        filter: ["!", ["has", "point_count"]],
        layout: {
          "icon-image": ["concat", "state-", ["get", "tone"]],
          "icon-allow-overlap": true,
          "symbol-sort-key": ["get", "rank"],
        },
      },
      {
        id: "clusters",
        type: "symbol",
        source: "points",
        filter: ["has", "point_count"],
        layout: {
          "icon-image": ["concat", "cluster-", TONE_OF_WORST, "-", SIZE_OF_COUNT],
          "icon-allow-overlap": true,
          "text-field": ["number-format", ["get", "point_count"], { locale }],
          "text-font": FONT,
          "text-size": 13,
          "text-allow-overlap": true,
        },
        paint: { "text-color": colours.ink },
      },
    ],
  };
  return style as unknown as StyleSpecification;
}
