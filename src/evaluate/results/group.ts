/**
 * A group of tasks as if it were one: the items of all, each in its task's stratum, and measures over several tasks. So figures, comparisons and gates
 * of groups are those of tasks (`score.ts`, `compare.ts`, `gate.ts`). A group's measure is the mean of its tasks' figures, by their items (all
 * items are alike then) or alike (all tasks are): `weight_by_size` of lm-evaluation-harness's `aggregate_metric_list`.
 */
import { defined, nearest } from "../../base/index.ts";
import type { Interval } from "../../statistics/index.ts";
import { evaluateErrors } from "../errors.ts";
import type { GroupMeasure, TaskGroup } from "../tasks/harness-groups.ts";
import type { ItemResult, ResultHead } from "./item.ts";
import { type EvaluationMeasure, type Figure, measureOf } from "./measures.ts";
import { nameableLabels } from "./nameable-labels.ts";
import { type Score, scoreOf } from "./score.ts";

/** What measures need to know of a group. */
export interface GroupHead {
  /** The group's name. */
  readonly task: string;
  /** Its tasks; an item's `part` says which is its own. */
  readonly members: readonly ResultHead[];
  readonly measures: readonly GroupMeasure[];
}

export const isGroupHead = (head: ResultHead | GroupHead): head is GroupHead => "members" in head;

/** Errors: evaluate/compare for a task of the group without a head. */
export function groupHeadOf(
  { name, tasks, measures }: Pick<TaskGroup, "name" | "tasks" | "measures">,
  heads: readonly ResultHead[],
): GroupHead {
  const members = tasks.map(task => {
    const head = heads.find(h => h.task === task);
    if (head) return head;
    throw evaluateErrors.fail("compare", {
      place: name,
      expected: `results of all its tasks, ${task} too`,
      received: heads.map(h => h.task).join(", ") || "none",
    });
  });
  return { task: name, members, measures };
}

/** The items of a group's tasks, one task after another; of other tasks, none. Names and clusters of different tasks are different. */
export const groupItems = (
  { members }: GroupHead,
  results: readonly { readonly task: string; readonly items: readonly ItemResult[] }[],
): ItemResult[] =>
  members.flatMap(({ task }, part) =>
    (results.find(r => r.task === task)?.items ?? []).map(i => ({
      ...i,
      id: `${part}/${i.id}`,
      part,
      ...(i.cluster === undefined ? {} : { cluster: `${part}/${i.cluster}` }),
    })),
  );

/** An item's name in its own task. */
export const ownId = ({ id, part }: Pick<ItemResult, "id" | "part">): string => (part === undefined ? id : id.slice(id.indexOf("/") + 1));

/** What a condition calls a measure: `acc`, `acc:alike` where tasks count alike, `exact-match:strict-match` of a list of filters. */
export const groupMeasureName = ({ metric, filter, isWeighted }: Pick<GroupMeasure, "metric" | "filter" | "isWeighted">): string =>
  `${metric}${filter === undefined ? "" : `:${filter}`}${isWeighted ? "" : ":alike"}`;

/** Of a group, each once, in their order. */
export const groupMeasureNames = ({ measures }: Pick<GroupHead, "measures">): string[] => [...new Set(measures.map(groupMeasureName))];

interface Part {
  readonly part: number;
  readonly measure: EvaluationMeasure;
}

/** Splits indices by the part of their items, as indices among the items of each. */
function splitter(items: readonly ItemResult[], parts: readonly Part[]): (at: ArrayLike<number>) => number[][] {
  const place = new Map(parts.map((p, k) => [p.part, k]));
  const counts = parts.map(() => 0);
  const of = Int32Array.from(items, i => place.get(i.part ?? 0) ?? -1);
  const own = Int32Array.from(of, k => (k < 0 ? -1 : counts[k]!++));
  return at => {
    const lists: number[][] = parts.map(() => []);
    for (let k = 0; k < at.length; k++) if (of[at[k]!]! >= 0) lists[of[at[k]!]!]!.push(own[at[k]!]!);
    return lists;
  };
}

