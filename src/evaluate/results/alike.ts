/** How often an item that is asked in another way is answered as before, right or wrong: what a score hides where wins and losses make up for each other. */
import type { Paired } from "./compare.ts";
import type { ItemResult } from "./item.ts";
import { type Score, scoreOf } from "./score.ts";

/** What counts as the answer: the choice or label, the first text as it was read, whether the text is the likeliest, how many programs pass. */
function answerOf({ passed, choices, texts, isGreedy, came }: ItemResult): string | undefined {
  if (passed) return String(passed.filter(Boolean).length);
  return choices || texts || isGreedy !== undefined ? came : undefined;
}

/** The share of pairs with one answer, with its interval as of any share; undefined where items have no answers (texts that are only scored). */
export function alikeScore({ first, second }: Pick<Paired, "first" | "second">): Score | undefined {
  if (first.length === 0 || first.some(i => answerOf(i) === undefined)) return undefined;
  const same = Float64Array.from(first, (i, at) => Number(answerOf(i) === answerOf(second[at]!)));
  const at = new Map(first.map((item, i) => [item, i]));
  return scoreOf(
    {
      name: "alike",
      better: "higher",
      kind: "share",
      value: item => same[at.get(item)!]!,
      prepare: () => drawn => {
        let sum = 0;
        for (let k = 0; k < drawn.length; k++) sum += same[drawn[k]!]!;
        return sum / drawn.length;
      },
    },
    first,
  );
}
