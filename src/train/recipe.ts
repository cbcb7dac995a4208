/** A pre-training recipe: the `train:` part of a model in `loam.yaml`, checked and with its defaults. */

import type { z } from "zod";
import { defined, nearest, type Tree, treePaths } from "../base/index.ts";
import { adafactor } from "./adafactor.ts";
import { adamw8bit } from "./adamw-8bit.ts";
import { batchPlan } from "./batch-plan.ts";
import { trainErrors } from "./errors.ts";
import { lion } from "./lion.ts";
import { adamw, evaluatesOthers, frozen, grouped, muonWithAdamw, namesParameter, type Optimizer, single } from "./optimizer.ts";
import { lastingMesh, withoutMesh } from "./parallel/mesh.ts";
import { type OptimizerKind, optimizerOptions, type PretrainRecipe, type parameterGroup } from "./part.ts";
import { scheduleFree } from "./schedule-free.ts";

interface Habits {
  readonly checkpointSeconds?: unknown;
  readonly logEvery?: unknown;
  readonly onLost?: unknown;
}

/**
 * A recipe without what cannot change the result: how often something is written down, what is done when a rank is lost, a mesh of one rank. Neither recipe
 * keys nor artifacts depend on it.
 */
export function withoutHabits<R extends object>(recipe: R): Omit<R, keyof Habits> {
  const given: R & Habits & Pick<Partial<PretrainRecipe>, "mesh" | "zero" | "pipeline"> = recipe;
  const { checkpointSeconds: _, logEvery: __, onLost: ___, ...lasting } = given;
  // a mesh of the same type or none, which the compiler cannot tell of any recipe
  return { ...withoutMesh(lasting), ...lastingMesh(given) } as unknown as Omit<R, keyof Habits>;
}

/** For the stages whose options are a recipe and other things: the options that enter the recipe key. */
export const keyOptionsOfRecipe = <O extends { readonly recipe: object }>({ recipe, ...rest }: O) => ({
  ...rest,
  recipe: withoutHabits(recipe),
});

/** Tokens of a step; with a batch-size ramp, of one after the ramp. */
export const tokensPerStep = (r: PretrainRecipe): number => r.rows * r.length * r.accumulate;
export const stepsOf = (r: PretrainRecipe): number => batchPlan(r).steps;

type OptimizerOptions = z.output<typeof optimizerOptions>;
type OptionsOf<K extends OptimizerKind> = Extract<OptimizerOptions, { readonly kind: K }>;

/** A group's place in the recipe's rate. */
interface GroupRate {
  readonly rateFactor: number;
  /** Multiple for AdamW beside other rules. */
  readonly adamFactor: number;
}

type AdamOptions = OptionsOf<"adamw" | "muon" | "adamw8bit">;
const adamOf = ({ beta1, beta2, epsilon, weightDecay }: AdamOptions) => ({ beta1, beta2, epsilon, weightDecay });

/** Each kind's optimiser by its options. */
const optimizerRows: { readonly [K in OptimizerKind]: (o: OptionsOf<K>, rate: GroupRate) => Optimizer } = {
  adamw: (o, { rateFactor, adamFactor }) => single(adamw({ ...adamOf(o), rateFactor: rateFactor * adamFactor })),
  muon: (o, { rateFactor, adamFactor }) => {
    const { momentum, iterations, weightDecay } = o;
    return muonWithAdamw({ momentum, iterations, weightDecay, rateFactor }, { ...adamOf(o), rateFactor: rateFactor * adamFactor });
  },
  adamw8bit: (o, { rateFactor, adamFactor }) => single(adamw8bit({ ...adamOf(o), rateFactor: rateFactor * adamFactor })),
  lion: ({ beta1, beta2, weightDecay }, { rateFactor }) => single(lion({ beta1, beta2, weightDecay, rateFactor })),
  adafactor: ({ relative, clipThreshold, decayPower, weightDecay }, { rateFactor }) =>
    single(adafactor({ relative, clipThreshold, decayPower, weightDecay, rateFactor })),
  scheduleFree: ({ beta1, beta2, epsilon, weightDecay }, { rateFactor }) =>
    single(scheduleFree({ beta1, beta2, epsilon, weightDecay, rateFactor })),
};
const buildOptimizer = <K extends OptimizerKind>(o: OptionsOf<K>, rate: GroupRate): Optimizer =>
  (optimizerRows[o.kind as K] as (o: OptionsOf<K>, rate: GroupRate) => Optimizer)(o, rate);

