/**
 * Since when a window differs: over a series of windows, the split after which the rest is farthest from the reference, by the likelihood ratio of its bins
 * (the generalised likelihood ratio of one change that still lasts; Siegmund and Venkatraman 1995).
 */
import { binCounts, chiSquareAbove, quantileEdges } from "../../statistics/index.ts";
import { checkSetting, watchErrors } from "../errors.ts";
import { checkTokenizers, featureData, type Sketch, typedData } from "./sketch.ts";

export interface TimedSketch {
  /** Where the window begins. */
  readonly atMs: number;
  readonly sketch: Sketch;
}

export interface DriftOnset {
  readonly feature: string;
  /** A category's name, a token's id, a coordinate's number; null for the whole feature. */
  readonly value: string | number | null;
  /** Beginning of the first window of the changed stretch, which lasts to the end; null where there is no such stretch. */
  readonly sinceMs: number | null;
  /** Windows of the stretch. */
  readonly windows: number;
  /** Of "nothing has changed", over all splits (Bonferroni). */
  readonly p: number;
}

interface OnsetOptions {
  /** Level of each feature (default 0.05). */
  readonly alpha?: number;
  /** Bins of numbers (default 10). */
  readonly bins?: number;
  /** Values of a category or tokens that are looked at, the most changed ones (default 5). */
  readonly most?: number;
}

type Counts = ArrayLike<number>;

/** Twice the log likelihood ratio of one distribution and two (Wilks 1938). */
function likelihoodRatio(x: Counts, y: Counts): { readonly statistic: number; readonly freedom: number } {
  let [n, m] = [0, 0];
  for (let k = 0; k < x.length; k++) [n, m] = [n + x[k]!, m + y[k]!];
  let [sum, used] = [0, 0];
  const term = (count: number, share: number, all: number) => (count === 0 ? 0 : count * Math.log(count / all / share));
  for (let k = 0; k < x.length; k++) {
    const both = x[k]! + y[k]!;
    if (both === 0) continue;
    used++;
    const share = both / (n + m);
    sum += term(x[k]!, share, n) + term(y[k]!, share, m);
  }
  return { statistic: n === 0 || m === 0 ? 0 : 2 * sum, freedom: used - 1 };
}

/** The best split of a series of counts [windows][bins]. */
function onsetOf(reference: Counts, series: readonly Counts[], windows: readonly TimedSketch[], alpha: number) {
  const rest = new Float64Array(reference.length);
  let best = { statistic: 0, from: windows.length, p: 1 };
  for (let from = windows.length - 1; from >= 0; from--) {
    for (let k = 0; k < rest.length; k++) rest[k] = rest[k]! + series[from]![k]!;
    const { statistic, freedom } = likelihoodRatio(reference, rest);
    const p = freedom < 1 ? 1 : Math.max(Number.MIN_VALUE, Math.min(1, windows.length * chiSquareAbove(statistic, freedom)));
    if (statistic > best.statistic) best = { statistic, from, p };
  }
  const isChanged = best.p <= alpha;
  return { sinceMs: isChanged ? windows[best.from]!.atMs : null, windows: isChanged ? windows.length - best.from : 0, p: best.p };
}

/** A feature as counts in bins of the reference, or as one such pair of counts a value. */
interface Binned {
  readonly value: string | number | null;
  of(sketch: Sketch): Counts;
}

function numberBins(name: string, reference: Sketch, windows: readonly TimedSketch[], bins: number): Binned[] {
  const own = typedData(reference, name, "number")!;
  if (own.sample.length === 0) return [];
  const edgesOf = ({ spec }: Sketch) => (spec.features[name]?.type === "number" ? spec.features[name].edges : undefined);
  const given = edgesOf(windows[0]!.sketch);
  const isShared = given !== undefined && windows.every(w => edgesOf(w.sketch)?.join() === given.join());
  const edges = isShared ? given : quantileEdges(own.sample, bins);
  return [
    {
      value: null,
      of(sketch) {
        const data = typedData(sketch, name, "number")!;
        return edgesOf(sketch)?.join() === edges.join() ? data.counts : binCounts(edges, data.sample);
      },
    },
  ];
}

/** Values by how far their shares moved from the reference to all windows together, the farthest first. */
function farthest<V>(values: readonly V[], share: (v: V) => readonly [reference: number, windows: number], most: number): V[] {
  const moved = values.map(v => ({ v, by: Math.abs(share(v)[1] - share(v)[0]) }));
  return moved
    .sort((a, b) => b.by - a.by)
    .slice(0, most)
    .map(m => m.v);
}

