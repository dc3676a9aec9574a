/** A chart as a picture that can be read alone: title, legend, plot, source. */

import { theme } from "$ui/core/theme.svelte";
import { dashOf, tokenOf, type Line } from "./lines";

export function pngOf(plot: HTMLCanvasElement, title: string, lines: Line[], footer: string): Promise<Blob> {
  const colours = theme.colours("surface", "ink", "ink-soft", "series-1", "series-2", "series-3", "series-4");
  const ratio = devicePixelRatio || 1;
  const family = getComputedStyle(document.body).fontFamily;
  const picture = document.createElement("canvas");
  picture.width = plot.width + 32 * ratio;
  picture.height = plot.height + 110 * ratio;
  const context = picture.getContext("2d") as CanvasRenderingContext2D;
  context.fillStyle = colours.surface;
  context.fillRect(0, 0, picture.width, picture.height);
  context.drawImage(plot, 16 * ratio, 68 * ratio);
  context.scale(ratio, ratio);
  context.fillStyle = colours.ink;
  context.font = `700 18px ${family}`;
  context.fillText(title, 16, 28);
  let left = 16;
  context.font = `14px ${family}`;
  for (const line of lines) {
    const label = line.unit ? `${line.label} (${line.unit})` : line.label;
    context.strokeStyle = colours[tokenOf(line)];
    context.lineWidth = 2.5;
    context.setLineDash(dashOf(line));
    context.beginPath();
    context.moveTo(left, 49);
    context.lineTo(left + 28, 49);
    context.stroke();
    context.fillText(label, left + 36, 54);
    left += 56 + context.measureText(label).width;
  }
  context.fillStyle = colours["ink-soft"];
  context.font = `12px ${family}`;
  context.fillText(footer, 16, picture.height / ratio - 14);
  return new Promise((resolve, reject) => picture.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("empty canvas"))), "image/png"));
}
