/** A still picture of the map on a plain canvas: what a person sees while the map that moves is being made. */

import type { FeatureCollection, Point, Position } from "geojson";
import { TONE_ORDER, type Tone } from "../states";
import { drawCluster, drawMark, sizeOf, type MarkColours } from "./drawings";
import type { Box, Communes } from "./geometry";
import type { MapColours } from "./style";

/** Pixels of the whole world at zoom 0, as MapLibre counts them. */
const WORLD = 512;
/** Frames as fitBounds makes them. */
export const FIT = { padding: 24, maxZoom: 14 } as const;

type Place = (position: Position) => [number, number];

/** Web Mercator, in shares of the world (EPSG:3857 scaled to 1). */
function mercator([longitude = 0, latitude = 0]: Position): [number, number] {
  const angle = (latitude * Math.PI) / 180;
  return [(longitude + 180) / 360, (1 - Math.log(Math.tan(angle) + 1 / Math.cos(angle)) / Math.PI) / 2];
}

/** Where positions fall when a box fills a picture of that size, as MapLibre's fitBounds frames it. */
export function fitted([west, south, east, north]: Box, width: number, height: number): Place {
  const [left, bottom] = mercator([west, south]);
  const [right, top] = mercator([east, north]);
  const most = WORLD * 2 ** FIT.maxZoom;
  const scale = Math.min((width - 2 * FIT.padding) / (right - left), (height - 2 * FIT.padding) / (bottom - top), most);
  return (position) => {
    const [x, y] = mercator(position);
    return [width / 2 + (x - (left + right) / 2) * scale, height / 2 + (y - (top + bottom) / 2) * scale];
  };
}

interface Scene {
  box: Box;
  communes: Communes;
  features: FeatureCollection<Point>;
  colours: MapColours & MarkColours;
  locale: string;
}

/** Draws land and points at once; false when the canvas has no size yet. */
export function drawStill(canvas: HTMLCanvasElement, scene: Scene): boolean {
  const { clientWidth: width, clientHeight: height } = canvas;
  const context = canvas.getContext("2d");
  if (!context || !width || !height) return false;
  const ratio = devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  context.scale(ratio, ratio);
  context.fillStyle = scene.colours["map-water"];
  context.fillRect(0, 0, width, height);
  const place = fitted(scene.box, width, height);
  drawLand(context, scene, place);
  drawPoints(context, scene, place, getComputedStyle(canvas).fontFamily);
  return true;
}

function drawLand(context: CanvasRenderingContext2D, { communes, colours }: Scene, place: Place): void {
  const land = new Path2D();
  for (const { geometry } of communes.features) {
    const rings = geometry.type === "Polygon" ? geometry.coordinates : geometry.coordinates.flat();
    for (const ring of rings) {
      ring.forEach((position, at) => land[at ? "lineTo" : "moveTo"](...place(position)));
      land.closePath();
    }
  }
  context.fillStyle = colours["map-land"];
  context.fill(land, "evenodd");
  context.strokeStyle = colours["map-line"];
  context.stroke(land);
}

function drawPoints(context: CanvasRenderingContext2D, { features, colours, locale }: Scene, place: Place, font: string): void {
  const count = new Intl.NumberFormat(locale);
  context.font = `13px ${font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const { geometry, properties } of features.features) {
    const many = properties?.point_count as number | undefined;
    context.save();
    context.translate(...place(geometry.coordinates));
    if (many === undefined) drawMark(context, properties?.tone as Tone, colours);
    else {
      drawCluster(context, TONE_ORDER[properties?.worst as number] ?? "ok", sizeOf(many), colours);
      context.fillStyle = colours.ink;
      context.fillText(count.format(many), 0, 0);
    }
    context.restore();
  }
}
