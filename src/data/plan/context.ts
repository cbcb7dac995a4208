/** What every task of a job knows: the steps made ready, the waves, and where earlier tasks left their work. */
import type { Resources } from "../resources.ts";
import type { ReadRecord } from "../sources/source.ts";
import { type SplitPlan, splitPlan } from "../steps/split/plan.ts";
import type { CorpusPlan, DataStep } from "../steps/step.ts";
import { steps as allSteps } from "../steps/steps.ts";
import { columnTasks, type DataJob, shapeOf, type Wave, wavesOf } from "./job.ts";
import type { StepWorkspace } from "./workspace.ts";

/** What a worker is given beside the job. */
export interface JobEnvironment {
  readonly workspace: StepWorkspace;
  readonly resources: Resources;
  /** The records of a partition, file after file; `onBytes` hears how many bytes of files are behind. */
  records(partition: number, onBytes: (bytes: number) => void): AsyncIterable<ReadRecord>;
}

/** A step with its options and whatever it prepared. */
interface ReadyStep {
  readonly step: DataStep;
  readonly name: string;
  readonly options: never;
  readonly state: never;
  readonly plan: CorpusPlan | undefined;
}

export interface JobContext extends JobEnvironment {
  readonly job: DataJob;
  readonly steps: readonly ReadyStep[];
  readonly split: SplitPlan;
  /** Of each step, and last of the split. */
  readonly plans: readonly (CorpusPlan | undefined)[];
  readonly waves: readonly Wave[];
  /** Bins of messages to documents: partitions share them where there are many. */
  readonly toldBins: number;
  /** Tasks of a wave. */
  tasksOf(wave: number): number;
}

const maxToldBins = 64;

export async function openDataJob(job: DataJob, around: JobEnvironment): Promise<JobContext> {
  const steps = await Promise.all(
    job.steps.map(async ({ step: name, options }) => {
      const step: DataStep = allSteps[name];
      const state = await step.prepare?.(options, around.resources);
      return {
        step,
        name,
        options: options as never, // the step's own, which the type of all steps does not say
        state: state as never, // as its options
        plan: step.kind === "corpus" ? step.plan(options, state) : undefined,
      };
    }),
  );
  const split = splitPlan(job.split);
  const waves = wavesOf([
    ...steps.map(({ step, plan, options }) => {
      const asksModel = step.needs?.(options).some(need => need.kind !== "file") ?? false;
      return shapeOf(step.kind, plan, step.kind === "tagger" || asksModel);
    }),
    shapeOf("corpus", split, false),
  ]);
  const tasks = { documents: job.partitions.length, reduce: job.bins, order: job.bins, columns: columnTasks };
  return {
    ...around,
    job,
    steps,
    split,
    plans: [...steps.map(s => s.plan), split],
    waves,
    toldBins: Math.min(job.partitions.length, maxToldBins),
    tasksOf: wave => tasks[waves[wave]!.kind],
  };
}

const partitionFactor = 2 ** 32;
/** Where a document lies: its partition, and its number there. */
export const refOf = (partition: number, number: number): number => partition * partitionFactor + number;
export const placeOfRef = (ref: number): { readonly partition: number; readonly number: number } => ({
  partition: Math.floor(ref / partitionFactor),
  number: ref % partitionFactor,
});
