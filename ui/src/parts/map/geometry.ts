/** Plane geometry of the communes, in degrees: enough for labels, frames and "is it inside". */

import type { Feature, FeatureCollection, MultiPolygon, Point, Polygon, Position } from "geojson";

export type Communes = FeatureCollection<Polygon | MultiPolygon, { code: string; name: string; population?: number }>;
type Commune = Communes["features"][number];

function polygons(commune: Commune): Position[][][] {
  return commune.geometry.type === "Polygon" ? [commune.geometry.coordinates] : commune.geometry.coordinates;
}

function area(ring: Position[]): number {
  return ring.reduce((sum, [x = 0, y = 0], at) => {
    const [nextX = 0, nextY = 0] = ring[(at + 1) % ring.length] ?? [];
    return sum + (x * nextY - nextX * y) / 2;
  }, 0);
}

/** The middle of the largest piece: where the name goes. */
export function labelPoint(commune: Commune): Position {
  const ring = polygons(commune)
    .map((polygon) => polygon[0] ?? [])
    .sort((one, other) => Math.abs(area(other)) - Math.abs(area(one)))[0];
  if (!ring?.length) return [0, 0];
  const whole = area(ring);
  let [sumX, sumY] = [0, 0];
  ring.forEach(([x = 0, y = 0], at) => {
    const [nextX = 0, nextY = 0] = ring[(at + 1) % ring.length] ?? [];
    const cross = x * nextY - nextX * y;
    sumX += (x + nextX) * cross;
    sumY += (y + nextY) * cross;
  });
  return [sumX / (6 * whole), sumY / (6 * whole)];
}

export type Box = [number, number, number, number];

export function boxOf(communes: Feature<Polygon | MultiPolygon>[]): Box | null {
  const box: Box = [Infinity, Infinity, -Infinity, -Infinity];
  for (const commune of communes as Commune[]) {
    for (const [x = 0, y = 0] of polygons(commune).flat(2)) {
      box[0] = Math.min(box[0], x);
      box[1] = Math.min(box[1], y);
      box[2] = Math.max(box[2], x);
      box[3] = Math.max(box[3], y);
    }
  }
  return box[0] === Infinity ? null : box;
}

/** Around points alone, for a territory whose contours are not known. */
export function boxOfPoints(points: FeatureCollection<Point>): Box | null {
  const box: Box = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { geometry } of points.features) {
    const [x = 0, y = 0] = geometry.coordinates;
    box[0] = Math.min(box[0], x);
    box[1] = Math.min(box[1], y);
    box[2] = Math.max(box[2], x);
    box[3] = Math.max(box[3], y);
  }
  return box[0] === Infinity ? null : box;
}

function inRing(x: number, y: number, ring: Position[]): boolean {
  let inside = false;
  for (let at = 0, last = ring.length - 1; at < ring.length; last = at++) {
    const [ax = 0, ay = 0] = ring[at] ?? [];
    const [bx = 0, by = 0] = ring[last] ?? [];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

export function isInside(x: number, y: number, commune: Commune): boolean {
  return polygons(commune).some(([outer, ...holes]) => !!outer && inRing(x, y, outer) && !holes.some((hole) => inRing(x, y, hole)));
}

export function communeAt(x: number, y: number, communes: Communes): Commune | undefined {
  return communes.features.find((commune) => isInside(x, y, commune));
}
