/** Two results of a group held beside each other: the differences of its measures, and the items that changed by the first of them. */
import { type Difference, differenceOf, gainsOf, pairItems } from "./compare.ts";
import { checkWhole, type GroupHead, groupMeasureNames, measuresIn, ownId } from "./group.ts";
import type { ItemResult } from "./item.ts";

export interface ChangedGroupItem {
  readonly task: string;
  /** Under its name in its own task. */
  readonly item: ItemResult;
  readonly before: ItemResult;
  /** Positive where the first side is better. */
  readonly gain: number;
}

export interface GroupDifferences {
  /** Named as conditions call the measures. */
  readonly differences: readonly Difference[];
  /** Items that one side only has. */
  readonly onlyFirst: number;
  readonly onlySecond: number;
  readonly changed: readonly ChangedGroupItem[];
}

/** Of items as `groupItems` gives them. Errors: evaluate/metric; evaluate/compare where a task has no item on both sides. */
export function groupDifferences(head: GroupHead, first: readonly ItemResult[], second: readonly ItemResult[]): GroupDifferences {
  const measureNamed = measuresIn(head, first);
  const pairedBy = groupMeasureNames(head).map(name => {
    const measured = measureNamed(name);
    const paired = pairItems(first.filter(measured.counts), second.filter(measured.counts), head.task);
    checkWhole(head, [measured], paired.first);
    return { measure: measured.measure, paired };
  });
  const told = (items: readonly ItemResult[]) => items.filter(i => !i.chooses);
  const { onlyFirst, onlySecond } = pairItems(told(first), told(second), head.task);
  const main = pairedBy[0];
  const gain = main && gainsOf(main.measure, main.paired);
  const changed = (main?.paired.first ?? []).flatMap((item, i) => {
    const before = main!.paired.second[i]!;
    const by = gain!(i);
    return by === 0 ? [] : [{ task: head.members[item.part!]!.task, item: { ...item, id: ownId(item) }, before, gain: by }];
  });
  return { differences: pairedBy.map(({ measure, paired }) => differenceOf(measure, paired)), onlyFirst, onlySecond, changed };
}
