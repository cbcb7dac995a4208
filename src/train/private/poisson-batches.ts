/**
 * Poisson samples as micro-batches of one shape: every person is drawn by a coin of their own in each step, all rows of a person lie side by side in one
 * micro-batch, and what is left of it is padding. A step has as many micro-batches as its sample needs, one at least. A function of key and step.
 */
import type { PackingState } from "../packing.ts";
import { privateGenerator } from "./generator.ts";

export interface PoissonSampling {
  /** Texts of each person, by number. */
  readonly people: readonly (readonly number[])[];
  /** Probability of a person to be in a step. */
  readonly rate: number;
  /** Rows of a micro-batch: at least as many as any person has texts. */
  readonly rows: number;
  readonly key: Uint8Array;
}
/** Texts of a micro-batch, and which of its people each is of. */
export interface PrivateBatch {
  readonly texts: readonly number[];
  readonly owner: readonly number[];
}

/** The micro-batches of a step. */
export function poissonBatches({ people, rate, rows, key }: PoissonSampling, step: number): PrivateBatch[] {
  const coins = privateGenerator(key).uniforms(step, "sample", people.length);
  const batches: { texts: number[]; owner: number[] }[] = [{ texts: [], owner: [] }];
  for (const [i, texts] of people.entries()) {
    if (coins[i]! >= rate) continue;
    if (batches.at(-1)!.texts.length + texts.length > rows) batches.push({ texts: [], owner: [] });
    const into = batches.at(-1)!;
    const number = (into.owner.at(-1) ?? -1) + 1;
    into.texts.push(...texts);
    into.owner.push(...texts.map(() => number));
  }
  return batches;
}

/** Batches of one step after the other, from where a checkpoint stood. */
export function poissonSource<T>(
  sampling: PoissonSampling,
  host: (batch: PrivateBatch, step: number, at: number) => T,
  from?: PackingState,
) {
  let { epoch: step, row: at } = from ?? { epoch: 0, row: 0 };
  let batches = poissonBatches(sampling, step);
  return {
    state: (): PackingState => ({ epoch: step, row: at }),
    next(): T {
      const made = host(batches[at]!, step, at);
      if (++at === batches.length) {
        step++;
        at = 0;
        batches = poissonBatches(sampling, step);
      }
      return made;
    },
  };
}
