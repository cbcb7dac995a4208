/** Ranks that train one model together, as a trainer is given them. */
import type { ProcessGroup } from "../../ranks/index.ts";
import { type Device, showMesh } from "../../tensor/index.ts";
import { trainErrors } from "../errors.ts";
import type { ZeroLevel } from "../part.ts";
import { gatheredRanks } from "./gathered-ranks.ts";
import { groupRanks } from "./group-ranks.ts";
import type { ModelSplit } from "./model-split.ts";
import { splitRanks } from "./split-ranks.ts";
import { oneRank, type StepRanks } from "./step-ranks.ts";

export interface ParallelOptions {
  readonly group: ProcessGroup;
  /** What is divided among the ranks (default 0: nothing). */
  readonly zero?: ZeroLevel | undefined;
  /** How they part the model; absent: each rank has all of it, and the ranks are parts of the rows. */
  readonly split?: ModelSplit | undefined;
}

interface ParallelTrainer {
  readonly device: Device;
  readonly specs: unknown;
  readonly parallel?: ParallelOptions | undefined;
  readonly privacy?: unknown;
  readonly adversarial?: unknown;
  readonly frozen?: unknown;
}

/** Errors: `train/mesh` for gradients that are no plain sums over rows, and for what ranks that part the model cannot do. */
export async function stepRanksOf(o: ParallelTrainer): Promise<StepRanks> {
  const { device, specs, parallel, privacy, adversarial, frozen } = o;
  if (!parallel) return oneRank;
  const unsupported = privacy ? "private training" : adversarial ? "adversarial debiasing" : undefined;
  if (unsupported)
    throw trainErrors.fail("mesh", {
      place: "train.mesh",
      expected: `one rank with ${unsupported}`,
      received: parallel.group.size > 1 ? `${parallel.group.size} ranks` : "a rank that an engine has started",
      hint: "Remove mesh, and train without --launch.",
    });
  const { group, zero = 0, split } = parallel;
  if (split && frozen !== undefined)
    throw trainErrors.fail("mesh", {
      place: "train.mesh",
      expected: `${split.isGathered ? "zero 0 to 2" : "the axis data alone"} with frozen parameters`,
      received: split.isGathered ? "zero 3" : showMesh(split.mesh),
      hint: "Remove one of the two.",
    });
  if (split) return split.isGathered ? gatheredRanks({ device, group, split }) : splitRanks({ device, group, split });
  return groupRanks({ device, specs, group, zero });
}
