/** Two counts of names. Where an event has one name, a chi-square test of all shares decides; where it may have several, tests of each one's share. */
import { random } from "../../base/index.ts";
import {
  besideReference,
  binnedDistances,
  chiSquareTwoSample,
  neededForCategories,
  neededForShares,
  noncentralityOf,
} from "../../statistics/index.ts";
import type { CategoryData } from "./category-sketch.ts";
import { type ComparisonContext, type FeatureComparison, nothingToCompare } from "./compare-feature.ts";
import { idHash } from "./id-hash.ts";
import { movedValues } from "./moved-values.ts";
import type { CategoryFeature } from "./spec.ts";

interface CategorySide {
  readonly spec: CategoryFeature;
  readonly data: CategoryData;
}

/** Names that a sketch has exact counts of; undefined for one that it may have left out. */
function countsOf({ spec, data }: CategorySide): { readonly names: readonly string[]; countOf(name: string): number | undefined } {
  const counts = new Map<string, number>();
  for (const [i, name] of (spec.known ?? []).entries()) counts.set(name, data.known[i]!);
  for (const [i, name] of data.names.entries()) counts.set(name, data.counts[i]!);
  const limit = data.isCut ? (data.hashes.at(-1) ?? -1) : Number.POSITIVE_INFINITY;
  return {
    names: [...counts.keys()],
    countOf: name => counts.get(name) ?? (idHash(name, 1) <= limit ? 0 : undefined),
  };
}

interface BothCounts {
  readonly name: string;
  readonly reference: number;
  readonly window: number;
  readonly isNew: boolean;
}

/** Names whose counts both know, in order of their names, then the rest together. */
function bothCounts(
  reference: CategorySide,
  window: CategorySide,
): { readonly named: readonly BothCounts[]; readonly rest: readonly [number, number] } {
  const [a, b] = [countsOf(reference), countsOf(window)];
  const named: BothCounts[] = [];
  for (const name of [...new Set([...a.names, ...b.names])].sort()) {
    const [n, m] = [a.countOf(name), b.countOf(name)];
    if (n === undefined || m === undefined || n + m === 0) continue;
    named.push({ name, reference: n, window: m, isNew: n === 0 });
  }
  const sum = (side: "reference" | "window") => named.reduce((total, c) => total + c[side], 0);
  return { named, rest: [reference.data.mentions - sum("reference"), window.data.mentions - sum("window")] };
}

/** Smaller sides are permuted where cells are too small for the limit. */
const mostPermuted = 20_000;

/**
 * Chi-square with p by its limit, or where expected counts are below 5 by drawn permutations of the smaller side's events; where that side is too large
 * for it, the rare names are counted together.
 */
function chiSquare(x: readonly number[], y: readonly number[], { draws, seed }: ComparisonContext) {
  const found = chiSquareTwoSample(x, y);
  if (found.leastExpected >= 5 || found.freedom === 0) return { ...found, method: "asymptotic" as const };
  const total = (counts: readonly number[]) => counts.reduce((sum, c) => sum + c, 0);
  const [n, m] = [total(x), total(y)];
  const pooled = x.map((c, i) => c + y[i]!);
  if (Math.min(n, m) > mostPermuted) {
    const isRare = pooled.map(c => (c * Math.min(n, m)) / (n + m) < 5);
    const grouped = (counts: readonly number[]) => [...counts.filter((_, i) => !isRare[i]), total(counts.filter((_, i) => isRare[i]))];
    return { ...chiSquareTwoSample(grouped(x), grouped(y)), method: "asymptotic" as const };
  }
  const events = new Uint32Array(n + m);
  let at = 0;
  for (const [k, c] of pooled.entries()) at = events.fill(k, at, at + c) && at + c;
  const draw = random(seed);
  const size = Math.min(n, m);
  let atLeast = 0;
  const reach = found.statistic * (1 - 1e-12);
  for (let d = 0; d < draws; d++) {
    const own = new Array<number>(x.length).fill(0);
    for (let i = 0; i < size; i++) {
      const j = i + draw.below(n + m - i);
      const held = events[j]!;
      events[j] = events[i]!;
      events[i] = held;
      own[held] = own[held]! + 1;
    }
    const other = pooled.map((c, i) => c - own[i]!);
    if (chiSquareTwoSample(own, other).statistic >= reach) atLeast++;
  }
  return { ...found, p: (atLeast + 1) / (draws + 1), method: "permutation" as const };
}

