/** What `loam eval` tells of a group of tasks: its measures over all of them, and beside another model what changed. Plain data; `show-group.ts` and `page-groups.ts` write it. */
import { defined } from "../../base/index.ts";
import {
  type ChangedItem,
  changedItem,
  type Difference,
  type GroupHead,
  type GroupScore,
  groupDifferences,
  groupHeadOf,
  groupItems,
  groupScores,
  type ItemResult,
  type TaskGroup,
} from "../../evaluate/index.ts";
import type { RecordedResult } from "./record.ts";
import { topOf } from "./report.ts";

export interface GroupChange extends ChangedItem {
  readonly task: string;
}
export interface GroupComparison {
  readonly against: string;
  readonly differences: readonly (Difference & { readonly pHolm?: number })[];
  /** Items that one side lacks. */
  readonly onlyModel: number;
  readonly onlyAgainst: number;
  /** By the first measure. */
  readonly wins: readonly GroupChange[];
  readonly losses: readonly GroupChange[];
}
export interface GroupReport {
  readonly group: string;
  readonly alias?: string;
  readonly tasks: readonly string[];
  readonly items: number;
  /** Where the model is a version: what gates of releases read. */
  readonly artifact?: string;
  readonly scores: readonly GroupScore[];
  readonly comparison?: GroupComparison;
}

/** A group and what came of its tasks, on one side or both. */
export interface EvaluatedGroup {
  readonly group: TaskGroup;
  readonly head: GroupHead;
  readonly items: readonly ItemResult[];
  readonly against?: { readonly id: string; readonly items: readonly ItemResult[] };
  readonly artifact?: string;
}

interface Evaluated {
  readonly result: RecordedResult;
  readonly against?: { readonly id: string; readonly result: RecordedResult };
}

/** Puts the results of a group's tasks together. `itemsOf` gives a task's items as they count, the model's own or the other's; those that choose too. */
export function evaluatedGroup<E extends Evaluated>(
  group: TaskGroup,
  evaluated: readonly E[],
  itemsOf: (e: E, side: "model" | "against") => readonly ItemResult[],
): EvaluatedGroup {
  const head = groupHeadOf(
    group,
    evaluated.map(e => e.result.head),
  );
  const others = evaluated.filter(e => e.against);
  const together = (of: readonly E[], side: "model" | "against") =>
    groupItems(
      head,
      of.map(e => ({ task: e.result.head.task, items: itemsOf(e, side) })),
    );
  return {
    group,
    head,
    items: together(evaluated, "model"),
    ...(others[0] ? { against: { id: others[0].against!.id, items: together(others, "against") } } : {}),
  };
}

function comparisonOf(
  head: GroupHead,
  items: readonly ItemResult[],
  against: string,
  others: readonly ItemResult[],
  few: number,
): GroupComparison {
  const { differences, onlyFirst, onlySecond, changed } = groupDifferences(head, items, others);
  const list = (sign: 1 | -1): GroupChange[] =>
    topOf(
      changed.filter(c => c.gain * sign > 0),
      c => Math.abs(c.gain),
      few,
    ).map(c => ({ ...changedItem(c.item, c.before.came), task: c.task }));
  return { against, differences, onlyModel: onlyFirst, onlyAgainst: onlySecond, wins: list(1), losses: list(-1) };
}

/** `few` items of each list. Errors: evaluate/metric for a measure that one of the tasks does not know; evaluate/compare. */
export function groupReport({ group, head, items, against, artifact }: EvaluatedGroup, few: number): GroupReport {
  return {
    group: group.name,
    ...defined({ alias: group.alias }),
    tasks: group.tasks,
    items: items.filter(i => !i.chooses).length,
    ...defined({ artifact }),
    scores: groupScores(head, items),
    ...(against ? { comparison: comparisonOf(head, items, against.id, against.items, few) } : {}),
  };
}

/** Over which tasks a figure is, and how they count. */
export const groupWeights = ({ tasks, isWeighted, filter }: GroupScore): string =>
  `${tasks} ${tasks === 1 ? "task" : `tasks ${isWeighted ? "by their items" : "alike"}`}${filter === undefined ? "" : `, ${filter}`}`;
