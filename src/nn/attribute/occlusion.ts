/**
 * Attribution without gradients, and how far any attribution can be believed: a unit's share is the fall of the score as the unit is taken away (occlusion,
 * Zeiler & Fergus 2014); an attribution is faithful where taking its greatest units away first lowers the score sooner than taking units in random order
 * (deletion), and giving them back first raises it sooner (insertion; Petsiuk et al. 2018). Any function of a set of units will do: a decoder whose
 * embeddings are replaced, a classifier whose words are left out.
 */
import { random } from "../../base/index.ts";
import { nnErrors } from "../errors.ts";

/** For each set of units, by index, the scores of all targets where those units are taken away. */
export type ScoresWithout = (sets: readonly (readonly number[])[]) => Promise<readonly (readonly number[])[]>;

/** The fall of each target's score as each of `units` units is taken away by itself: [target][unit], in the unit of the score. */
export async function occlusion(scores: ScoresWithout, units: number, whole: readonly number[]): Promise<readonly Float64Array[]> {
  const without = await scores(Array.from({ length: units }, (_, unit) => [unit]));
  return whole.map((score, t) => Float64Array.from(without, w => score - w[t]!));
}

export interface FaithfulnessOptions {
  /** Shares of the units at which the score is looked at, evenly spaced, the two ends not counted; from 1. */
  readonly points: number;
  /** Random orders that the attribution's order is compared with; from 1. */
  readonly orders: number;
  readonly seed: string;
}

/** Mean scores over the share of units that is taken away or given back, in the unit of the score. */
export interface Faithfulness {
  /** Greatest units taken away first: lower is better. */
  readonly deletion: number;
  readonly randomDeletion: number;
  /** Greatest units given back first: higher is better. */
  readonly insertion: number;
  readonly randomInsertion: number;
}

/** Units by their attribution, greatest first; equals in the order of the text. */
const greatestFirst = (values: ArrayLike<number>): number[] =>
  Array.from(values, (_, i) => i).sort((a, b) => values[b]! - values[a]! || a - b);

/** How many units are gone at each look between the ends: distinct, ascending. */
function looks(units: number, points: number): number[] {
  const at = Array.from({ length: points }, (_, i) => Math.round(((i + 1) / (points + 1)) * units));
  return [...new Set(at)].filter(n => n > 0 && n < units);
}

/** Area under a curve over shares from 0 to 1, by trapezoids. */
function area(shares: readonly number[], values: readonly number[]): number {
  let sum = 0;
  for (let i = 1; i < shares.length; i++) sum += ((shares[i]! - shares[i - 1]!) * (values[i]! + values[i - 1]!)) / 2;
  return sum;
}

/** Looks that `faithfulness` takes of `methods` attributions of one target, besides those of whole and empty input. */
export const faithfulnessLooks = (units: number, methods: number, { points, orders }: FaithfulnessOptions): number =>
  2 * looks(units, points).length * (methods + orders);

/**
 * How faithful attributions of target `target` are: one result for each of `attributions` (a number a unit), all beside the same random orders.
 * Errors: nn/attribution for lengths that differ.
 */
export async function faithfulness(
  scores: ScoresWithout,
  target: number,
  attributions: readonly ArrayLike<number>[],
  options: FaithfulnessOptions,
): Promise<readonly Faithfulness[]> {
  const units = attributions[0]?.length ?? 0;
  const other = attributions.find(a => a.length !== units);
  if (other) throw nnErrors.fail("attribution", { place: "attributions", expected: `${units} units each`, received: `${other.length}` });
  const at = looks(units, options.points);
  const shares = [0, ...at.map(n => n / units), 1];
  const r = random(options.seed);
  const drawn = Array.from({ length: options.orders }, () => Array.from(r.permutation(units)));
  const orders = [...drawn, ...attributions.map(greatestFirst)];
  const ascending = (part: readonly number[]) => part.toSorted((a, b) => a - b);
  const sets = orders.flatMap(order => at.flatMap(n => [ascending(order.slice(0, n)), ascending(order.slice(n))]));
  const all = Array.from({ length: units }, (_, i) => i);
  const seen = (await scores([[], all, ...sets])).map(s => s[target]!);
  const [whole, empty] = [seen[0]!, seen[1]!];
  const curves = orders.map((_, o) => {
    const own = seen.slice(2 + 2 * at.length * o, 2 + 2 * at.length * (o + 1));
    return {
      deletion: area(shares, [whole, ...own.filter((_, i) => i % 2 === 0), empty]),
      insertion: area(shares, [empty, ...own.filter((_, i) => i % 2 === 1), whole]),
    };
  });
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const randomDeletion = mean(curves.slice(0, drawn.length).map(c => c.deletion));
  const randomInsertion = mean(curves.slice(0, drawn.length).map(c => c.insertion));
  return curves.slice(drawn.length).map(c => ({ ...c, randomDeletion, randomInsertion }));
}
