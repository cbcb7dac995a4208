/**
 * Which shape the rows of paths get: so wide that paths share much and fill them, so narrow that attention stays small, so many at once that
 * products are large, and few different ones, since a program is built for each. A cost in tokens of linear work decides; it changes no value.
 */
import { countRows, type SortedPaths } from "./path-rows.ts";

/** Rows of `width` tokens, `rows` of them at once. */
export interface Shape {
  readonly rows: number;
  readonly width: number;
}

/** Tokens at once: enough that products are large, few enough that answers come often. */
const batchTokens = 512;
/** Widths are multiples of it. */
const grain = 32;
/** From here on attention in blocks saves more than a larger program costs. */
export const blockedFrom = 512;
/** Building a program costs about what so many tokens do, at any size of model: both grow with its layers. */
const buildTokens = 100;
/** A token's attention to a row of (this times the model's width) tokens costs as much as its products do. */
const evenShare = 4.5;

export const shapeName = ({ rows, width }: Shape): string => `${rows}x${width}`;

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

/** The cheapest shape for a model of so much width and context; `built` names those whose program is there. */
export function shapeFor(
  sorted: SortedPaths,
  model: { readonly width: number; readonly context: number },
  built: ReadonlySet<string>,
): Shape {
  let best: { readonly cost: number; readonly shape: Shape } | undefined;
  for (const width of widthsFor(sorted.longest, model.context)) {
    const count = countRows(sorted, width);
    const most = Math.max(1, Math.floor(batchTokens / width));
    const even = Math.ceil(count / Math.ceil(count / most));
    const known = Array.from({ length: most }, (_, i) => i + 1).filter(rows => built.has(shapeName({ rows, width })));
    for (const rows of new Set([even, ...known])) {
      const shape = { rows, width };
      const seen = width < blockedFrom ? width : width / 2;
      const tokens = Math.ceil(count / rows) * rows * width;
      const cost = tokens * (1 + seen / (evenShare * model.width)) + (built.has(shapeName(shape)) ? 0 : buildTokens);
      if (!best || cost < best.cost) best = { cost, shape };
    }
  }
  return best!.shape;
}
