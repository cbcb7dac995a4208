/** Whether a model's labels of a classification task are better than chance. */
import { type ChanceTest, chanceTest } from "../classification/index.ts";
import { labelledOf } from "./chosen.ts";
import { type GroupHead, isGroupHead } from "./group.ts";
import type { ItemResult, ResultHead } from "./item.ts";
import { clustersOf } from "./score.ts";

const known = new WeakMap<readonly ItemResult[], ChanceTest>();

/**
 * Of items of a classification task; kept for the list that it was asked of. Undefined where all have the same right label: there is nothing to tell apart.
 */
export function chanceOfLabels(items: readonly ItemResult[]): ChanceTest | undefined {
  if (new Set(items.map(i => i.choices![i.gold![0]!])).size < 2) return undefined;
  const found = known.get(items) ?? chanceTest(labelledOf(items), clustersOf(items));
  known.set(items, found);
  return found;
}

/** Of a task; of a group, its task with the least p. Undefined for tasks of other outputs, whose choices are each question's own. */
export function chanceOf(head: ResultHead | GroupHead, items: readonly ItemResult[]): ChanceTest | undefined {
  if (!isGroupHead(head)) return head.output === "classify" ? chanceOfLabels(items) : undefined;
  const tests = head.members.flatMap((member, part) => {
    const own = items.filter(i => (i.part ?? 0) === part);
    return chanceOf(member, own) ?? [];
  });
  return tests.sort((a, b) => a.p - b.p)[0];
}
