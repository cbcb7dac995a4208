/**
 * Times the kernels of some steps of a pre-training, from its beginning, and gives the profile; nothing that is trained is kept. A device that times no kernels,
 * such as a PJRT plugin, gives the times of the step's programs alone.
 */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { MachinePeak } from "../../ledger/index.ts";
import { kernelNotesFile } from "../../tensor/index.ts";
import { type PretrainOptions, trainerOptions, trainSource } from "../pretrain.ts";
import { microBatchesAt } from "../step-checks.ts";
import { createTrainer } from "../trainer.ts";
import { medianOf, type ProgramTrace, type TrainingProfile, trainingProfileOf } from "./training-profile.ts";

export interface ProfileOptions extends Pick<PretrainOptions, "device" | "model" | "recipe" | "train" | "end" | "progress" | "signal"> {
  /** Steps that are timed, after the first ones. */
  readonly steps: number;
  /** The engine's files are written here. */
  readonly folder: string;
  readonly peak: MachinePeak | null;
}

/** Steps before the timed ones: programs are built, memory is touched for the first time. */
const warmUpSteps = 2;

const programs = ["gradient", "accumulate", "update"] as const;

/** Errors: those of a training. */
export async function profileTraining(o: ProfileOptions): Promise<TrainingProfile> {
  const { recipe, device, steps, signal } = o;
  const prefix = join(o.folder, "profile");
  const options = trainerOptions({ ...o, profile: prefix });
  const trainer = await createTrainer(options);
  const source = trainSource(o);
  const stepsMs: number[] = [];
  const programsMs = { gradient: [] as number[], update: [] as number[] };
  let files: string[] = [];
  try {
    for (let step = 0; step < warmUpSteps + steps; step++) {
      signal?.throwIfAborted();
      const batches = Array.from({ length: microBatchesAt(options, step) }, () => source.next());
      const { totalMs, nativeMs, updateMs } = await trainer.step(batches, signal);
      if (step >= warmUpSteps) {
        stepsMs.push(totalMs);
        programsMs.gradient.push(nativeMs - updateMs);
        programsMs.update.push(updateMs);
      }
      o.progress({ stage: "profile", done: (step + 1) / (warmUpSteps + steps), message: `step ${step + 1}` });
    }
  } finally {
    // a profiled session keeps its file open until profiling ends
    files = trainer.endProfiles();
    trainer.dispose();
  }
  const traces = programs.flatMap((program): ProgramTrace[] => {
    const file = files.find(f => basename(f).startsWith(`profile-${program}`));
    if (file === undefined) return [];
    const read = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));
    const isBf16 = recipe.precision === "bf16" && program !== "update";
    return [{ program, events: read(file) as unknown[], notes: read(kernelNotesFile(file)) as ProgramTrace["notes"], isBf16 }];
  });
  const programTimes = Object.entries(programsMs).map(([program, ms]) => ({ program, ms: medianOf(ms) }));
  const threads = Number(device.capabilities.details.threads ?? 1);
  return trainingProfileOf(traces, recipe.accumulate, { steps, stepMs: medianOf(stepsMs), threads, peak: o.peak, programs: programTimes });
}
