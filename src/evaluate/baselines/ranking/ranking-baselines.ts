/** What ranks the documents of a retrieval task without a model: its rankings become results like a model's, so all that is told of one is told of them. */
import { rankedResult } from "../../embedding/ranked-result.ts";
import type { ItemResult } from "../../results/item.ts";
import { rankingOf } from "../../retrieval/index.ts";
import { itemTextReader } from "../../tasks/ask.ts";
import type { RankRule } from "../../tasks/embedding-rule.ts";
import type { LoadedTask } from "../../tasks/read-task.ts";
import { bm25 } from "./bm25.ts";

/** Prepares documents for scoring by a query, a row a way. */
const rankers: { readonly [R in RankRule["rank"]]: (documents: readonly string[], rule: RankRule) => (query: string) => Float64Array } = {
  bm25,
};

/** What is told beside every retrieval task that says nothing of it. */
const usual: Readonly<Record<string, RankRule>> = { bm25: { rank: "bm25", k1: 1.2, b: 0.75 } };

/** In the order of `results`, which are a model's of the same items. Errors: evaluate/data, evaluate/task of the prompt. */
export function rankingBaselines(
  { task, items, corpus }: LoadedTask,
  results: readonly ItemResult[],
): { readonly name: string; readonly items: readonly ItemResult[] }[] {
  const queryOf = itemTextReader(task.prompt!, "prompt");
  const rules = (task.baselines ?? usual) as Readonly<Record<string, RankRule>>;
  return Object.entries(rules).map(([name, rule]) => {
    const scoresOf = rankers[rule.rank](
      corpus!.documents.map(d => d.text),
      rule,
    );
    const { gains, skipped } = corpus!;
    return {
      name,
      items: results.map((result, i) => {
        const { id } = items[i]!;
        return { ...result, ms: 0, ...rankedResult(corpus!, rankingOf(scoresOf(queryOf(items[i]!)), gains.get(id)!, skipped.get(id))) };
      }),
    };
  });
}
