/**
 * The ways to split, chosen by options: what else stays together, and by what the held-out groups are drawn. Pure: the caller brings ids (sorted),
 * the sets that near-duplicates made, and columns of attribute values, and may call again with more joined.
 */
import { defined } from "../../base/index.ts";
import { dataErrors } from "../errors.ts";
import type { UnionFind } from "../steps/near-duplicates/union-find.ts";
import { dateIn, splitByTime, type TimeReport } from "./by-time.ts";
import { crossingValues, type GroupCrossing } from "./crossing.ts";
import { type GroupColumn, groupsOfSets, joinByValues } from "./groups.ts";
import type { SplitByOptions } from "./options.ts";
import { type StratumReport, splitStratified, strataReport } from "./stratified.ts";

export interface SplitInput {
  /** Sorted. */
  readonly ids: ArrayLike<string>;
  /** What stays together already; more is joined here. */
  readonly sets: UnionFind;
  /** What each document counts; 1 without it. */
  readonly sizes?: ArrayLike<number>;
  /** The documents' values of an attribute. */
  column(attribute: string): GroupColumn;
  /** Their dates as they stand in the attribute; without it, the column's texts. */
  dates?(attribute: string): ArrayLike<unknown>;
}

export interface SplitChoice {
  isHeldOut(document: number): boolean;
  readonly groups: number;
  readonly time?: TimeReport;
  readonly strata?: readonly StratumReport[];
  readonly crossing: readonly GroupCrossing[];
}

/** Documents without a value are a stratum of their own. */
const noValue = "(none)";

/** Which documents are held out. Errors: `data/splitImpossible` where fewer than two groups exist, or none has a date. */
export function chooseHeldOut(input: SplitInput, share: number, seed: number | string, o: SplitByOptions): SplitChoice {
  const { ids, sets, sizes } = input;
  joinByValues(
    sets,
    o.together.map(a => input.column(a)),
  );
  const groups = groupsOfSets(ids, sets, seed, sizes);
  if (groups.count < 2)
    throw dataErrors.fail("splitImpossible", {
      place: "split",
      expected: "at least 2 groups of documents that need not stay together",
      received: `${groups.count}`,
      hint: "Add documents, join by fewer attributes, or set heldOut: 0 to train without a held-out side.",
    });
  const strataValues = Array.from({ length: ids.length }, () => noValue);
  if (o.stratify) {
    const column = input.column(o.stratify);
    for (let i = 0; i < ids.length; i++) strataValues[i] = column[i] ?? noValue;
  }
  const values = [...new Set(strataValues)].sort();
  const numbers = new Map(values.map((v, s) => [v, s]));
  const strata = Uint32Array.from(strataValues, v => numbers.get(v)!);
  let time: TimeReport | undefined;
  let heldOut: Uint8Array;
  if (o.time) {
    const raw = input.dates?.(o.time.attribute) ?? input.column(o.time.attribute);
    const dateOf = dateIn(o.time);
    const dates = Float64Array.from({ length: ids.length }, (_, i) => dateOf(raw[i]));
    ({ isHeldOut: heldOut, report: time } = splitByTime(groups, dates, share, o.time));
  } else heldOut = splitStratified(groups, strata, sizes, share);
  const isHeldOut = (i: number) => heldOut[groups.groupOf[i]!] === 1;
  return {
    isHeldOut,
    groups: groups.count,
    ...defined({ time }),
    ...(o.stratify ? { strata: strataReport(values, strata, isHeldOut, sizes) } : {}),
    crossing: [...new Set([...o.together, ...o.check])].map(a => crossingValues(a, input.column(a), isHeldOut)),
  };
}
