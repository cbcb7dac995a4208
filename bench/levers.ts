/**
 * Each lever of a training recipe against the plain one, at equal processor time: the quick model of examples/mail, on one thread, several seeds. An arm's
 * tokens follow from its own measured seconds per token, so a lever that makes steps dearer has fewer of them. Rates of other optimisers are swept first,
 * each with the same small budget. Runs are kept by what they follow from under .cache/levers: a bench that was stopped goes on.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { hashOf, writeFileAtomic } from "../src/base/index.ts";
import { disposeTree } from "../src/nn/index.ts";
import { openDevice } from "../src/tensor/index.ts";
import {
  type PretrainRecipe,
  type PretrainRecipeInput,
  pretrain,
  recipeSchema,
  type StepSeconds,
  stepSeconds,
} from "../src/train/index.ts";
import { type BenchContext, type BenchResult, digits, median } from "./harness.ts";
import { mailRecipe } from "./mail-recipe.ts";

/** Processor seconds of a run at full scale, and of each run of a sweep as a share of it. */
const runSeconds = 120;
const sweepShare = 1 / 4;
const seeds = [1, 2, 3];
/** What a lever must gain to become a default, as a share of processor time. */
const leastGain = 0.02;
/** Plain runs of less and more time: what a nat is worth in time. */
const timeShares = [0.75, 1, 1.33];

interface Lever {
  readonly change: Partial<PretrainRecipeInput>;
  /** Rates that are tried; the first one's run is charged like the others. */
  readonly rates?: readonly number[];
}

const constant = { kind: "constant" } as const;
const levers: Readonly<Record<string, Lever>> = {
  adamw: { change: { optimizer: { kind: "adamw" } }, rates: [0.003, 0.006, 0.012] },
  lion: { change: { optimizer: { kind: "lion" } }, rates: [0.0003, 0.001, 0.003] },
  adafactor: { change: { optimizer: { kind: "adafactor" } }, rates: [0.003, 0.006, 0.012] },
  "adafactor, relative": { change: { optimizer: { kind: "adafactor", relative: true } }, rates: [0.01, 0.03, 0.1] },
  "schedule-free": { change: { optimizer: { kind: "scheduleFree" }, schedule: constant }, rates: [0.003, 0.006, 0.012] },
  "ema 0.98": { change: { average: { kind: "ema", decay: 0.98, from: 0.5 } } },
  "ema 0.98, constant rate": { change: { average: { kind: "ema", decay: 0.98, from: 0.5 }, schedule: constant } },
  lawa: { change: { average: { kind: "lawa", keep: 5, every: 20, from: 0.5 } } },
  "batch ramp": {
    change: {
      batch: {
        ramp: [
          { until: 0.15, rows: 2 },
          { until: 0.4, rows: 4 },
        ],
      },
    },
  },
  "multi-token 2": { change: { multiToken: { tokens: 2, weight: 0.3 } } },
  "vocabulary x 128": { change: { vocabMultiple: 128 } },
  "noise scale": { change: { noiseScale: { every: 10 } } },
};

interface Kept {
  readonly loss: number;
  readonly seconds: number;
  readonly tokens: number;
  readonly noiseScale?: number;
}

/** The quick model's tokens, made once; its recipe; and runs of changed recipes. */
async function openArms({ say }: BenchContext) {
  const folder = fileURLToPath(new URL("../../.cache/levers/", import.meta.url));
  mkdirSync(folder, { recursive: true });
  const { model, recipe, shards, ...data } = await mailRecipe(folder, "mail-small", say);
  const device = openDevice("cpu", { threads: 1 });
  // "auto" would time both precisions within every run
  const plain = recipeSchema.parse({ ...recipe, precision: "f32", evaluateBatches: 16, evaluateEvery: 1e6, checkpointSeconds: 1e6 });
  const recipeOf = (change: Partial<PretrainRecipeInput>, tokens: number, seed: number): PretrainRecipe => {
    const { optimizer = plain.optimizer, ...others } = change;
    const share = tokens / plain.tokens;
    const schedule = { ...plain.schedule, warmup: Math.max(5, Math.round(plain.schedule.warmup * share)), ...change.schedule };
    return recipeSchema.parse({ ...plain, ...others, optimizer, schedule, tokens, seed });
  };

  /** One run, or what is known of it. */
  async function train(change: Partial<PretrainRecipeInput>, tokens: number, seed: number): Promise<Kept> {
    const recipe = recipeOf(change, tokens, seed);
    const identity = hashOf({ shards, model, recipe });
    const file = join(folder, `${identity.slice(0, 24)}.json`);
    if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as Kept;
    const scratch = join(folder, "run");
    rmSync(scratch, { recursive: true, force: true });
    const began = process.cpuUsage();
    const result = await pretrain({ device, model, recipe, ...data, identity, folder: scratch, progress: () => {} });
    const { user, system } = process.cpuUsage(began);
    disposeTree(result.parameters);
    const { heldOut: loss, noiseScale } = result;
    const kept = { loss, seconds: (user + system) / 1e6, tokens: result.tokens, ...(noiseScale === undefined ? {} : { noiseScale }) };
    writeFileAtomic(file, JSON.stringify(kept));
    return kept;
  }

  const timeOf = (change: Partial<PretrainRecipeInput>): Promise<StepSeconds> =>
    stepSeconds({ device, model, recipe: recipeOf(change, plain.tokens, 1), train: data.train, end: data.end });
  return { model, plain, train, timeOf, folder };
}