/** Means of items' values need no lists of them: a sum and a count a part. */
function meansOf(items: readonly ItemResult[], parts: readonly Part[], weights: readonly number[], all: number): Figure {
  const place = new Map(parts.map((p, k) => [p.part, k]));
  const of = Int32Array.from(items, i => (i.chooses ? -1 : (place.get(i.part ?? 0) ?? -1)));
  const values = Float64Array.from(items, (i, k) => (of[k]! < 0 ? 0 : parts[of[k]!]!.measure.value(i)));
  return at => {
    const sums = new Float64Array(parts.length);
    const counts = new Float64Array(parts.length);
    for (let k = 0; k < at.length; k++) {
      const part = of[at[k]!]!;
      if (part < 0) continue;
      sums[part]! += values[at[k]!]!;
      counts[part]!++;
    }
    // without an item of a task there is no mean of all tasks: 0 / 0
    let mean = 0;
    for (let p = 0; p < sums.length; p++) mean += (weights[p]! / all) * (sums[p]! / counts[p]!);
    return mean;
  };
}

/** What each part counts: the number of its items that are told of, or all alike. */
function weightsOf(parts: readonly Part[], isWeighted: boolean, items: readonly ItemResult[]) {
  const own = parts.map(p => items.filter(i => (i.part ?? 0) === p.part));
  const told = own.map(list => list.filter(i => !i.chooses).length);
  const weights = told.map(n => (isWeighted ? n : 1));
  return { own, told, weights, all: weights.reduce((a, b) => a + b, 0) };
}

/** The mean of the parts' figures; weights are the parts' numbers of items as prepared, so no draw changes them. */
const prepared =
  (parts: readonly Part[], isWeighted: boolean) =>
  (items: readonly ItemResult[]): Figure => {
    const { own, weights, all } = weightsOf(parts, isWeighted, items);
    if (parts.every(p => p.measure.kind !== "whole")) return meansOf(items, parts, weights, all);
    const figures = parts.map((p, k) => (own[k]!.length > 0 ? ofTold(p.measure).prepare(own[k]!) : undefined));
    const split = splitter(items, parts);
    return at => {
      const drawn = split(at);
      // without an item of a task there is no mean of all tasks
      return figures.reduce(
        (sum, figure, k) => sum + (figure && drawn[k]!.length > 0 ? (weights[k]! / all) * figure(drawn[k]!) : Number.NaN),
        0,
      );
    };
  };

/** By their items, shares are one share of all items and means one mean; what is alike for tasks of different sizes is neither. */
function kindOf(parts: readonly Part[], isWeighted: boolean): EvaluationMeasure["kind"] {
  const kinds = new Set(parts.map(p => p.measure.kind));
  if (kinds.has("whole") || (parts.length > 1 && !isWeighted)) return "whole";
  return kinds.has("mean") ? "mean" : "share";
}

/** Each part's items by its own choice, as much as they count in the mean of all. */
const chosenTogether =
  (parts: readonly Part[], isWeighted: boolean) =>
  (items: readonly ItemResult[]): ((i: ItemResult) => number) => {
    const { own, told, weights, all } = weightsOf(parts, isWeighted, items);
    const everyone = told.reduce((a, b) => a + b, 0);
    const values = new Map(
      parts.map(({ part, measure }, k) => {
        const value = measure.chooses?.(own[k]!) ?? measure.value;
        const counts = ((weights[k]! / all) * everyone) / told[k]!;
        return [part, (i: ItemResult) => counts * value(i)];
      }),
    );
    return i => values.get(i.part ?? 0)!(i);
  };

function together(name: string, parts: readonly Part[], isWeighted: boolean): EvaluationMeasure {
  const byPart = new Map(parts.map(p => [p.part, p.measure]));
  return {
    name,
    better: parts[0]!.measure.better,
    kind: kindOf(parts, isWeighted),
    value: i => byPart.get(i.part ?? 0)!.value(i),
    isOfLabels: parts.some(p => p.measure.isOfLabels),
    prepare: prepared(parts, isWeighted),
    ...(parts.some(p => p.measure.chooses) ? { chooses: chosenTogether(parts, isWeighted) } : {}),
    ...(parts.some(p => p.measure.supposed) ? { supposed: (i, as) => byPart.get(i.part ?? 0)?.supposed?.(i, as) ?? i } : {}),
  };
}

interface OfGroup {
  readonly measure: EvaluationMeasure;
  /** Whether an item counts: it is of a task that the measure is told of. */
  readonly counts: (item: Pick<ItemResult, "part" | "chooses">) => boolean;
}

/**
 * A group's measure by the name that `groupMeasureNames` tells; a bare measure is the first of the group's list that is of it. `labelsOf` are those that a
 * task's measures may name. Errors: evaluate/metric with the nearest.
 */
