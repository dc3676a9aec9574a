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
  draw(context);
  return { name, data: context.getImageData(0, 0, made.width, made.height), ratio: RATIO };
}

function marker(tone: Tone, colour: string, ground: string): Picture {
  return picture(`state-${tone}`, 22, (context) => {
    context.translate(3, 3);
    context.scale(16 / 12, 16 / 12);
    const shape = new Path2D(shapeOf(tone));
    context.lineJoin = "round";
    context.lineWidth = 3;
    context.strokeStyle = ground;
    context.stroke(shape);
    context.fillStyle = colour;
    context.fill(shape, "evenodd");
  });
}

/** A cluster is neutral; only its ring says the worst state within, thicker as it is graver. */
function cluster(tone: Tone, size: number, colour: string, ground: string, line: string): Picture {
  return picture(`cluster-${tone}-${size}`, size + 8, (context) => {
    const middle = size / 2 + 4;
    context.beginPath();
    context.arc(middle, middle, size / 2, 0, 7);
    context.fillStyle = ground;
    context.fill();
    context.lineWidth = tone === "ok" ? 1.5 : 3.5;
    context.strokeStyle = tone === "ok" ? line : colour;
    if (tone === "late") context.setLineDash([6, 3]);
    if (tone === "silent") context.setLineDash([2, 3]);
    context.stroke();
  });
}

export const CLUSTER_SIZES = [30, 40, 52] as const;

export function pictures(colours: Record<Tone | "surface" | "line-strong", string>): Picture[] {
  return TONE_ORDER.flatMap((tone) => [
    marker(tone, colours[tone], colours.surface),
    ...CLUSTER_SIZES.map((size) => cluster(tone, size, colours[tone], colours.surface, colours["line-strong"])),
  ]);
}