function categoryBins(name: string, reference: Sketch, windows: readonly TimedSketch[], most: number): Binned[] {
  const isSeveral = reference.spec.features[name]?.type === "category" && reference.spec.features[name].several === true;
  const countsOf = (sketch: Sketch): ReadonlyMap<string, number> => {
    const spec = sketch.spec.features[name];
    const data = typedData(sketch, name, "category")!;
    const known = spec?.type === "category" ? (spec.known ?? []) : [];
    return new Map([...known.map((n, i) => [n, data.known[i]!] as const), ...data.names.map((n, i) => [n, data.counts[i]!] as const)]);
  };
  const all = [reference, ...windows.map(w => w.sketch)].map(sketch => ({
    sketch,
    counts: countsOf(sketch),
    data: typedData(sketch, name, "category")!,
  }));
  const bySketch = new Map(all.map(a => [a.sketch, a]));
  const names = [...new Set(all.flatMap(a => [...a.counts.keys()]))].sort();
  const total = all.slice(1).reduce((n, a) => n + a.data.values, 0);
  const share = (n: string): readonly [number, number] => [
    (all[0]!.counts.get(n) ?? 0) / Math.max(1, all[0]!.data.values),
    all.slice(1).reduce((sum, a) => sum + (a.counts.get(n) ?? 0), 0) / Math.max(1, total),
  ];
  const values = farthest(names, share, most).map(
    (value): Binned => ({
      value,
      of(sketch) {
        const { counts, data } = bySketch.get(sketch)!;
        return [counts.get(value) ?? 0, data.values - (counts.get(value) ?? 0)];
      },
    }),
  );
  if (isSeveral) return values;
  const whole: Binned = {
    value: null,
    of(sketch) {
      const { counts, data } = bySketch.get(sketch)!;
      const own = names.map(n => counts.get(n) ?? 0);
      return [...own, data.mentions - own.reduce((a, b) => a + b, 0)];
    },
  };
  return [whole, ...values];
}

function tokenBins(name: string, reference: Sketch, windows: readonly TimedSketch[], most: number): Binned[] {
  const all = [reference, ...windows.map(w => w.sketch)].map(sketch => {
    const data = typedData(sketch, name, "tokens")!;
    return { sketch, data, events: new Map(data.ids.map((id, i) => [id, data.events[i]!])) };
  });
  const bySketch = new Map(all.map(a => [a.sketch, a]));
  const sums = new Map<number, number>();
  for (const a of all.slice(1)) for (const [id, n] of a.events) sums.set(id, (sums.get(id) ?? 0) + n);
  const total = all.slice(1).reduce((n, a) => n + a.data.values, 0);
  const ids = [...new Set([...all[0]!.events.keys(), ...sums.keys()])].sort((a, b) => a - b);
  const share = (id: number): readonly [number, number] => [
    (all[0]!.events.get(id) ?? 0) / Math.max(1, all[0]!.data.values),
    (sums.get(id) ?? 0) / Math.max(1, total),
  ];
  return farthest(ids, share, most).map(value => ({
    value,
    of(sketch) {
      const { events, data } = bySketch.get(sketch)!;
      return [events.get(value) ?? 0, data.values - (events.get(value) ?? 0)];
    },
  }));
}

function vectorBins(name: string, reference: Sketch, bins: number): Binned[] {
  const spec = reference.spec.features[name];
  const size = spec?.type === "vector" ? spec.size : 0;
  const column = (sketch: Sketch, k: number) => {
    const { sample, keys } = typedData(sketch, name, "vector")!;
    return Float64Array.from(keys, (_, i) => sample[i * size + k]!);
  };
  if (typedData(reference, name, "vector")!.keys.length === 0) return [];
  return Array.from({ length: size }, (_, k): Binned => {
    const edges = quantileEdges(column(reference, k), bins);
    return { value: k, of: sketch => binCounts(edges, column(sketch, k)) };
  });
}

function binsOf(name: string, reference: Sketch, windows: readonly TimedSketch[], { bins, most }: Required<OnsetOptions>): Binned[] {
  switch (reference.spec.features[name]!.type) {
    case "number":
      return numberBins(name, reference, windows, bins);
    case "category":
      return categoryBins(name, reference, windows, most);
    case "tokens":
      return tokenBins(name, reference, windows, most);
    case "vector":
      return vectorBins(name, reference, bins);
  }
}

/**
 * Since when the features of a series of windows differ from the reference: a line a feature, and one a value of those that changed. All windows have
 * the features of the first one. Errors: watch/reference, watch/setting.
 */
export function driftSince(reference: Sketch, windows: readonly TimedSketch[], options: OnsetOptions = {}): DriftOnset[] {
  const o = { alpha: 0.05, bins: 10, most: 5, ...options };
  checkSetting(windows.length > 0, "windows", "one or more", "none");
  const inOrder = [...windows].sort((a, b) => a.atMs - b.atMs);
  const names = Object.keys(reference.spec.features).filter(name => Object.hasOwn(inOrder[0]!.sketch.spec.features, name));
  for (const { sketch } of inOrder) {
    checkTokenizers(reference.spec, sketch.spec);
    const missing = names.find(name => sketch.spec.features[name]?.type !== reference.spec.features[name]!.type);
    if (missing !== undefined)
      throw watchErrors.fail("reference", { place: missing, expected: "in every window, of one type", received: "not in all of them" });
  }
  const found: DriftOnset[] = [];
  for (const name of names.sort()) {
    if (featureData(reference, name)!.values === 0) continue;
    const rows = binsOf(name, reference, inOrder, o);
    // each of several rows has its part of the level
    const level = o.alpha / Math.max(1, rows.length);
    for (const row of rows) {
      const series = inOrder.map(w => row.of(w.sketch));
      const { sinceMs, windows: stretch, p } = onsetOf(row.of(reference), series, inOrder, level);
      if (row.value === null || sinceMs !== null) found.push({ feature: name, value: row.value, sinceMs, windows: stretch, p });
    }
  }
  return found;
}
