/**
 * Which shapes the rows of paths get: so wide that paths share much and fill them, so narrow that attention stays small, so many at once that
 * products are large, and few different ones, since a program is built for each. A few long paths get rows of their own where that pays, so that the
 * others' stay narrow. A cost in tokens of linear work decides; it changes no value.
 */
import { countRows, kinOf, layPaths, type Path, type SortedPaths, sortedPaths, type TreeRow } from "./path-rows.ts";

/** Rows of `width` tokens, `rows` of them at once. */
export interface BatchShape {
  readonly rows: number;
  readonly width: number;
}

/** Tokens at once: enough that products are large, few enough that answers come often. */
const batchTokens = 512;
/** Widths are multiples of it. */
const grain = 32;
/** Queries of a block, where attention is in blocks. */
export const pathKeyBlock = 128;
/** From here on attention in blocks saves more than a larger program costs. */
const blockedFrom = 512;
export const isBlocked = (width: number): boolean => width >= blockedFrom && width % pathKeyBlock === 0;
/** What blocks leave of attention's cost. */
const blockedShare = 0.6;
/** Building a program costs about what so many tokens do, at any size of model: both grow with its layers. */
const buildTokens = 200;
/** A batch costs so many tokens beside its own: weights are read, and small products are slow ones. */
const batchCost = 16;
/** A token's attention to a row of (this times the model's width) tokens costs as much as its products do; where what is hidden is skipped, to as many. */
const evenShare = { whole: 1.75, skipping: 8 } as const;
/** Tokens that are looked at together where what is hidden is skipped. */
const skippedBlock = 64;

export const shapeName = ({ rows, width }: BatchShape): string => `${rows}x${width}`;
const shapeOf = (name: string): BatchShape => {
  const [rows, width] = name.split("x").map(Number) as [number, number];
  return { rows, width };
};

/** Paths of near lengths, each kind apart: up to `batchTokens`, then each doubling. Numbers of the paths. */
export function lengthClasses(lengths: readonly number[]): number[][] {
  const classes = new Map<number, number[]>();
  lengths.forEach((length, i) => {
    const key = Math.max(0, Math.ceil(Math.log2(length / batchTokens)));
    const list = classes.get(key);
    if (list) list.push(i);
    else classes.set(key, [i]);
  });
  return [...classes].sort((a, b) => a[0] - b[0]).map(([, list]) => list);
}

/** Widths that are thought of: up to what a batch holds, or twice the longest path, in steps that grow with it. */
function widthsFor(longest: number, context: number): number[] {
  const most = Math.min(context, Math.max(batchTokens, 2 * longest));
  const step = longest > batchTokens ? Math.max(128, 2 ** Math.ceil(Math.log2(longest / 8))) : grain;
  const widths: number[] = [];
  for (let w = Math.ceil(longest / step) * step; w < most; w += step) widths.push(w);
  // a context that is no multiple is a width of its own
  return [...widths, most];
}

/** What shapes are chosen for: the model's width and context. */
interface PlannedModel {
  readonly width: number;
  readonly context: number;
  /** In rows up to so wide attention does nothing for what a token does not see; 0 when absent. */
  readonly skipsTo?: number;
}

/** What a token's attention costs, as a share of its products, in rows of so much. */
function attentionShare(width: number, longest: number, model: PlannedModel): number {
  if (width > (model.skipsTo ?? 0)) return (isBlocked(width) ? blockedShare * width : width) / (evenShare.whole * model.width);
  const seen = Math.min(width, longest / 2) + skippedBlock;
  return seen / (evenShare.skipping * model.width);
}

/** What a batch costs, in tokens of linear work. */
const batchTokensOf = ({ rows, width }: BatchShape, longest: number, model: PlannedModel): number =>
  rows * width * (1 + attentionShare(width, longest, model)) + batchCost;

