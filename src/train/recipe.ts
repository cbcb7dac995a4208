/** A pre-training recipe: the `train:` part of a model in `loam.yaml`, checked and with its defaults. */

import type { z } from "zod";
import { nearest, type Tree, treePaths } from "../base/index.ts";
import { trainErrors } from "./errors.ts";
import { adamw, frozen, grouped, muonWithAdamw, namesParameter, type Optimizer, single } from "./optimizer.ts";
import type { PretrainRecipe, parameterGroup } from "./part.ts";

/** A recipe without what cannot change the result: how often something is written down. Neither recipe keys nor artifacts depend on it. */
export function withoutHabits<R extends object>(recipe: R): Omit<R, "checkpointSeconds" | "logEvery"> {
  const { checkpointSeconds: _, logEvery: __, ...lasting } = recipe as R & { checkpointSeconds?: unknown; logEvery?: unknown };
  return lasting;
}

/** For the stages whose options are a recipe and other things: the options that enter the recipe key. */
export const keyOptionsOfRecipe = <O extends { readonly recipe: object }>({ recipe, ...rest }: O) => ({
  ...rest,
  recipe: withoutHabits(recipe),
});

export const tokensPerStep = (r: PretrainRecipe): number => r.rows * r.length * r.accumulate;
export const stepsOf = (r: PretrainRecipe): number => Math.max(1, Math.ceil(r.tokens / tokensPerStep(r)));

type OptimizerOptions = PretrainRecipe["optimizer"];

/** One optimiser for a set of parameters: the recipe's, with a rate and a decay of their own where a group says so. */
function ruleSet(given: OptimizerOptions, own: Partial<z.output<typeof parameterGroup>> = {}): Optimizer {
  if (own.rate === 0) return single(frozen);
  const { rate: factor = 1, weightDecay = given.weightDecay, kind = given.kind } = own;
  const adam = { beta1: given.beta1, beta2: given.beta2, epsilon: given.epsilon, weightDecay };
  // a recipe of AdamW has one rate; Muon's rate is that of its matrices, and AdamW beside it has a part of it
  const adamFactor = given.kind === "muon" ? given.adamFactor : 1;
  if (kind === "adamw") return single(adamw({ ...adam, rateFactor: factor * adamFactor }));
  const { momentum = 0.95, iterations = 5 } = given.kind === "muon" ? given : {};
  return muonWithAdamw({ momentum, iterations, weightDecay, rateFactor: factor }, { ...adam, rateFactor: factor * adamFactor });
}

/** The optimiser of a recipe for a model's parameters. Throws `train/recipe` where a group's pattern names none of them. */
export function optimizerOf(r: PretrainRecipe, specs: unknown): Optimizer {
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

const unknownParameters = (place: string, pattern: string, paths: readonly string[]) => {
  const near = nearest(pattern, paths);
  return trainErrors.fail("recipe", {
    place,
    expected: "the path of a parameter, with * for any characters",
    received: JSON.stringify(pattern),
    hint: near ? `Did you mean "${near}"?` : `Paths begin with ${[...new Set(paths.map(p => p.split(".")[0]))].join(", ")}.`,
  });
};
