/** The small pictures of the map, drawn for the theme in force: state markers and cluster stones. */

import { shapeOf, TONE_ORDER, type Tone } from "../states";

const RATIO = 2;

export interface Picture {
  name: string;
  data: ImageData;
  ratio: number;
}

function canvas(size: number): [HTMLCanvasElement, CanvasRenderingContext2D] {
  const made = document.createElement("canvas");
  made.width = made.height = size * RATIO;
  const context = made.getContext("2d") as CanvasRenderingContext2D;
  context.scale(RATIO, RATIO);
  return [made, context];
}

function picture(name: string, size: number, draw: (context: CanvasRenderingContext2D) => void): Picture {
  const [made, context] = canvas(size);
  context.translate(size / 2, size / 2);
  draw(context);
  return { name, data: context.getImageData(0, 0, made.width, made.height), ratio: RATIO };
}

export type MarkColours = Record<Tone | "surface" | "line-strong", string>;
export const MARK_TOKENS = ["ok", "late", "silent", "alarm", "surface", "line-strong"] as const;
const MARK = 22;

/** One thing, around the origin. */
export function drawMark(context: CanvasRenderingContext2D, tone: Tone, colours: MarkColours): void {
  context.save();
  context.translate(-8, -8);
  context.scale(16 / 12, 16 / 12);
  const shape = new Path2D(shapeOf(tone));
  context.lineJoin = "round";
  context.lineWidth = 3;
  context.strokeStyle = colours.surface;
  context.stroke(shape);
  context.fillStyle = colours[tone];
  context.fill(shape, "evenodd");
  context.restore();
}

/** Several things, around the origin: neutral; only its ring says the worst state within, thicker as it is graver. */
export function drawCluster(context: CanvasRenderingContext2D, tone: Tone, size: number, colours: MarkColours): void {
  context.save();
  context.beginPath();
  context.arc(0, 0, size / 2, 0, 7);
  context.fillStyle = colours.surface;
  context.fill();
  context.lineWidth = tone === "ok" ? 1.5 : 3.5;
  context.strokeStyle = tone === "ok" ? colours["line-strong"] : colours[tone];
  if (tone === "late") context.setLineDash([6, 3]);
  if (tone === "silent") context.setLineDash([2, 3]);
  context.stroke();
  context.restore();
}

/** Sizes of a cluster in pixels, and from how many things on. */
export const CLUSTER_SIZES = [30, 40, 52] as const;
export const CLUSTER_STEPS = [50, 1000] as const;

export function sizeOf(count: number): number {
  return CLUSTER_SIZES[CLUSTER_STEPS.filter((step) => count >= step).length] ?? CLUSTER_SIZES[0];
}

export function pictures(colours: MarkColours): Picture[] {
  return TONE_ORDER.flatMap((tone) => [
    picture(`state-${tone}`, MARK, (context) => drawMark(context, tone, colours)),
    ...CLUSTER_SIZES.map((size) => picture(`cluster-${tone}-${size}`, size + 8, (context) => drawCluster(context, tone, size, colours))),
  ]);
}