function cheapest(
  sorted: SortedPaths,
  model: PlannedModel,
  built: ReadonlySet<string>,
): { readonly cost: number; readonly shape: BatchShape } {
  let best: { readonly cost: number; readonly shape: BatchShape } | undefined;
  for (const width of widthsFor(sorted.longest, model.context)) {
    const count = countRows(sorted, width);
    for (let rows = Math.max(1, Math.floor(batchTokens / width)); rows > 0; rows--) {
      const shape = { rows, width };
      // more than there are only where such a program is there
      if (rows > count && !built.has(shapeName(shape))) continue;
      const tokens = Math.ceil(count / rows) * batchTokensOf(shape, sorted.longest, model);
      const cost = tokens + (built.has(shapeName(shape)) ? 0 : buildTokens);
      if (!best || cost < best.cost) best = { cost, shape };
    }
  }
  return best!;
}

/** The cheapest shape for a model of so much width and context; `built` names those whose program is there. */
export const shapeFor = (sorted: SortedPaths, model: PlannedModel, built: ReadonlySet<string>): BatchShape =>
  cheapest(sorted, model, built).shape;

interface PathPlan {
  readonly sorted: SortedPaths;
  readonly shape: BatchShape;
}

/** Sizes of kin that paths are parted at. */
const partSizes = [48, 64, 96, 128, 192, 256, 384, 512] as const;

/** The paths as they are, or parted by the size of their kin where two shapes are cheaper than one. */
function parted(sorted: SortedPaths, model: PlannedModel, built: ReadonlySet<string>): PathPlan[] {
  const { paths, shares } = sorted;
  const whole = cheapest(sorted, model, built);
  let best = { cost: whole.cost, plans: [{ sorted, shape: whole.shape }] };
  const kin = kinOf(sorted);
  for (const size of partSizes) {
    const [small, large] = [kin.filter(k => k.size <= size), kin.filter(k => k.size > size)];
    if (small.length === 0 || large.length === 0) continue;
    let cost = 0;
    const known = new Set(built);
    const plans = [small, large].map((part): PathPlan => {
      const own = sortedPaths(
        paths,
        part.flatMap(k => k.numbers),
        shares,
      );
      const found = cheapest(own, model, known);
      cost += found.cost;
      known.add(shapeName(found.shape));
      return { sorted: own, shape: found.shape };
    });
    if (cost < best.cost) best = { cost, plans };
  }
  return best.plans;
}

/** Rows of a plan that may be laid together. */
const mostTogether = 3;

/** The rows that are filled least in one row of another width, where a program for it is there and that costs less: a wide row for two, or a narrow one for the last. */
function withLastRows({ sorted, shape }: PathPlan, model: PlannedModel, built: ReadonlySet<string>): PathPlan[] {
  let best: { readonly saved: number; readonly plans: PathPlan[] } = { saved: 0, plans: [{ sorted, shape }] };
  const others = [...built].map(shapeOf).filter(s => s.rows === 1 && s.width !== shape.width && s.width <= model.context);
  if (shape.rows > 1 || others.length === 0) return best.plans;
  const rows = layPaths(sorted, shape.width).sort((a, b) => a.tokens.length - b.tokens.length);
  const of = (part: readonly TreeRow[]) =>
    sortedPaths(
      sorted.paths,
      part.flatMap(r => [...r.own.keys()]),
      sorted.shares,
    );
  const cost = (s: BatchShape) => batchTokensOf(s, sorted.longest, model);
  for (const other of others)
    for (let n = 1; n <= Math.min(mostTogether, rows.length - 1); n++) {
      const saved = n * cost(shape) - cost(other);
      if (saved <= best.saved) continue;
      const [last, rest] = [of(rows.slice(0, n)), of(rows.slice(n))];
      if (last.longest > other.width || countRows(last, other.width) > 1 || countRows(rest, shape.width) > rows.length - n) continue;
      best = {
        saved,
        plans: [
          { sorted: rest, shape },
          { sorted: last, shape: other },
        ],
      };
    }
  return best.plans;
}

/** All paths, each in one of the plans. */
export const plansFor = (paths: readonly Path[], shares: boolean, model: PlannedModel, built: ReadonlySet<string>): PathPlan[] =>
  lengthClasses(paths.map(p => p.inputs.length))
    .flatMap(numbers => parted(sortedPaths(paths, numbers, shares), model, built))
    .flatMap(plan => withLastRows(plan, model, built));
