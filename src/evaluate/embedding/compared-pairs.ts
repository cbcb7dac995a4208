/** What is said of each pair of texts: its cosine, people's score, and where either stands among all pairs. */
import { ranks } from "../../statistics/index.ts";
import type { ItemResult } from "../results/item.ts";

/** Ranks as shares: 0 the least, 1 the greatest; equal values share the mean of theirs. */
const placesOf = (values: ArrayLike<number>): Float64Array => ranks(values).map(r => (r - 1) / Math.max(1, values.length - 1));

/** In their order. */
export function comparedPairs(
  pairs: readonly { readonly cosine: number; readonly score: number }[],
): Pick<ItemResult, "right" | "came" | "cosine" | "score" | "places">[] {
  const byCosine = placesOf(pairs.map(p => p.cosine));
  const byScore = placesOf(pairs.map(p => p.score));
  const told = (value: number, place: number) => `${Math.round(value * 1e4) / 1e4}, above ${Math.round(100 * place)} %`;
  return pairs.map(({ cosine, score }, i) => ({
    cosine,
    score,
    places: [byCosine[i]!, byScore[i]!] as const,
    right: told(score, byScore[i]!),
    came: told(cosine, byCosine[i]!),
  }));
}
