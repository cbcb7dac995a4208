/**
 * The integral of gradients along the straight path from a baseline to an input, looked at where it is needed. The gain of the score over any
 * part of the path is known exactly (its ends' difference), and must be what the gradients of that part add up to; the part that falls short
 * most is halved until all hold, or until the looks are used up. Models change abruptly on that path, and evenly spaced looks (the usual way)
 * miss it: see docs/attributions.md.
 */

import { nnErrors } from "../errors.ts";

/** What a look at a share of the way sees, for each target. */
interface PathPoint {
  readonly score: number;
  /** For each token: gradient times what lies between baseline and input. */
  readonly along: Float64Array;
}

interface PathOptions {
  /** Looks at most, both ends included; at least 2. */
  readonly steps: number;
  /** Where the parts' shortcomings add up to less, nothing more is looked at. */
  readonly tolerance: number;
}

interface Point {
  readonly at: number;
  readonly looks: readonly PathPoint[];
  /** Sum over the tokens, for each target. */
  readonly slopes: readonly number[];
}

/** Parts to begin with, so that a detour which ends where it began is seen. */
const firstParts = 8;

/** Trapezoid over a part, less the gain that is known: the greatest among the targets. */
function shortcoming(a: Point, b: Point): number {
  let most = 0;
  for (const [g, slope] of a.slopes.entries()) {
    const sum = ((b.at - a.at) / 2) * (slope + b.slopes[g]!);
    const gain = b.looks[g]!.score - a.looks[g]!.score;
    most = Math.max(most, Math.abs(sum - gain));
  }
  return most;
}

interface PathIntegral {
  /** For each target, a number for each token. */
  readonly totals: readonly Float64Array[];
  /** Scores at the beginning of the path. */
  readonly baseline: readonly number[];
  readonly looks: number;
}

/** Integrated gradients by trapezoids over parts that `look` decides. */
export async function integratePath(
  look: (at: number) => Promise<readonly PathPoint[]>,
  { steps, tolerance }: PathOptions,
): Promise<PathIntegral> {
  const pointAt = async (at: number): Promise<Point> => {
    const looks = await look(at);
    if (looks.some(l => !Number.isFinite(l.score) || !l.along.every(Number.isFinite)))
      throw nnErrors.fail("attribution", {
        place: "baseline",
        expected: "one from which the model has a gradient",
        received: `none that is finite at ${at} of the way`,
        hint: "Where nothing is added to the embeddings and norms have no bias, zero is a point without direction: take the mean, or a token.",
      });
    return { at, looks, slopes: looks.map(l => l.along.reduce((a, b) => a + b, 0)) };
  };
  const parts = Math.min(firstParts, steps - 1);
  const points: Point[] = [];
  // closer together near the baseline, where normalisation turns fastest
  for (let i = 0; i <= parts; i++) points.push(await pointAt((i / parts) ** 2));
  while (points.length < steps) {
    const short = points.slice(1).map((b, i) => shortcoming(points[i]!, b));
    if (short.reduce((a, b) => a + b, 0) <= tolerance) break;
    const worst = short.indexOf(Math.max(...short));
    const middle = (points[worst]!.at + points[worst + 1]!.at) / 2;
    if (middle <= points[worst]!.at || middle >= points[worst + 1]!.at) break;
    points.splice(worst + 1, 0, await pointAt(middle));
  }
  const totals = points[0]!.looks.map((l, g) => {
    const sums = new Float64Array(l.along.length);
    for (const [i, b] of points.slice(1).entries()) {
      const half = (b.at - points[i]!.at) / 2;
      const [from, to] = [points[i]!.looks[g]!.along, b.looks[g]!.along];
      for (let j = 0; j < sums.length; j++) sums[j]! += half * (from[j]! + to[j]!);
    }
    return sums;
  });
  return { totals, baseline: points[0]!.looks.map(l => l.score), looks: points.length };
}
