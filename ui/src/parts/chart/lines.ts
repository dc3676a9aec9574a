/** What a chart draws, and the uPlot options that draw it in our words, colours and clock. */

import uPlot from "uplot";
import { number, zone } from "$ui/core/format";
import type { theme } from "$ui/core/theme.svelte";
import { words } from "$ui/core/words.svelte";

export interface Line {
  id: string;
  label: string;
  unit: string;
  decimals?: number;
  times: number[];
  values: (number | null)[];
  low?: (number | null)[];
  high?: (number | null)[];
  /** Colour token and dash by rank; a comparison keeps the colour of what it compares, dashed. */
  rank: number;
  compared?: boolean;
}

export const DASHES: number[][] = [[], [9, 5], [2, 4], [12, 4, 2, 4]];

export function dashOf(line: Line): number[] {
  return line.compared ? [3, 4] : (DASHES[line.rank % DASHES.length] ?? []);
}

export function tokenOf(line: Line): "series-1" | "series-2" | "series-3" | "series-4" {
  return (["series-1", "series-2", "series-3", "series-4"] as const)[(line.rank + (line.compared ? 1 : 0)) % 4] ?? "series-1";
}

/** Seconds and columns, aligned over every line: x, then value (and low, high for the first alone). */
export function columns(lines: Line[]): { data: uPlot.AlignedData; banded: boolean } {
  const only = lines.length === 1 ? lines[0] : undefined;
  const banded = !!only?.low?.some((value) => value !== null) && !!only.high;
  const tables = lines.map((line): uPlot.AlignedData => {
    const seconds = line.times.map((time) => time / 1000);
    return banded ? [seconds, line.values, line.high ?? [], line.low ?? []] : [seconds, line.values];
  });
  return { data: tables.length > 1 ? uPlot.join(tables) : (tables[0] ?? [[], []]), banded };
}

function ticks(format: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(words.locale, { timeZone: zone(), ...format });
}

function timeLabels(seconds: number[], step: number): string[] {
  const hour = ticks({ hour: "2-digit", minute: "2-digit" });
  const day = ticks({ day: "numeric", month: "short" });
  const month = ticks({ month: "short", year: "numeric" });
  let before = "";
  return seconds.map((second) => {
    const moment = second * 1000;
    if (step >= 28 * 86_400) return month.format(moment);
    const date = day.format(moment);
    if (step >= 86_400) return date;
    const label = date === before ? hour.format(moment) : `${hour.format(moment)}\n${date}`;
    before = date;
    return label;
  });
}

export function options(
  lines: Line[],
  banded: boolean,
  colours: ReturnType<typeof theme.colours>,
  size: { width: number; height: number; font: string },
): uPlot.Options {
  const axis = { stroke: colours["ink-soft"], grid: { stroke: colours.line, width: 1 }, ticks: { stroke: colours.line, width: 1 }, font: `13px ${size.font}` };
  const drawn = lines.map((line): uPlot.Series => ({
    label: line.label,
    stroke: colours[tokenOf(line)],
    width: 2,
    dash: dashOf(line),
    spanGaps: false,
    points: { show: line.times.length < 60, size: 5 },
  }));
  const edges: uPlot.Series[] = banded ? [{ stroke: "transparent", points: { show: false } }, { stroke: "transparent", points: { show: false } }] : [];
  return {
    width: size.width,
    height: size.height,
    tzDate: (second) => uPlot.tzDate(new Date(second * 1000), zone()),
    padding: [12, 8, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 8 } },
    series: [{}, ...drawn, ...edges],
    bands: banded ? [{ series: [2, 3], fill: colours["brand-soft"] }] : [],
    axes: [
      { ...axis, size: 48, space: 70, values: (_plot, splits, _axis, _space, step) => timeLabels(splits, step) },
      { ...axis, size: 62, values: (_plot, splits) => splits.map((value) => number(value)) },
    ],
  };
}