/** Options of another kind in a recipe: its defaults, and those of the recipe where both are AdamW's. */
function optionsOfKind(given: OptimizerOptions, kind: OptimizerKind): OptimizerOptions {
  if (given.kind === kind) return given;
  const own = optimizerOptions.parse({ kind });
  const isAdam = (o: OptimizerOptions): o is AdamOptions => o.kind === "adamw" || o.kind === "muon" || o.kind === "adamw8bit";
  const shared = isAdam(given) && isAdam(own) ? adamOf(given) : {};
  return { ...own, ...shared } as OptimizerOptions;
}

/** One optimiser for a set of parameters: the recipe's, with a rate and a decay of their own where a group says so. */
function ruleSet(given: OptimizerOptions, own: Partial<z.output<typeof parameterGroup>> = {}): Optimizer {
  if (own.rate === 0) return single(frozen);
  const { rate: rateFactor = 1, weightDecay, kind = given.kind } = own;
  // a recipe of AdamW has one rate; Muon's rate is that of its matrices, and AdamW beside it has a part of it
  const adamFactor = given.kind === "muon" ? given.adamFactor : 1;
  return buildOptimizer({ ...optionsOfKind(given, kind), ...defined({ weightDecay }) } as OptimizerOptions, { rateFactor, adamFactor });
}

/**
 * The optimiser of a recipe for a model's parameters. Throws `train/recipe` where a group's pattern names none of them, or where a schedule-free rule has
 * a schedule or an average of another kind.
 */
export function optimizerOf(r: PretrainRecipe, specs: unknown): Optimizer {
  const made = groupedOptimizer(r, specs);
  if (evaluatesOthers(made)) checkScheduleFree(r);
  return made;
}

function groupedOptimizer(r: PretrainRecipe, specs: unknown): Optimizer {
  const common = ruleSet(r.optimizer);
  const own = r.optimizer.groups ?? [];
  if (!own.length) return common;
  const paths = treePaths(specs as Tree<unknown>).map(([path]) => path);
  return grouped(
    own.map((g, i) => {
      const parameters = typeof g.parameters === "string" ? [g.parameters] : g.parameters;
      for (const pattern of parameters)
        if (!paths.some(path => namesParameter([pattern], path)))
          throw unknownParameters(`train.optimizer.groups.${i}.parameters`, pattern, paths);
      return { parameters, optimizer: ruleSet(r.optimizer, g) };
    }),
    common,
  );
}

/** Schedule-free rules average all steps of a constant rate. */
function checkScheduleFree({ schedule, average }: PretrainRecipe): void {
  if (schedule.kind !== "constant")
    throw trainErrors.fail("recipe", {
      place: "train.schedule.kind",
      expected: "constant with the optimiser scheduleFree",
      received: schedule.kind,
      hint: "Write schedule: { kind: constant }. Warm-up steps stay.",
    });
  if (average)
    throw trainErrors.fail("recipe", {
      place: "train.average",
      expected: "none with the optimiser scheduleFree, which averages its steps itself",
      received: average.kind,
      hint: "Remove average, or use another optimiser.",
    });
}

const unknownParameters = (place: string, pattern: string, paths: readonly string[]) => {
  const near = nearest(pattern, paths);
  return trainErrors.fail("recipe", {
    place,
    expected: "the path of a parameter, with * for any characters",
    received: JSON.stringify(pattern),
    hint: near ? `Did you mean "${near}"?` : `Paths begin with ${[...new Set(paths.map(p => p.split(".")[0]))].join(", ")}.`,
  });
};
