/**
 * Split by time: what is older trains, what is newer is held out, so that a model is measured on a future it has not read. Groups stay whole;
 * one that lies across the cut goes to the side that an option names, and is counted.
 */
import { baseErrors } from "../../base/index.ts";
import { dataErrors } from "../errors.ts";
import { parseDate, showDate } from "./dates.ts";
import type { DocumentGroups } from "./groups.ts";
import type { TimeOptions } from "./options.ts";

export interface TimeReport {
  readonly attribute: string;
  /** The first moment that is held out. */
  readonly cut: string;
  readonly undatedDocuments: number;
  /** Groups that have documents on both sides of the cut, and how many documents of these are on their side against the date. */
  readonly across: { readonly groups: number; readonly documents: number };
  readonly train: { readonly from?: string; readonly to?: string };
  readonly heldOut: { readonly from?: string; readonly to?: string };
}

/** What is known of groups, in the order of their hashes: sizes, and their oldest and newest date in milliseconds, NaN where they have none. */
export interface DatedGroups {
  readonly sizes: Float64Array;
  readonly oldest: Float64Array;
  readonly newest: Float64Array;
}

export interface TimeCut {
  /** A byte a group. */
  readonly isHeldOut: Uint8Array;
  /** Milliseconds: the first moment that is held out. */
  readonly cut: number;
  /** Groups that have dates on both sides of the cut. */
  readonly across: number;
}

/** A date as the options take it, NaN for one that cannot be true and for what is no date. */
export function dateIn(o: TimeOptions): (value: unknown) => number {
  const earliest = o.earliest === undefined ? Number.NEGATIVE_INFINITY : givenDate("earliest", o.earliest);
  const latest = o.latest === undefined ? Number.POSITIVE_INFINITY : givenDate("latest", o.latest);
  return value => {
    const t = parseDate(value) ?? Number.NaN;
    return t >= earliest && t <= latest ? t : Number.NaN;
  };
}

/** Decides about groups. `share` is of the dated groups' sizes, where no cut is given. Errors: `data/splitImpossible`, `base/config`. */
export function cutByTime({ sizes, oldest, newest }: DatedGroups, share: number, o: TimeOptions): TimeCut {
  const count = sizes.length;
  const dated = Uint32Array.from(sizes.keys()).filter(g => !Number.isNaN(oldest[g]!));
  if (dated.length === 0)
    throw dataErrors.fail("splitImpossible", {
      place: `split by time: ${o.attribute}`,
      expected: "documents with a date (ISO 8601, or as in mails)",
      received: `none in ${count} groups`,
      hint: "Name the attribute that holds it.",
    });
  // The date that decides about a group.
  const deciding = o.across === "held-out" ? newest : oldest;
  const cut = o.cut === undefined ? cutOf(dated, deciding, sizes, share) : givenDate("cut", o.cut);
  const isHeldOut = new Uint8Array(count);
  let [numHeld, held, size, across] = [0, 0, 0, 0];
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const g of dated) {
    size += sizes[g]!;
    first = Math.min(first, oldest[g]!);
    last = Math.max(last, newest[g]!);
    if (oldest[g]! < cut && newest[g]! >= cut) across++;
    if (deciding[g]! < cut) continue;
    isHeldOut[g] = 1;
    numHeld++;
    held += sizes[g]!;
  }
  if (numHeld === 0 || numHeld === dated.length)
    throw dataErrors.fail("splitImpossible", {
      place: `split by time: ${o.attribute}`,
      expected: "groups on both sides of the cut",
      received: `${numHeld} of ${dated.length} from ${showDate(cut)} on (dates ${showDate(first)} to ${showDate(last)})`,
      hint: "Choose a cut between these dates, or the other way for groups across it.",
    });
  let [have, all] = [0, 0];
  for (let g = 0; g < count && o.undated !== "train"; g++) {
    if (!Number.isNaN(oldest[g]!)) continue;
    all += sizes[g]!;
    // Groups come in the order of their hashes: a beginning of them is a sample; taken where the share falls behind.
    if (o.undated === "share" && have + sizes[g]! / 2 > (held / size) * all) continue;
    isHeldOut[g] = 1;
    have += sizes[g]!;
  }
  return { isHeldOut, cut, across };
}

/** The same for documents that are at hand. `dates`: milliseconds of each document (see `dateIn`), NaN for none. */
export function splitByTime(
  groups: DocumentGroups,
  dates: Float64Array,
  share: number,
  o: TimeOptions,
): { readonly isHeldOut: Uint8Array; readonly report: TimeReport } {
  const { count, groupOf, sizes } = groups;
  const [oldest, newest] = [new Float64Array(count).fill(Number.NaN), new Float64Array(count).fill(Number.NaN)];
  for (let i = 0; i < dates.length; i++) {
    const [g, t] = [groupOf[i]!, dates[i]!];
    if (Number.isNaN(t)) continue;
    if (!(oldest[g]! <= t)) oldest[g] = t;
    if (!(newest[g]! >= t)) newest[g] = t;
  }
  const { isHeldOut, cut, across } = cutByTime({ sizes, oldest, newest }, share, o);
  let [undatedDocuments, against] = [0, 0];
  const ends = [Number.NaN, Number.NaN, Number.NaN, Number.NaN];
  for (let i = 0; i < dates.length; i++) {
    const t = dates[i]!;
    if (Number.isNaN(t)) {
      undatedDocuments++;
      continue;
    }
    const isHeld = isHeldOut[groupOf[i]!] === 1;
    if (isHeld !== t >= cut) against++;
    const at = isHeld ? 2 : 0;
    if (!(ends[at]! <= t)) ends[at] = t;
    if (!(ends[at + 1]! >= t)) ends[at + 1] = t;
  }
  const range = (at: number) => (Number.isNaN(ends[at]!) ? {} : { from: showDate(ends[at]!), to: showDate(ends[at + 1]!) });
  return {
    isHeldOut,
    report: {
      attribute: o.attribute,
      cut: showDate(cut),
      undatedDocuments,
      across: { groups: across, documents: against },
      train: range(0),
      heldOut: range(2),
    },
  };
}

function givenDate(option: string, text: string): number {
  const ms = parseDate(text);
  if (ms === undefined)
    throw baseErrors.fail("config", { place: `split.time.${option}`, expected: "a date such as 2024-03-01", received: `"${text}"` });
  return ms;
}

/** The moment from which on the held-out share is nearest to what is asked; everything of one moment is on one side. */
function cutOf(dated: Uint32Array, deciding: Float64Array, sizes: Float64Array, share: number): number {
  const order = dated.slice().sort((a, b) => deciding[b]! - deciding[a]! || a - b);
  const target = share * dated.reduce((s, g) => s + sizes[g]!, 0);
  let [have, best, cut] = [0, Number.POSITIVE_INFINITY, Number.NaN];
  for (const [at, g] of order.entries()) {
    have += sizes[g]!;
    const next = order[at + 1];
    if (next !== undefined && deciding[next] === deciding[g]) continue;
    // The whole is no split; the first moment is always a possible one.
    if (next === undefined && !Number.isNaN(cut)) break;
    if (Math.abs(have - target) < best) [best, cut] = [Math.abs(have - target), deciding[g]!];
  }
  return cut;
}
