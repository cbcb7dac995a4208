/**
 * The same items asked in another way beside the items as they are: how many are answered alike, what that does to each figure, and which answers turn.
 * A figure can stay while answers turn both ways; so the share that is answered alike is told beside it.
 */
import type { Interval } from "../../statistics/index.ts";
import { optionOrder } from "../tasks/variants.ts";
import { chosen } from "./chosen.ts";
import { type Difference, differenceOf, gainOf, pairItems } from "./compare.ts";
import type { ItemResult } from "./item.ts";
import type { EvaluationMeasure } from "./measures.ts";
import { scoreOf } from "./score.ts";

export interface TurnedItem {
  /** Asked in the other way. */
  readonly item: ItemResult;
  readonly before: ItemResult;
  /** By the first measure: negative where the other way makes it worse. */
  readonly gain: number;
}

export interface VariantScores {
  /** Share of items that are answered alike, with a 95 % interval; absent where nothing is answered: the likelihood of a text, the cosine of two. */
  readonly alike?: Interval;
  /** The other way minus the items as they are. */
  readonly differences: readonly Difference[];
  /** Items with another answer, the greatest loss first. */
  readonly turned: readonly TurnedItem[];
}

/** Of programs, how many pass, whatever the others fail by. */
const answerOf = ({ passed, came }: ItemResult): string => (passed ? String(passed.filter(Boolean).length) : came);

/**
 * Choices that are letters stay where their options move, so the letter that came means another option. `order` is the only variant that moves them.
 */
function isAlike(variant: string, now: ItemResult, before: ItemResult): boolean {
  const { choices } = before;
  const isMoved = variant === "order" && choices && choices.length > 1 && now.choices?.every((c, k) => c === choices[k]);
  if (!isMoved) return answerOf(now) === answerOf(before);
  return optionOrder(before.id, choices.length)[chosen(now)] === chosen(before);
}

/** Of the items that both have; the first measure says what is worse. Errors: evaluate/compare where they have none in common. */
export function variantScores(
  variant: string,
  varied: readonly ItemResult[],
  items: readonly ItemResult[],
  measures: readonly EvaluationMeasure[],
  task: string,
): VariantScores {
  const paired = pairItems(varied, items, task);
  const alike = new Map(paired.first.map((now, i) => [now, Number(isAlike(variant, now, paired.second[i]!))]));
  const value = (item: ItemResult): number => alike.get(item)!;
  const share: EvaluationMeasure = {
    name: "alike",
    better: "higher",
    kind: "share",
    value,
    prepare: list => at => Array.from(at, k => value(list[k]!)).reduce((a, b) => a + b, 0) / at.length,
  };
  const isAnswered = items.every(i => i.textBytes === undefined && i.cosine === undefined && i.association === undefined);
  const score = isAnswered ? scoreOf(share, paired.first) : undefined;
  return {
    ...(score ? { alike: { value: score.value, low: score.low, high: score.high } } : {}),
    differences: measures.map(m => differenceOf(m, paired)),
    turned: paired.first
      .flatMap((item, i) => {
        const before = paired.second[i]!;
        return isAnswered && !value(item) ? [{ item, before, gain: gainOf(measures[0]!, item, before) }] : [];
      })
      .sort((a, b) => a.gain - b.gain),
  };
}
