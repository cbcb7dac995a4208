/**
 * The recipe of examples/mail as it is, for its first steps: tokens a second from end to end, and how much of the time is spent outside native
 * programs (packing, JavaScript, logs). Held-out losses count as native work, checkpoints do not.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { modelNameOf } from "../src/project/project-file.ts";
import { openDevice } from "../src/tensor/index.ts";
import { pretrain, tokensPerStep } from "../src/train/index.ts";
import { type BenchContext, type BenchResult, digits } from "./harness.ts";
import { mailProject, mailRecipe } from "./mail-recipe.ts";

/** Steps that are run: enough for a steady rate, a fraction of the recipe. */
const steps = 60;

export async function run({ say }: BenchContext): Promise<BenchResult> {
  const name = modelNameOf(mailProject(), undefined);
  const folder = mkdtempSync(join(tmpdir(), "loam-bench-recipe-"));
  try {
    const { threads, recipe: whole, ...given } = await mailRecipe(folder, name, say);
    const { model } = given;
    const recipe = { ...whole, tokens: steps * tokensPerStep(whole), evaluateEvery: Math.min(whole.evaluateEvery, steps / 2) };
    say(`${steps} steps of ${name}`);
    const result = await pretrain({
      device: openDevice("cpu", threads ? { threads } : {}),
      ...given,
      recipe,
      identity: "bench".padEnd(64, "0"),
      folder: join(folder, "run"),
      progress: () => {},
    });
    const outside = 1 - result.nativeMs / result.totalMs;
    return {
      method: `${steps} steps of ${tokensPerStep(recipe)} tokens of examples/mail's "${name}" (${model.layers} layers, width ${model.width}, vocabulary ${model.vocab}), with two held-out losses; time outside = all but what the backend itself computed`,
      ours: {
        "tokens a second, end to end": Math.round(result.tokens / (result.totalMs / 1000)),
        "share outside native programs": digits(outside),
      },
      peers: {},
      ratios: {},
      bars: [{ name: "outside the native step", want: "< 0.05", got: digits(outside), holds: outside < 0.05 }],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