/** Tokens of an arm for a budget: the median of times that are measured in turn with the plain recipe's, kept with the runs. */
async function tokensPerSecond(arms: Awaited<ReturnType<typeof openArms>>, names: readonly string[]): Promise<Record<string, number>> {
  const file = join(arms.folder, `times-${hashOf({ names }).slice(0, 12)}.json`);
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as Record<string, number>;
  const ratios: Record<string, number[]> = {};
  const plain: number[] = [];
  for (let round = 0; round < 3; round++)
    for (const name of names) {
      const own = (await arms.timeOf({})).perToken;
      plain.push(own);
      ratios[name] = [...(ratios[name] ?? []), (await arms.timeOf(levers[name]!.change)).perToken / own];
    }
  // the fewest seconds: whatever else runs only adds to them
  const least = Math.min(...plain);
  const rates = Object.fromEntries(names.map(name => [name, 1 / (least * median(ratios[name]!))]));
  const all = { ...rates, plain: 1 / least };
  writeFileAtomic(file, JSON.stringify(all));
  return all;
}

const mean = (xs: readonly number[]): number => xs.reduce((s, x) => s + x, 0) / xs.length;
const deviation = (xs: readonly number[]): number =>
  Math.sqrt(xs.reduce((s, x) => s + (x - mean(xs)) ** 2, 0) / Math.max(1, xs.length - 1));

export async function run(context: BenchContext): Promise<BenchResult> {
  const { only, scale, say } = context;
  const names = only.length ? only.filter(n => n in levers) : Object.keys(levers);
  const seconds = runSeconds * scale;
  const arms = await openArms(context);
  say("timing steps");
  const speed = await tokensPerSecond(arms, names);
  const tokensOf = (name: string, budget: number): number => Math.round(speed[name]! * budget);
  const base: Record<string, number[]> = {};
  for (const share of timeShares)
    for (const seed of seeds) {
      say(`plain, ${share} of the time, seed ${seed}`);
      base[share] = [...(base[share] ?? []), (await arms.train({}, tokensOf("plain", seconds * share), seed)).loss];
    }
  const plain = base[1]!;
  // nats per e-fold of processor time, by the plain recipe's own runs
  const slope = (mean(base[timeShares[0]!]!) - mean(base[timeShares[2]!]!)) / Math.log(timeShares[2]! / timeShares[0]!);
  const ours: Record<string, unknown> = { plain: { "held-out nats": digits(mean(plain), 5), seeds: plain.map(x => digits(x, 5)) } };
  const ratios: Record<string, number> = {};
  for (const name of names) {
    const { change, rates = [] } = levers[name]!;
    let rate: number | undefined;
    if (rates.length) {
      const swept: { rate: number; loss: number }[] = [];
      for (const r of rates) {
        say(`${name}, sweep, rate ${r}`);
        const loss = await arms.train({ ...change, rate: r }, tokensOf(name, seconds * sweepShare), 1).then(
          kept => kept.loss,
          () => Number.POSITIVE_INFINITY,
        );
        swept.push({ rate: r, loss });
      }
      rate = swept.reduce((a, b) => (b.loss < a.loss ? b : a)).rate;
    }
    const found: Kept[] = [];
    for (const seed of seeds) {
      say(`${name}, seed ${seed}`);
      found.push(await arms.train({ ...change, ...(rate === undefined ? {} : { rate }) }, tokensOf(name, seconds), seed));
    }
    const differences = found.map((k, i) => plain[i]! - k.loss);
    const error = deviation(differences) / Math.sqrt(seeds.length);
    // processor time that the plain recipe needs for the lever's loss, over the lever's
    ratios[name] = digits(Math.exp(mean(differences) / slope), 3);
    ours[name] = {
      "held-out nats": digits(mean(found.map(k => k.loss)), 5),
      "better than plain by": `${digits(mean(differences), 3)} ± ${digits(error, 2)} nats`,
      "tokens per second beside plain": digits(speed[name]! / speed.plain!, 3),
      "processor seconds": digits(mean(found.map(k => k.seconds)), 3),
      ...(rate === undefined ? {} : { rate }),
      ...(found[0]!.noiseScale === undefined ? {} : { "noise scale, tokens": found.map(k => Math.round(k.noiseScale ?? Number.NaN)) }),
    };
  }
  const winners = names.filter(name => ratios[name]! >= 1 + leastGain);
  return {
    method: `examples/mail's mail-small (${arms.model.layers} layers, width ${arms.model.width}, ${arms.plain.optimizer.kind}, rate ${arms.plain.rate}), one thread, ${digits(seconds)} processor seconds a run, ${seeds.length} seeds, held-out loss on 16 batches; a ratio is the processor time that the plain recipe would need for the lever's loss over the lever's, by a slope of ${digits(slope)} nats per e-fold of time`,
    ours,
    peers: {},
    ratios,
    bars: [],
    notes: [winners.length ? `worth ${100 * leastGain} % and more: ${winners.join(", ")}` : `none is worth ${100 * leastGain} %`],
  };
}
