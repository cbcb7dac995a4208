/** Gradients of a step's micro-batches, as one rank computes them, and the update that takes them: what a trainer's step is made of. */
import type { ExecutionOptions, KeptReport } from "../tensor/index.ts";
import type { HostBatch } from "./batch.ts";
import type { StepSums, Updated } from "./parallel/step-ranks.ts";
import type { ComputedPrecision } from "./part.ts";
import type { PrecisionTimes } from "./precision.ts";
import type { TreeProgram } from "./tree-program.ts";

/** What a step's losses are divided by, all ranks' weight, and multiplied by. */
export interface StepWeight {
  readonly weight: number;
  readonly scale: number;
}

export interface StepGradients {
  /** Computes the gradients of micro-batches, which were checked; what they add up to is in `tree`. */
  sums(parameters: unknown, batches: readonly HostBatch[], of: StepWeight, run: ExecutionOptions): Promise<StepSums>;
  /** A tree of arrays like the parameters, or one of each loss. */
  readonly tree: unknown;
  /** Parameters, of the last sums, whose gradient was no number before it left this rank. */
  readonly notFinite?: readonly string[];
  readonly update: TreeProgram<Updated>;
  /** What it is computed in, and what was timed where that was chosen. */
  readonly precision: ComputedPrecision;
  readonly precisionTimes: PrecisionTimes | undefined;
  /** Bytes of gradients, batches and what is frozen. */
  readonly heldBytes: number;
  peakBytes(): number | undefined;
  kept(): KeptReport | undefined;
  endProfiles(): string[];
  dispose(): void;
}
