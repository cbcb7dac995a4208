/**
 * Two recorded evaluations of one task held beside each other, whatever models, versions or endpoints they are of: which items flipped between right and wrong,
 * how far each score moved, and whether the difference is significant (the paired tests of `evaluate`: McNemar, permutation, randomisation). Read from the
 * record; no model is asked.
 */
import { type Difference, evaluateErrors, gainsOf, pairItems, reportedMeasures } from "../../evaluate/index.ts";
import type { Store } from "../../store/index.ts";
import { type MeasuredTask, measuredResult } from "../gates/measured.ts";
import { taskDifferences } from "./told.ts";

/** `fixed`: right in the first and wrong in the second; `broken`: the reverse; the others by scores that are more than right or wrong. */
export const itemChanges = ["fixed", "broken", "better", "worse", "same"] as const;
export type ItemChange = (typeof itemChanges)[number];

export interface DiffItem {
  readonly id: string;
  readonly place: string;
  readonly prompt: string;
  readonly right: string;
  /** What each side gave. */
  readonly first: string;
  readonly second: string;
  /** Of the main measure. */
  readonly scores: readonly [first: number, second: number];
  /** Positive where the first is better. */
  readonly gain: number;
  readonly change: ItemChange;
  readonly attributes: Readonly<Record<string, string | number>>;
}

export interface EvaluationDiff {
  readonly task: string;
  readonly output: string;
  readonly first: string;
  readonly second: string;
  /** The main measure, by which items are compared. */
  readonly metric: string;
  /** First minus second, on the items that both have. */
  readonly differences: readonly Difference[];
  readonly onlyFirst: number;
  readonly onlySecond: number;
  readonly counts: Readonly<Record<ItemChange, number>>;
  /** All items that both have, the largest changes first. */
  readonly items: readonly DiffItem[];
}

const isVerdict = (x: number): boolean => x === 0 || x === 1;

function changeOf(kind: "share" | "mean" | "whole", [a, b]: readonly [number, number], gain: number): ItemChange {
  if (gain === 0 || Number.isNaN(gain)) return "same";
  // figures of the table of labels have right and wrong items too
  const flips = kind !== "mean" && isVerdict(a) && isVerdict(b);
  return gain > 0 ? (flips ? "fixed" : "better") : flips ? "broken" : "worse";
}

async function readResult(store: Store, id: string): Promise<MeasuredTask> {
  const found = await measuredResult(store, id);
  if (found) return found;
  throw evaluateErrors.fail("compare", {
    place: id,
    expected: "an evaluation that keeps what came of each item (of a task, or of a classifier's test set)",
    received: "one that keeps none",
    hint: "`loam evaluations` lists all and says which keep items; evaluating again with this version of Loam keeps them.",
  });
}

/** By artifacts of evaluations. Errors: evaluate/compare where one keeps no items or none is in both, store/notFound. */
export async function evaluationDiff(store: Store, first: string, second: string): Promise<EvaluationDiff> {
  const [own, other] = [await readResult(store, first), await readResult(store, second)];
  if (own.head.output !== other.head.output)
    throw evaluateErrors.fail("compare", {
      place: `${own.artifact}, ${other.artifact}`,
      expected: "two evaluations that measure the same",
      received: `${own.head.task} (${own.head.output}) and ${other.head.task} (${other.head.output})`,
    });
  const paired = pairItems(own.items, other.items, `${own.head.task}, ${other.head.task}`);
  const measure = reportedMeasures(own.head, own.items)[0]!;
  const gains = gainsOf(measure, paired);
  const items = paired.first.map((a, i): DiffItem => {
    const b = paired.second[i]!;
    const scores = [measure.value(a), measure.value(b)] as const;
    const gain = gains(i);
    const { id, place, prompt, right, attributes } = a;
    return {
      id,
      place,
      prompt,
      right,
      first: a.came,
      second: b.came,
      scores,
      gain,
      change: changeOf(measure.kind, scores, gain),
      attributes,
    };
  });
  const size = (x: DiffItem) => (Number.isNaN(x.gain) ? 0 : Math.abs(x.gain));
  return {
    task: own.head.task,
    output: own.head.output,
    first: own.artifact,
    second: other.artifact,
    metric: measure.name,
    differences: taskDifferences(own, other, paired),
    onlyFirst: paired.onlyFirst,
    onlySecond: paired.onlySecond,
    counts: Object.fromEntries(itemChanges.map(c => [c, items.filter(i => i.change === c).length])) as Record<ItemChange, number>,
    items: items.sort((a, b) => size(b) - size(a)),
  };
}

export interface DiffWanted {
  /** Only these changes; `changed`: all but `same`. Default: all items. */
  readonly change?: ItemChange | "changed" | undefined;
  /** Only items whose attribute `by` has the value `group`. */
  readonly by?: string | undefined;
  readonly group?: string | undefined;
  /** Only items that hold this text, in any case. */
  readonly find?: string | undefined;
}

/** Those of a comparison's items that are wanted, in its order. */
export const wantedItems = (items: readonly DiffItem[], { change, by, group, find }: DiffWanted): readonly DiffItem[] => {
  const text = find?.toLowerCase();
  return items.filter(
    i =>
      (change === undefined || (change === "changed" ? i.change !== "same" : i.change === change)) &&
      (by === undefined || group === undefined || String(i.attributes[by]) === group) &&
      (text === undefined || [i.id, i.place, i.prompt, i.right, i.first, i.second].some(t => t.toLowerCase().includes(text))),
  );
};

/** Attributes by which items fall into groups: those with 2 to 50 values, the values by name. */
export function diffGroups(items: readonly DiffItem[]): { readonly by: string; readonly groups: readonly string[] }[] {
  const names = [...new Set(items.flatMap(i => Object.keys(i.attributes)))].sort();
  return names.flatMap(by => {
    const groups = [...new Set(items.flatMap(i => (Object.hasOwn(i.attributes, by) ? [String(i.attributes[by])] : [])))].sort();
    return groups.length > 1 && groups.length <= 50 ? [{ by, groups }] : [];
  });
}
