/**
 * What `precision: auto` chose before, so that the same recipe on the same machine trains in the same precision again, whatever the clock said that time.
 * Where choices are kept is up to the caller, who runs a training within them.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { ComputedPrecision, TimedPrecision } from "./part.ts";
import type { PrecisionTimes } from "./precision.ts";

/** What the faster precision depends on, beside the machine. */
export interface PrecisionConditions {
  readonly device: string;
  readonly threads: number | undefined;
  /** Parameters by their paths, with their shapes. */
  readonly parameters: readonly (readonly [path: string, shape: readonly number[]])[];
  /** Arrays of a micro-batch, with their shapes. */
  readonly batch: Readonly<Record<string, readonly number[]>>;
  readonly budgetBytes: number | null;
}

export interface PrecisionChoices {
  /** The precision that was chosen under these conditions; undefined where none was. */
  recall(conditions: PrecisionConditions): ComputedPrecision | undefined;
  keep(conditions: PrecisionConditions, precision: TimedPrecision, times: PrecisionTimes): void;
}

const current = new AsyncLocalStorage<PrecisionChoices>();

/** Runs what trains with these choices. */
export const withPrecisionChoices = <T>(choices: PrecisionChoices, run: () => T): T => current.run(choices, run);
export const precisionChoices = (): PrecisionChoices | undefined => current.getStore();
