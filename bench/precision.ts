/**
 * What bf16 costs a model: the recipe of examples/mail's mail-small from five seeds in float32 and in bf16, and the difference of the bits per token on
 * all that is held out, seed by seed. `mail-full` (named) trains the longer one from one seed. Finished runs are kept in .cache/bench/precision and
 * begun ones go on from their checkpoint, so it may be stopped and started again.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { hashOf, type Json } from "../src/base/index.ts";
import { disposeTree } from "../src/nn/index.ts";
import { studentQuantile } from "../src/statistics/index.ts";
import { openDevice } from "../src/tensor/index.ts";
import { pretrain, stepsOf, tokensPerStep } from "../src/train/index.ts";
import { type BenchContext, type BenchResult, digits } from "./harness.ts";
import { type MailRecipe, mailRecipe } from "./mail-recipe.ts";

const root = fileURLToPath(new URL("../../.cache/bench/precision/", import.meta.url));
const seedsOf = { "mail-small": [1, 2, 3, 4, 5], "mail-full": [1] } as const;
const sides = ["f32", "bf16"] as const;

interface Finished {
  readonly bits: number;
  readonly seconds: number;
  readonly processorSeconds: number;
  readonly steps: number;
}

async function trained(given: MailRecipe, precision: (typeof sides)[number], seed: number, scale: number): Promise<Finished> {
  const tokens = Math.max(8 * tokensPerStep(given.recipe), Math.round(given.recipe.tokens * scale));
  const whole = { ...given.recipe, tokens, seed, precision };
  // all that is held out, at the end alone
  const recipe = { ...whole, evaluateEvery: stepsOf(whole), evaluateBatches: 1_000_000, spike: 0 };
  const identity = hashOf({ recipe, model: given.model } as unknown as Json); // plain data, which its type does not say
  const file = join(root, `${identity.slice(0, 24)}.json`);
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as Finished;
  const { user: before, system: beforeSystem } = process.cpuUsage();
  const result = await pretrain({
    device: openDevice("cpu", given.threads ? { threads: given.threads } : {}),
    ...given,
    recipe,
    identity,
    folder: join(root, identity.slice(0, 24)),
    progress: () => {},
  });
  const { user, system } = process.cpuUsage();
  disposeTree(result.parameters);
  const finished = {
    bits: result.heldOut / Math.LN2,
    seconds: result.totalMs / 1000,
    processorSeconds: (user - before + system - beforeSystem) / 1e6,
    steps: result.steps,
  };
  writeFileSync(file, `${JSON.stringify(finished)}\n`);
  rmSync(join(root, identity.slice(0, 24)), { recursive: true, force: true });
  return finished;
}

const mean = (xs: readonly number[]): number => xs.reduce((sum, x) => sum + x, 0) / xs.length;
const deviation = (xs: readonly number[]): number => Math.sqrt(xs.reduce((sum, x) => sum + (x - mean(xs)) ** 2, 0) / (xs.length - 1));

export async function run({ only, scale, say }: BenchContext): Promise<BenchResult> {
  mkdirSync(root, { recursive: true });
  const names = (Object.keys(seedsOf) as (keyof typeof seedsOf)[]).filter(n => (only.length === 0 ? n === "mail-small" : only.includes(n)));
  const ours: Record<string, unknown> = {};
  const bars: { name: string; want: string; got: number; holds: boolean }[] = [];
  const notes: string[] = [];
  for (const name of names) {
    const given = await mailRecipe(join(root, "store"), name, say);
    const found = { f32: [] as Finished[], bf16: [] as Finished[] };
    for (const seed of seedsOf[name])
      for (const precision of sides) {
        say(`${name}, seed ${seed}, ${precision}`);
        found[precision].push(await trained(given, precision, seed, scale));
      }
    const differences = found.bf16.map((x, i) => x.bits - found.f32[i]!.bits);
    const n = differences.length;
    const noise = deviation(found.f32.map(x => x.bits));
    const half = (studentQuantile(0.975, n - 1) * deviation(differences)) / Math.sqrt(n);
    ours[name] = {
      steps: found.f32[0]!.steps,
      "bits per token, f32": found.f32.map(x => digits(x.bits, 5)),
      "bits per token, bf16": found.bf16.map(x => digits(x.bits, 5)),
      "bf16 - f32, mean": digits(mean(differences)),
      ...(n > 1
        ? {
            "bf16 - f32, 95 %": [digits(mean(differences) - half), digits(mean(differences) + half)],
            "standard deviation over seeds, f32": digits(noise),
          }
        : { "difference of": "one seed, no interval" }),
      "processor seconds, f32 / bf16": digits(mean(found.f32.map(x => x.processorSeconds)) / mean(found.bf16.map(x => x.processorSeconds))),
    };
    if (n > 1)
      bars.push({
        name: `${name}: bits that bf16 costs, in standard deviations over seeds`,
        want: "<= 1",
        got: digits(mean(differences) / noise),
        holds: mean(differences) <= noise,
      });
    if (scale !== 1) notes.push(`${name}: ${scale} of the recipe's tokens.`);
  }
  return {
    method: `${names.join(" and ")} of examples/mail from ${names.map(n => seedsOf[n].length).join(" and ")} seeds, float32 and bf16 from the same start over the same batches; bits per token on all that is held out, in float32`,
    ours,
    peers: {},
    ratios: {},
    bars,
    notes,
  };
}
