/** Parallel coordinates of runs: an axis per option and one for a result, categorical, linear or logarithmic; a line per run. Pure: drawing is the view's. */
import { formatNumber } from "../format.ts";
import type { RunColumn, RunRow } from "../generated/runs.ts";
import { linearTicks, logTicks, tickText } from "../parts/ticks.ts";

export type AxisScale = "linear" | "log" | "category";

export interface ParallelAxis {
  readonly key: string;
  /** Of its numbers; runs with another unit have no place on the axis. */
  readonly unit: string | null;
  readonly scale: AxisScale;
  /** Whether the scale can be changed between linear and logarithmic. */
  readonly canLog: boolean;
  /** From 0 (bottom) to 1 (top). */
  readonly ticks: readonly { readonly at: number; readonly text: string }[];
  /** Of each run; null: it has no value. */
  readonly places: readonly (number | null)[];
}

const mostAxes = 8;
const mostTicks = 6;
/** Numbers that are spread further than this factor are logarithmic where nobody chose. */
const widelySpread = 20;

type Values = readonly (string | number | undefined)[];

function categoryAxis(values: Values): Pick<ParallelAxis, "ticks" | "places"> {
  const names = [...new Set(values.filter(v => v !== undefined).map(String))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const placeOf = (name: string) => (names.length === 1 ? 0.5 : names.indexOf(name) / (names.length - 1));
  return {
    ticks: names.map(text => ({ at: placeOf(text), text })),
    places: values.map(v => (v === undefined ? null : placeOf(String(v)))),
  };
}

function numberAxis(values: readonly (number | undefined)[], isLog: boolean): Pick<ParallelAxis, "ticks" | "places"> {
  const numbers = values.filter(v => v !== undefined);
  const [min, max] = [Math.min(...numbers), Math.max(...numbers)];
  const scaled = isLog ? Math.log : (x: number) => x;
  const span = scaled(max) - scaled(min);
  const placeOf = (x: number) => (span === 0 ? 0.5 : (scaled(x) - scaled(min)) / span);
  const round = isLog ? logTicks(min, max, mostTicks) : linearTicks(min, max, mostTicks);
  const isWhole = numbers.every(Number.isInteger);
  const inside = round.filter(t => t >= min && t <= max && (!isWhole || Number.isInteger(t)));
  const ticks = inside.length >= 2 ? inside : [...new Set([min, max])];
  return {
    ticks: ticks.map(t => ({ at: placeOf(t), text: tickText(t) })),
    places: values.map(v => (v === undefined ? null : placeOf(v))),
  };
}

/** An axis of one column over the runs; `unit`: only numbers of it. */
export function parallelAxis(
  rows: readonly Pick<RunRow, "values" | "units">[],
  key: string,
  unit: string | null,
  wanted?: AxisScale,
): ParallelAxis {
  const values: Values = rows.map(r => (unit === null || r.units[key] === unit ? r.values[key] : undefined));
  const numbers = values.filter(v => v !== undefined);
  if (numbers.length === 0) return { key, unit, scale: "category", canLog: false, ticks: [], places: values.map(() => null) };
  if (numbers.some(v => typeof v !== "number")) return { key, unit, scale: "category", canLog: false, ...categoryAxis(values) };
  const known = values as readonly (number | undefined)[];
  const [min, max] = [Math.min(...(numbers as number[])), Math.max(...(numbers as number[]))];
  const canLog = min > 0 && max > min;
  const scale = wanted === "linear" || !canLog ? "linear" : wanted === "log" || max / min >= widelySpread ? "log" : "linear";
  return { key, unit, scale, canLog, ...numberAxis(known, scale === "log") };
}

/** The units of a column's numbers over these runs. */
export const unitsOf = (rows: readonly Pick<RunRow, "values" | "units">[], key: string): (string | null)[] => [
  ...new Set(rows.filter(r => r.values[key] !== undefined).map(r => r.units[key] ?? null)),
];

/** Options that differ between the runs, those with the fewest missing values first; at most so many that the last axis fits too. */
export function differingOptions(rows: readonly Pick<RunRow, "values">[], columns: readonly RunColumn[]): string[] {
  return columns
    .filter(c => c.of === "option")
    .map(({ key }) => {
      const values = rows.map(r => r.values[key]);
      return { key, numDistinct: new Set(values).size, numMissing: values.filter(v => v === undefined).length };
    })
    .filter(c => c.numDistinct > 1 && c.numMissing < rows.length)
    .sort((a, b) => a.numMissing - b.numMissing)
    .map(c => c.key)
    .slice(0, mostAxes - 1);
}

/** The axes of a picture: options, then the result, which has an axis for each of its units. */
export const parallelAxes = (
  rows: readonly Pick<RunRow, "values" | "units">[],
  options: readonly string[],
  result: string,
  scales: ReadonlyMap<string, AxisScale>,
): ParallelAxis[] => [...options, result].flatMap(key => unitsOf(rows, key).map(unit => parallelAxis(rows, key, unit, scales.get(key))));

/** A run's line in words, axis by axis. */
export const lineInWords = (
  name: string,
  row: Pick<RunRow, "values" | "units">,
  axes: readonly Pick<ParallelAxis, "key" | "unit">[],
  labelOf: (key: string) => string,
): string =>
  `${name}: ${axes
    .filter(a => a.unit === null || row.units[a.key] === a.unit)
    .map(({ key }) => {
      const value = row.values[key];
      const unit = row.units[key];
      return `${labelOf(key)} ${value === undefined ? "none" : typeof value === "number" ? formatNumber(value) : value}${unit ? ` ${unit}` : ""}`;
    })
    .join(", ")}`;
