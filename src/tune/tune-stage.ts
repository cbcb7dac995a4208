/**
 * The stage of every kind of tuning: what it learns from is read, the base opened, the loop run, the merge proven, and the model written with what is told
 * of its making (`tuning.json`). A kind says how it opens and what it writes.
 */
import { join } from "node:path";
import { z } from "zod";
import { defined, hashOf, type Json, type LoamError } from "../base/index.ts";
import { disposeTree } from "../nn/index.ts";
import { type ArtifactReader, type Stage, type StageContext, type Summary, stage } from "../store/index.ts";
import type { Device } from "../tensor/index.ts";
import { keyOptionsOfRecipe, meshSize, metricLine, metricsFile, trainErrors, withoutHabits, withoutMesh } from "../train/index.ts";
import type { FitRun, Fitted } from "./fit.ts";
import { disposeTuned, givenBackOnFailure, type TrainableArrays, type TunedArrays } from "./methods/index.ts";
import type { LaunchedTuning, RanksRecipe, TuningRanks } from "./ranks/tuning-task.ts";

/** What a run of the loop came to, with all arrays that it holds. */
type TunedModelArrays = Omit<Fitted, "best" | "history"> & Pick<TunedArrays, "frozen"> & { readonly trainable: TrainableArrays };

/** What the stage writes down. */
interface WrittenTuning {
  /** `tuning.json`. */
  readonly tuning: object;
  readonly summary: Summary;
}

/** A base that is ready to be tuned. */
interface OpenedTuning<T extends TunedModelArrays> {
  readonly device: Device;
  /** Of the base: given back where the fit fails. */
  readonly parameters: unknown;
  /** What the result depends on beside the inputs and the recipe. */
  readonly identity?: object;
  fit(run: FitRun): Promise<T>;
  /** Proves the merge and writes the model's files. `lasting` is the recipe as it is written down; trees pushed to `held` are disposed at the end. */
  write(tuned: T, lasting: object, held: unknown[]): Promise<WrittenTuning>;
}

interface TuningStage<I extends string, S extends z.ZodType<{ name: string; recipe: object }>, T extends TunedModelArrays>
  extends Pick<Stage<I, S>, "name" | "version" | "inputs" | "options" | "output"> {
  open(context: StageContext<I, z.output<S>>): Promise<OpenedTuning<T>>;
}
/** Options of a tuning: a name, a recipe, and what else its stage is told. */
type TuningStageOptions<S extends z.ZodType, M extends z.ZodRawShape = Record<never, never>> = z.ZodType<
  { readonly name: string; readonly recipe: z.output<S> } & { readonly [K in keyof M]: z.output<M[K]> },
  { readonly name: string; readonly recipe: z.input<S> } & { readonly [K in keyof M]?: z.input<M[K]> }
>;
export const tuningOptions = <S extends z.ZodType, M extends z.ZodRawShape = Record<never, never>>(
  recipe: S,
  more: M = {} as M,
): TuningStageOptions<S, M> =>
  // the schema of an object with a part of any type has no type that can be written down
  z.strictObject({ name: z.string(), ...more, recipe }) as unknown as TuningStageOptions<S, M>;

/** What tuning needs that is no part of the result. */
export interface StageSurroundings extends TuningRanks {
  /** A folder for TensorBoard's event files, one folder a run in it. */
  readonly eventsFolder?: string | undefined;
  readonly onProblem?: ((problem: LoamError) => void) | undefined;
}

/** Trains on the ranks of a recipe's mesh. Errors: train/mesh where no processes can be started. */
function onRanks(
  { launch, onProblem }: StageSurroundings,
  task: LaunchedTuning,
  { inputs, progress, signal }: Pick<StageContext<string, unknown>, "inputs" | "progress" | "signal">,
) {
  const recipe: RanksRecipe = task.options.recipe;
  if (!launch)
    throw trainErrors.fail("mesh", {
      place: "tune.mesh",
      expected: "one rank: this tuning starts no processes",
      received: `${meshSize(recipe.mesh)} ranks`,
      hint: "Tune with `loam tune`.",
    });
  return launch(task, recipe, inputs, { progress, signal, ...defined({ onProblem }) });
}

/** Errors: those of opening and of the loop. */
export const tuningStage = <const I extends string, S extends z.ZodType<{ name: string; recipe: object }>, T extends TunedModelArrays>(
  around: StageSurroundings,
  { open, ...definition }: TuningStage<I, S, T>,
): Stage<I, S> =>
  stage({
    ...definition,
    keyOptions: options => keyOptionsOfRecipe(options),
    async run(context) {
      const { options, output, runData, progress, signal, scratch } = context;
      const { ranks, onProblem } = around;
      const opened = await open(context);
      const lasting = withoutHabits(options.recipe);
      const digests = Object.fromEntries(Object.entries<ArtifactReader>(context.inputs).map(([name, a]) => [name, a.digest]));
      // of any mesh, so that a run whose rank is lost goes on without it
      const identity = hashOf({ ...digests, ...opened.identity, recipe: withoutMesh(lasting) } as Json);
      const eventsFolder = around.eventsFolder && join(around.eventsFolder, `${options.name}-${identity.slice(0, 8)}`);
      const recipe: RanksRecipe = options.recipe;
      const elsewhere = async () => {
        const named = Object.entries<ArtifactReader>(context.inputs).map(([name, { id, digest }]) => [name, { id, digest }]);
        const task = { stage: definition.name, inputs: Object.fromEntries(named), options, folder: scratch, ...defined({ eventsFolder }) };
        await onRanks(around, task, context);
      };
      const tuned = await givenBackOnFailure([opened.parameters], () =>
        opened.fit({
          device: opened.device,
          identity,
          folder: scratch,
          eventsFolder,
          progress,
          signal,
          onProblem,
          ranks,
          elsewhere: !ranks && (meshSize(recipe.mesh) > 1 || around.launchesOne) ? elsewhere : undefined,
        }),
      );
      const held: unknown[] = tuned.kept.map(k => k.parameters);
      try {
        // the command goes on with what the first one has left
        if (ranks) return {};
        progress({ stage: "tune", message: "measuring what the merge changes" });
        const { tuning, summary } = await opened.write(tuned, lasting, held);
        runData.write(metricsFile, tuned.points.map(metricLine).join(""));
        await output.write("tuning.json", `${JSON.stringify(tuning, null, 2)}\n`);
        return { ...summary, seconds: Math.round(tuned.totalMs / 1000) };
      } finally {
        disposeTuned(tuned);
        for (const tree of held) disposeTree(tree);
      }
    },
  });
