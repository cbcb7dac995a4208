/**
 * What a training step does with other ranks, as the trainer sees it: weights are known before gradients are scaled by them, gradients and what is measured
 * beside them become sums over all ranks, and the update is of what a rank owns. One rank alone has nothing to exchange.
 */
import type { DeviceArray } from "../../tensor/index.ts";
import type { HostBatch } from "../batch.ts";

/** Sums over a step's micro-batches. */
export interface StepSums {
  /** Loss, scaled by the step's weight. */
  readonly loss: number;
  /** Squared norm of the gradient. */
  readonly squared: number;
  /** Squared norms of the mean gradients of the micro-batches, one a weight, where noise is measured. */
  readonly own: readonly number[];
  readonly measures: Readonly<Record<string, number>>;
}

/** Of a step that must not be applied. */
export interface Blame {
  /** Ranks whose loss or gradient is no number; empty where it cannot be told, or where there is one rank. */
  readonly ranks: readonly number[];
  /** Documents of those ranks' micro-batches, or of all. */
  readonly documents: readonly (string | number)[];
  /** Paths of the parameters whose gradient is no number, in the order of the specifications. */
  readonly parameters: readonly string[];
}

export type OptimizerState = Record<string, Record<string, DeviceArray>>;
/** Arrays that an update takes and gives. */
export interface Updated {
  readonly parameters: unknown;
  readonly optimizer: OptimizerState;
}

export interface StepRanks {
  /** Bytes of what it holds beside the trainer's arrays. */
  readonly heldBytes: number;
  /** Is the parameter's optimiser state held by this rank? */
  holdsState(path: string): boolean;
  /** The value that one rank, the first, comes to. */
  agreed(own: () => Promise<string>): Promise<string>;
  /** Parameters to start with: the first rank's, in place on all. */
  start(parameters: unknown): Promise<void>;
  /** Weights of the micro-batches of all ranks. `own` gives this rank's, `count` of them; where it throws on one rank, this throws on all. */
  weigh(own: () => readonly number[], count: number): Promise<readonly number[]>;
  /** Sums over all ranks, and the gradients with them; where a rank's are no numbers, the gradients stay as they are and the norm is none. */
  total(own: () => Promise<StepSums>, gradients: () => unknown): Promise<StepSums>;
  /** Who has spoilt the step whose sums were the last; `own` are the parameters whose gradient is no number on this rank. Every rank calls it. */
  blame(batches: readonly HostBatch[], own: readonly string[]): Promise<Blame>;
  /** Applies the update to what this rank owns; all ranks have the new parameters. */
  update(given: Updated, gradients: unknown, apply: (given: Updated, gradients: unknown) => Promise<Updated>): Promise<Updated>;
  /** Values to evaluate in place of the parameters: `apply` makes them of what this rank owns; a tree like the parameters, the caller's. Every rank calls it. */
  evaluated(given: Updated, apply: (own: Updated) => Promise<unknown>): Promise<unknown>;
  dispose(): void;
}

/** A step's documents, for messages. */
export const documentsIn = (batches: readonly HostBatch[]): (string | number)[] => batches.flatMap(b => b.documents ?? []).slice(0, 20);

/** One rank alone. */
export const oneRank: StepRanks = {
  heldBytes: 0,
  holdsState: () => true,
  agreed: own => own(),
  start: async () => {},
  weigh: async own => own(),
  total: own => own(),
  blame: async (batches, own) => ({ ranks: [], documents: documentsIn(batches), parameters: own }),
  update: (given, gradients, apply) => apply(given, gradients),
  evaluated: (given, apply) => apply(given),
  dispose: () => {},
};
