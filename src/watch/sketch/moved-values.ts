/** Which values' shares of events differ: exact tests of two shares a value, none where so few events have it that no test could tell. */
import { benjaminiHochberg, fisherExact, shareDifference } from "../../statistics/index.ts";
import type { MovedValue } from "./report.ts";

/** Events of both sides that have a value, below which it is not tested: by both sides' sum alone, so the choice does not bend the tests. */
const leastEvents = 5;

interface ValueCount {
  readonly value: string | number;
  readonly reference: number;
  readonly window: number;
  /** The reference certainly has not got it. */
  readonly isNew: boolean;
}

interface MovedValues {
  /** Values that were tested. */
  readonly tested: number;
  /** Least p-value times their number (Bonferroni): of "no share has changed", whatever depends on what. */
  readonly p: number;
  /** Largest difference of shares. */
  readonly change: number;
  /** The largest changes, by how sure they are. */
  readonly moved: readonly MovedValue[];
}

/** Of `n` events of the reference and `m` of the window. */
export function movedValues(counts: readonly ValueCount[], n: number, m: number, most: number): MovedValues {
  const tested = counts.filter(c => c.reference + c.window >= leastEvents);
  const p = tested.map(c => fisherExact(c.reference, n, c.window, m));
  const q = benjaminiHochberg(p);
  const order = Array.from(p.keys()).sort(
    (i, j) => p[i]! - p[j]! || tested[j]!.reference + tested[j]!.window - tested[i]!.reference - tested[i]!.window,
  );
  return {
    tested: tested.length,
    p: tested.length === 0 ? 1 : Math.min(1, tested.length * p[order[0]!]!),
    change: tested.reduce((largest, c) => Math.max(largest, Math.abs(c.window / m - c.reference / n)), 0),
    moved: order.slice(0, most).map(i => {
      const { value, reference, window, isNew } = tested[i]!;
      return {
        value,
        reference: reference / n,
        window: window / m,
        difference: shareDifference(reference, n, window, m),
        p: p[i]!,
        q: q[i]!,
        isNew,
      };
    }),
  };
}
