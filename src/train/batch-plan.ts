/**
 * How many rows each step of a recipe has, and in which micro-batches: a constant batch, or a ramp of stages (Smith et al. 2018, "Don't decay the learning
 * rate, increase the batch size"; McCandlish et al. 2018, section 2). A pure function of the recipe, so a run resumes anywhere.
 */
import { trainErrors } from "./errors.ts";
import type { batchRateRules, PretrainRecipe } from "./part.ts";

type Recipe = Pick<PretrainRecipe, "tokens" | "rows" | "length" | "accumulate" | "batch" | "noiseScale">;

export interface BatchPlan {
  readonly steps: number;
  /** Most micro-batches of a step. */
  readonly mostMicroBatches: number;
  /** Rows of each micro-batch of a step; steps count from 0. */
  rowsAt(step: number): readonly number[];
  /** Tokens, padding included, of the steps before a step. */
  tokensBefore(step: number): number;
  /** Multiple of the learning rate at a step. */
  rateFactorAt(step: number): number;
}

/** Powers of a stage's share of the final batch. The square root keeps Adam's noise (Malladi et al. 2022), the line that of SGD (Goyal et al. 2017). */
const ratePowers: { readonly [K in (typeof batchRateRules)[number]]: number } = { constant: 0, sqrt: 0.5, linear: 1 };

interface Stage {
  readonly first: number;
  readonly end: number;
  readonly rows: number;
  readonly tokensBefore: number;
}

const wrong = (place: string, expected: string, received: string, hint: string) =>
  trainErrors.fail("recipe", { place: `train.batch.ramp.${place}`, expected, received, hint });

function checkRamp({ rows, accumulate, batch }: Recipe): void {
  for (const [i, stage] of (batch?.ramp ?? []).entries()) {
    const before = batch!.ramp[i - 1]?.until ?? 0;
    if (!(stage.until > before)) throw wrong(`${i}.until`, `a fraction above ${before}`, String(stage.until), "Stages follow one another.");
    if (stage.rows > rows && stage.rows % rows !== 0)
      throw wrong(
        `${i}.rows`,
        `at most rows ${rows}, or a multiple of it`,
        String(stage.rows),
        `Use ${rows * Math.round(stage.rows / rows)}.`,
      );
    if (stage.rows > rows * accumulate)
      throw wrong(
        `${i}.rows`,
        `at most rows x accumulate ${rows * accumulate}`,
        String(stage.rows),
        "A ramp grows to the recipe's own batch.",
      );
  }
}

/** The stages with their steps; the last one has the recipe's own batch and the tokens that are left. */
function stagesOf(r: Recipe): Stage[] {
  checkRamp(r);
  const final = r.rows * r.accumulate;
  const given = [...(r.batch?.ramp ?? []), { until: 1, rows: final }];
  const stages: Stage[] = [];
  let [step, tokens] = [0, 0];
  for (const [i, { until, rows }] of given.entries()) {
    const left = Math.max(0, r.tokens * until - tokens);
    const isLast = i === given.length - 1;
    const steps = Math.max(isLast && i === 0 ? 1 : 0, (isLast ? Math.ceil : Math.round)(left / (rows * r.length)));
    stages.push({ first: step, end: step + steps, rows, tokensBefore: tokens });
    step += steps;
    tokens += steps * rows * r.length;
  }
  return stages;
}

/** The plan of a recipe. Errors: train/recipe for a ramp that does not grow to the recipe's batch. */
export function batchPlan(r: Recipe): BatchPlan {
  const stages = stagesOf(r);
  const final = r.rows * r.accumulate;
  const power = ratePowers[r.batch?.rate ?? "constant"];
  const stageAt = (step: number): Stage => stages.find(s => step < s.end) ?? stages.at(-1)!;
  const every = r.noiseScale?.every;
  return {
    steps: stages.at(-1)!.end,
    mostMicroBatches: Math.max(r.accumulate, every === undefined || final < 2 ? 1 : 2),
    rowsAt(step) {
      const { rows } = stageAt(step);
      if (rows > r.rows) return Array.from({ length: rows / r.rows }, () => r.rows);
      const isHalved = every !== undefined && (step + 1) % every === 0 && rows > 1;
      return isHalved ? [Math.ceil(rows / 2), Math.floor(rows / 2)] : [rows];
    },
    tokensBefore(step) {
      const { first, rows, tokensBefore } = stageAt(step);
      return tokensBefore + (step - first) * rows * r.length;
    },
    rateFactorAt: step => (stageAt(step).rows / final) ** power,
  };
}