const single = "chi-square";

/** Share of events that would have to have another name for both sides to be alike. */
function totalVariation(x: readonly number[], y: readonly number[]): number {
  const [n, m] = [x.reduce((a, b) => a + b, 0), y.reduce((a, b) => a + b, 0)];
  return x.reduce((sum, c, i) => sum + Math.abs(y[i]! / m - c / n) / 2, 0);
}

function compareSingle(reference: CategorySide, window: CategorySide, o: ComparisonContext): FeatureComparison {
  const { named, rest } = bothCounts(reference, window);
  const [n, m] = [reference.data.values, window.data.values];
  const x = [...named.map(c => c.reference), ...(rest[0] + rest[1] > 0 ? [rest[0]] : [])];
  const y = [...named.map(c => c.window), ...(rest[0] + rest[1] > 0 ? [rest[1]] : [])];
  const freedom = Math.max(1, x.filter(c => c > 0).length - 1);
  const needed = besideReference(neededForCategories(freedom, { alpha: o.alpha, power: o.power, distance: o.detect }), n);
  if (n === 0 || m === 0) return nothingToCompare(single, "Cramér's V", needed);
  const found = chiSquare(x, y, o);
  // noncentralities at which a statistic as large has a chance of 2.5 % and 97.5 %
  const [low, high] = [0.025, 0.975].map(chance => (found.freedom === 0 ? 0 : noncentralityOf(found.statistic, found.freedom, chance)));
  const notes = rest[1] > 0 && reference.data.isCut ? ["Names beyond the 500 that have counts are compared together."] : [];
  return {
    test: `${single} (${found.method})`,
    statistic: found.statistic,
    change: totalVariation(x, y),
    p: found.p,
    needed,
    effect: { value: found.cramerV, low: Math.sqrt(low! / (n + m)), high: Math.min(1, Math.sqrt(high! / (n + m))) },
    measure: "Cramér's V",
    distances: x.length >= 2 ? binnedDistances(x, y) : null,
    tests: { freedom: found.freedom, leastExpected: found.leastExpected },
    moved: movedValues(
      named.map(c => ({ ...c, value: c.name })),
      n,
      m,
      o.most,
    ).moved,
    notes,
  };
}

function compareSeveral(reference: CategorySide, window: CategorySide, o: ComparisonContext): FeatureComparison {
  const { named } = bothCounts(reference, window);
  return sharesComparison(
    named.map(c => ({ ...c, value: c.name })),
    reference.data.values,
    window.data.values,
    o,
  );
}

/** The comparison by each value's share of events: of categories of which an event has several, and of tokens. */
export function sharesComparison(counts: Parameters<typeof movedValues>[0], n: number, m: number, o: ComparisonContext): FeatureComparison {
  const test = "Fisher's exact test of each share";
  const measure = "largest difference of shares";
  const tested = counts.filter(c => c.reference + c.window >= 5).length;
  const needed = besideReference(neededForShares({ alpha: o.alpha / Math.max(1, tested), power: o.power, distance: o.detect }), n);
  if (n === 0 || m === 0) return nothingToCompare(test, measure, needed);
  const { p, moved, change } = movedValues(counts, n, m, o.most);
  return {
    test,
    statistic: moved[0]?.p ?? 1,
    change,
    p,
    needed,
    effect: moved[0]?.difference ?? null,
    measure,
    distances: null,
    tests: { tested },
    moved,
    notes: [],
  };
}

export const compareCategories = (reference: CategorySide, window: CategorySide, o: ComparisonContext): FeatureComparison =>
  reference.spec.several ? compareSeveral(reference, window, o) : compareSingle(reference, window, o);
