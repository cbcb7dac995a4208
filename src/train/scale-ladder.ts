/**
 * A ladder of small runs of one recipe: sizes of a third to two thirds of the model's layers and heads, times numbers of tokens, within a budget of processor
 * time. Each run has its own whole schedule: a schedule that is cut before its decay would say nothing about the law.
 */
import { trainErrors } from "./errors.ts";
import type { ModelPart, PretrainRecipe } from "./part.ts";
import { tokensPerStep } from "./recipe.ts";

/** Shares of layers and heads that are tried. */
const shares = [1 / 3, 1 / 2, 2 / 3];
/** Runs of a size: tokens as shares of the most. */
export const tokenShares = [1 / 8, 1 / 4, 1 / 2, 1];
const mostSizes = 3;
/** Fewest steps of a run: of fewer the warm-up is most. */
const leastSteps = 20;

const key = ({ layers, width }: ModelPart): string => `${layers} ${width}`;

/** A model part with shares of its layers and heads; head size, proportions and all choices stay. */
function shrunk(model: ModelPart, layerShare: number, headShare: number): ModelPart {
  const headSize = model.width / model.heads;
  const groups = model.heads / (model.kvHeads ?? model.heads);
  const heads = groups * Math.max(1, Math.round((model.heads * headShare) / groups));
  const width = heads * headSize;
  return {
    ...model,
    layers: Math.max(1, Math.round(model.layers * layerShare)),
    heads,
    width,
    ...(model.kvHeads === undefined ? {} : { kvHeads: heads / groups }),
    ...(model.hidden === undefined ? {} : { hidden: Math.max(8, Math.round((model.hidden * width) / model.width / 8) * 8) }),
  };
}

/** Distinct sizes of a ladder, the smallest width first: even shares, then fewer heads alone. The model's own is not among them. Errors: train/recipe. */
export function ladderSizes(model: ModelPart): ModelPart[] {
  const found = new Map<string, ModelPart>();
  const even = shares.map(share => shrunk(model, share, share));
  const narrow = shares.toReversed().map(share => shrunk(model, 1, share));
  for (const size of [...even, ...narrow])
    if (key(size) !== key(model) && !found.has(key(size)) && found.size < mostSizes) found.set(key(size), size);
  if (found.size < 2)
    throw trainErrors.fail("recipe", {
      place: "train scale",
      expected: "a model of three heads, or of two heads and two layers, at least",
      received: `${model.layers} layers, ${model.heads} heads`,
      hint: "A model this small is its own ladder: train it.",
    });
  return [...found.values()].sort((a, b) => a.width - b.width || a.layers - b.layers);
}

export interface LadderRun {
  readonly size: number;
  readonly recipe: PretrainRecipe;
}

/** A recipe of fewer tokens: its warm-up and its distances between evaluations shrink with it. */
function shorterRecipe(recipe: PretrainRecipe, tokens: number): PretrainRecipe {
  const { average, ...rest } = recipe;
  const share = tokens / recipe.tokens;
  return {
    ...rest,
    ...(average
      ? { average: average.kind === "lawa" ? { ...average, every: Math.max(1, Math.round(average.every * share)) } : average }
      : {}),
    tokens,
    schedule: { ...recipe.schedule, warmup: Math.round(recipe.schedule.warmup * share) },
    patience: 0,
    evaluateEvery: Number.MAX_SAFE_INTEGER,
  };
}

/**
 * The runs of a ladder whose sizes cost `secondsPerToken` each, within `seconds` of processor time in all, `fixed` of them whatever the tokens. The most tokens are the same for all sizes, at most
 * those of the recipe. Errors: train/recipe where the budget does not hold the shortest runs.
 */
export function ladderRuns(recipe: PretrainRecipe, secondsPerToken: readonly number[], seconds: number, fixed = 0): LadderRun[] {
  const sum = (xs: readonly number[]) => xs.reduce((a, b) => a + b, 0);
  const perToken = sum(secondsPerToken) * sum(tokenShares);
  const step = tokensPerStep(recipe);
  const most = Math.min(recipe.tokens, (seconds - fixed) / perToken);
  const least = (leastSteps * step) / tokenShares[0]!;
  if (most < least)
    throw trainErrors.fail("recipe", {
      place: "train scale: seconds",
      expected: `at least ${Math.ceil(fixed + perToken * Math.min(least, recipe.tokens))} processor seconds for runs of ${leastSteps} steps and more`,
      received: recipe.tokens < least ? `${seconds}, for a recipe of ${recipe.tokens} tokens` : String(seconds),
      hint: recipe.tokens < least ? "A recipe this short needs no ladder: train it." : "Give a larger budget.",
    });
  return secondsPerToken.flatMap((_, size) =>
    tokenShares.map(share => ({ size, recipe: shorterRecipe(recipe, Math.max(1, Math.floor((most * share) / step)) * step) })),
  );
}
