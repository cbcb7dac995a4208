/** Steps of ranks under ZeRO-3: each has parameters, gradients and optimiser state of what it owns, and gets the rest for the time of a pass. */
import type { ProcessGroup } from "../../ranks/index.ts";
import type { Device } from "../../tensor/index.ts";
import { addUp, agreedByFirst, blameFor, gradientNorm } from "./group-answers.ts";
import type { ModelSplit } from "./model-split.ts";
import { onEveryRank } from "./on-every-rank.ts";
import { gatherNumbers } from "./rank-arrays.ts";
import type { PartArrays } from "./split-values.ts";
import type { StepRanks } from "./step-ranks.ts";

interface GatheredRanksOptions {
  readonly device: Device;
  readonly group: ProcessGroup;
  readonly split: ModelSplit;
}

export function gatheredRanks({ device, group, split }: GatheredRanksOptions): StepRanks {
  const owners = new Map(split.parameters.map(p => [p.path, p.owner]));
  const norm = gradientNorm(device, group);
  /** Of each rank's last step: its loss, and the squared norm of what it has added to sums. */
  let told: readonly (readonly number[])[] = [];

  return {
    heldBytes: 0,
    holdsState: path => owners.get(path) === group.rank,
    agreed: own => agreedByFirst(group, own),
    // drawn from one seed, or read from one checkpoint, by its owner alone
    start: async () => {},
    weigh: async (own, count) => (await onEveryRank(group, own, weights => weights, count)).numbers.flat(),
    async total(own, gradients) {
      // where it throws the rank ends at once: the others are within collectives of the same step, and learn of it as of a lost rank
      const made = await own();
      told = await gatherNumbers(group, [made.loss, made.squared]);
      const isSound = told.flat().every(Number.isFinite);
      // arrays by path, which the trainer's types cannot say
      const squared = isSound ? await norm.all(gradients() as PartArrays) : Number.NaN;
      return {
        loss: addUp(told.map(([loss]) => loss!)),
        squared,
        own: made.own.length ? (await gatherNumbers(group, made.own)).flat() : [],
        measures: {},
      };
    },
    blame: (batches, own) => blameFor(group, { batches, numbers: told, own, paths: split.parameters.map(p => p.path) }),
    async update(given, gradients, apply) {
      return Object.keys(given.parameters as PartArrays).length ? apply(given, gradients) : given;
    },
    evaluated: async (given, apply) => (Object.keys(given.parameters as PartArrays).length ? apply(given) : {}),
    dispose: () => norm.dispose(),
  };
}
