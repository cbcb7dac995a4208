/**
 * A tuning on several ranks as a task that processes carry out: which stage, what it reads and its options. Each rank opens the base and the examples as the
 * stage does, trains its share of the rows, and the first one leaves what was trained in the task's folder; the command goes on from there.
 */
import { z } from "zod";
import type { Progress } from "../../base/index.ts";
import type { ProcessGroup } from "../../ranks/index.ts";
import type { ArtifactReader, Stage } from "../../store/index.ts";
import { type MeshPart, type RankWatch, rankInput } from "../../train/index.ts";
import { tuneErrors } from "../errors.ts";

export const tuningTaskSchema = z.strictObject({
  /** Name of the stage. */
  stage: z.string(),
  inputs: z.record(z.string(), z.strictObject({ id: z.string(), digest: z.string() })),
  /** As the stage takes them. */
  options: z.looseObject({ name: z.string(), recipe: z.looseObject({}) }),
  /** Checkpoints, logs and the result: all ranks share it. */
  folder: z.string(),
  eventsFolder: z.string().optional(),
  /** Threads of each rank. */
  threads: z.number().int().min(1),
});
export type TuningTask = z.output<typeof tuningTaskSchema>;

/** A task as a stage gives it. */
export interface LaunchedTuning extends Omit<TuningTask, "threads" | "options"> {
  readonly options: { readonly name: string; readonly recipe: object };
}

/** What of a recipe says how its ranks train. */
export interface RanksRecipe {
  readonly mesh?: MeshPart | undefined;
  readonly zero?: 0 | 1 | 2 | undefined;
  readonly onLost?: "stop" | "shrink" | "restart" | undefined;
}

/** Starts the ranks of a tuning and waits for them; the first one leaves the result in the task's folder. */
export type LaunchTuning = (
  task: LaunchedTuning,
  recipe: RanksRecipe,
  inputs: Readonly<Record<string, ArtifactReader>>,
  watched: RankWatch,
) => Promise<void>;

/** What one rank is given beside the task. */
interface TuningRankSurroundings {
  /** The stage of the task, opened for a rank of `group`. */
  readonly stageOf: (name: string) => Stage | undefined;
  readonly open: (id: string) => Promise<ArtifactReader>;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

const nothing = (): never => {
  throw new TypeError("a rank of a tuning writes no artifact");
};

/** Trains as one of the ranks. Errors: tune/*, train/*, ranks/*. */
export async function tuneAsRank(task: LaunchedTuning, { stageOf, open, progress, signal }: TuningRankSurroundings): Promise<void> {
  const stage = stageOf(task.stage);
  if (!stage)
    throw tuneErrors.fail("base", {
      place: task.stage,
      expected: "a stage of tuning",
      received: "none",
      hint: "Give all ranks the same Loam.",
    });
  const inputs: Record<string, ArtifactReader> = {};
  for (const [name, input] of Object.entries(task.inputs)) inputs[name] = await rankInput(open, input);
  await stage.run({
    inputs,
    options: stage.options.parse(task.options),
    // a stage that runs as a rank writes nothing: whatever is called throws
    output: { write: nothing, writeStream: nothing } as never,
    // the same
    runData: { write: nothing } as never,
    progress,
    signal,
    scratch: task.folder,
  });
}

/** Ranks of a tuning's stage, beside the rest of its surroundings. */
export interface TuningRanks {
  /** This process is one of these ranks: it trains and writes no artifact. */
  readonly ranks?: ProcessGroup | undefined;
  /** Trains recipes with a mesh. Absent where no processes can be started: they are refused. */
  readonly launch?: LaunchTuning | undefined;
  /** `launch` trains recipes without a mesh too, on one rank. */
  readonly launchesOne?: boolean | undefined;
}
