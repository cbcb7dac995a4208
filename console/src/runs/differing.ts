/** What differs between runs: options, inputs and results by their names, and the figures they logged on one axis. Pure. */

import { formatValue } from "../format.ts";
import type { Logged } from "../generated/server.ts";
import { flattened } from "../parts/flattened.ts";

export interface DifferingRow {
  readonly name: string;
  /** In words, a run each; null where a run has none. */
  readonly values: readonly (string | null)[];
}

/** Rows whose values are not all the same, in the order of the first run that has each. */
export function differing(tables: readonly unknown[]): DifferingRow[] {
  const flat = tables.map(t => new Map(flattened(t)));
  const names = [...new Set(flat.flatMap(f => [...f.keys()]))];
  return names
    .map(name => ({
      name,
      values: flat.map(f => (f.has(name) ? formatValue(name.split(" ").at(-1) ?? name, f.get(name)) : null)),
      raw: flat.map(f => JSON.stringify(f.get(name))),
    }))
    .filter(({ raw }) => new Set(raw).size > 1)
    .map(({ name, values }) => ({ name, values }));
}

/** Every figure that a run logged, those that most runs have first. */
export function columnNames(runs: readonly Logged[]): string[] {
  const count = new Map<string, number>();
  for (const run of runs) for (const name of Object.keys(run.columns)) count.set(name, (count.get(name) ?? 0) + 1);
  return [...count.keys()].sort((a, b) => count.get(b)! - count.get(a)!);
}

/** One figure of all runs over one axis of steps: where a run has no point, it has a gap. */
export function overlaid(
  runs: readonly Logged[],
  name: string,
): { readonly x: number[]; readonly ys: readonly (readonly (number | null)[])[] } {
  const x = [...new Set(runs.flatMap(r => (r.columns[name] ? r.steps : [])))].sort((a, b) => a - b);
  const ys = runs.map(r => {
    const at = new Map(r.steps.map((step, i) => [step, r.columns[name]?.[i] ?? null]));
    return x.map(step => at.get(step) ?? null);
  });
  return { x, ys };
}

/** Places of the runs that logged a figure, by its unit in them: figures of two units never share an axis. */
export function byUnit(runs: readonly Logged[], name: string): { readonly unit: string | null; readonly members: readonly number[] }[] {
  const units = new Map<string | null, number[]>();
  for (const [i, run] of runs.entries()) {
    if (!run.columns[name]) continue;
    const unit = run.units[name] ?? null;
    units.set(unit, [...(units.get(unit) ?? []), i]);
  }
  return [...units].map(([unit, members]) => ({ unit, members }));
}
