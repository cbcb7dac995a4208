/** What a query's ranking says of it in its result, whoever made the scores. */
import type { ItemResult } from "../results/item.ts";
import type { RankedGain, Ranking } from "../retrieval/index.ts";
import type { RetrievalCorpus } from "../tasks/corpus.ts";

/** Documents that people are shown of what answers a query. */
const shown = 3;
const placeOf = ([, before, tied]: RankedGain): string => (tied === 1 ? `${before + 1}` : `${before + 1}-${before + tied}`);
const digits = (x: number): number => Math.round(x * 1e6) / 1e6;

export function rankedResult(
  { documents }: Pick<RetrievalCorpus, "documents">,
  { found, first, firstScores, order }: Ranking,
): Pick<ItemResult, "right" | "came" | "found" | "ranked"> {
  const told = found.slice(0, shown).map((f, i) => `${documents[order[i]!]!.id} at ${placeOf(f)}`);
  return {
    right: `${told.join(", ")}${found.length > shown ? ", ..." : ""} of ${documents.length}`,
    came: documents[first[0]!]!.id,
    found,
    ranked: first.map((d, i) => [documents[d]!.id, digits(firstScores[i]!)] as const),
  };
}