export function groupMeasureOf(name: string, head: GroupHead, labelsOf: (task: string, part: number) => readonly string[]): OfGroup {
  const definition = head.measures.find(m => groupMeasureName(m) === name) ?? head.measures.find(m => m.metric === name);
  if (!definition) {
    const known = groupMeasureNames(head);
    const near = nearest(name, known);
    throw evaluateErrors.fail("metric", {
      place: `${head.task}: aggregate_metric_list`,
      expected: known.length > 0 ? `a measure that the group tells: ${known.join(", ")}` : "a measure that the group tells",
      received: `"${name}"`,
      hint: near
        ? `Did you mean "${near}"?`
        : `Add it to the group's list, or name a task before the dot: ${head.members[0]!.task}.${name}`,
    });
  }
  const parts = head.members.flatMap((member, part) =>
    definition.tasks.includes(member.task) ? [{ part, measure: measureOf(definition.metric, member, labelsOf(member.task, part)) }] : [],
  );
  const choosing = new Map(parts.map(p => [p.part, p.measure.chooses !== undefined]));
  return {
    measure: together(groupMeasureName(definition), parts, definition.isWeighted),
    counts: ({ part = 0, chooses }) => (chooses ? choosing.get(part) === true : choosing.has(part)),
  };
}

/** Of the items that are told of alone, where others choose for another measure. */
const ofTold = (measure: EvaluationMeasure): EvaluationMeasure =>
  measure.chooses
    ? measure
    : {
        ...measure,
        prepare: items => {
          const told = items.filter(i => !i.chooses);
          const figure = measure.prepare(told);
          if (told.length === items.length) return figure;
          let next = 0;
          const own = Int32Array.from(items, i => (i.chooses ? -1 : next++));
          return at => {
            const drawn = new Int32Array(at.length);
            let n = 0;
            for (let k = 0; k < at.length; k++) {
              const i = own[at[k]!]!;
              if (i >= 0) drawn[n++] = i;
            }
            return figure(drawn.subarray(0, n));
          };
        },
      };

/** Measures by name, of a task or a group, of items whose labels may be named. */
export function measuresIn(
  head: ResultHead | GroupHead,
  items: readonly ItemResult[],
): (name: string) => Pick<OfGroup, "measure" | "counts"> {
  const labels = new Map<number, Set<string>>();
  for (const i of items) for (const c of nameableLabels([i])) labels.set(i.part ?? 0, (labels.get(i.part ?? 0) ?? new Set()).add(c));
  const labelsOf = (part: number) => [...(labels.get(part) ?? [])];
  return isGroupHead(head)
    ? name => groupMeasureOf(name, head, (_, part) => labelsOf(part))
    : name => {
        const measure = measureOf(name, head, labelsOf(0));
        return { measure: ofTold(measure), counts: i => measure.chooses !== undefined || !i.chooses };
      };
}

/** Errors: evaluate/compare where a task that is counted has no item: its group would be another one. */
export function checkWhole({ task, members }: GroupHead, measured: readonly Pick<OfGroup, "counts">[], items: readonly ItemResult[]): void {
  const present = new Set(items.map(i => i.part));
  const lacking = members.find((_, part) => !present.has(part) && measured.some(m => m.counts({ part })));
  if (lacking)
    throw evaluateErrors.fail("compare", {
      place: task,
      expected: `items of each of its tasks that both sides have`,
      received: `none of ${lacking.task}`,
      hint: "Evaluate both on the same files.",
    });
}

export interface GroupScore extends Interval {
  /** As a condition calls it. */
  readonly name: string;
  readonly metric: string;
  readonly filter?: string;
  readonly better: EvaluationMeasure["better"];
  readonly items: number;
  readonly tasks: number;
  /** Names of those tasks. */
  readonly of: readonly string[];
  readonly isWeighted: boolean;
  readonly interval: Score["interval"];
}

/** All that a group tells of its items. Errors: evaluate/metric where a task does not know a measure. */
export function groupScores(head: GroupHead, items: readonly ItemResult[]): GroupScore[] {
  const measureNamed = measuresIn(head, items);
  return groupMeasureNames(head).map(name => {
    const { measure, counts } = measureNamed(name);
    const { metric, filter, isWeighted, tasks } = head.measures.find(m => groupMeasureName(m) === name)!;
    const score = scoreOf(measure, items.filter(counts));
    return { ...score, name, metric, ...defined({ filter }), tasks: tasks.length, of: tasks, isWeighted };
  });
}
