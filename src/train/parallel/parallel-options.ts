/** Ranks that train one model together, as a trainer is given them. */
import type { ProcessGroup } from "../../ranks/index.ts";
import type { Device } from "../../tensor/index.ts";
import { trainErrors } from "../errors.ts";
import type { ZeroLevel } from "../part.ts";
import { groupRanks } from "./group-ranks.ts";
import { oneRank, type StepRanks } from "./step-ranks.ts";

export interface ParallelOptions {
  readonly group: ProcessGroup;
  /** What is divided among the ranks (default 0: nothing). */
  readonly zero?: ZeroLevel | undefined;
}

interface ParallelTrainer {
  readonly device: Device;
  readonly specs: unknown;
  readonly parallel?: ParallelOptions | undefined;
  readonly privacy?: unknown;
  readonly adversarial?: unknown;
}

/** Errors: `train/mesh` for gradients that are no plain sums over rows. */
export function stepRanksOf({ device, specs, parallel, privacy, adversarial }: ParallelTrainer): StepRanks {
  if (!parallel) return oneRank;
  const unsupported = privacy ? "private training" : adversarial ? "adversarial debiasing" : undefined;
  if (unsupported)
    throw trainErrors.fail("mesh", {
      place: "train.mesh",
      expected: `one rank with ${unsupported}`,
      received: `${parallel.group.size} ranks`,
      hint: "Remove mesh.",
    });
  const { group, zero = 0 } = parallel;
  return groupRanks({ device, specs, group, zero });
}
