/** Laws of tuning on several ranks: what one rank comes to, and nothing is exchanged that is not trained. Ranks are tasks of one process here. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { cases } from "../../../test/support/deep.ts";
import { check, random, type Tree, treeLeaves } from "../../base/index.ts";
import {
  bertConfig,
  countParameters,
  decoderSpec,
  disposeTree,
  initialise,
  llamaConfig,
  type ModelConfig,
  modelOf,
  specOfModel,
} from "../../nn/index.ts";
import { memoryGroups, type ProcessGroup } from "../../ranks/index.ts";
import { type DeviceArray, openDevice } from "../../tensor/index.ts";
import { trainBpe } from "../../text/index.ts";
import { fitClassifier, type TokenTexts } from "../classify/fit.ts";
import { classifyOptions } from "../classify/options.ts";
import type { Encoded } from "../instruct/encode.ts";
import { type InstructInput, instructRecipe } from "../instruct/options.ts";
import { tuneInstruct } from "../instruct/tune.ts";
import { tunedModel } from "../part.ts";
import { readFitted } from "./fitted-files.ts";

const device = openDevice("cpu", { threads: 1 });
const root = mkdtempSync(join(tmpdir(), "loam-tune-ranks-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const config = { ...llamaConfig({ vocab: 40, width: 64, layers: 2, heads: 4, context: 32, hidden: 64 }), deviation: 0.15 };
const r = random("examples of ranks");
const examples: Encoded[] = Array.from({ length: 30 }, (_, i) => {
  const prompt = Array.from({ length: 2 + r.below(9) }, () => 2 + r.below(36));
  const ids = Uint32Array.from([...prompt, 39, 5, 6, 7, 1]);
  return { place: `e:${i + 1}`, ids, trained: Uint8Array.from(ids, (_, k) => (k > prompt.length ? 1 : 0)), cut: 0 };
});
const small = { vocab: 24, width: 16, layers: 2, heads: 2, context: 64 };
const text = { tokenizer: trainBpe(["a"], { vocab: 300, minFrequency: 1 }), stopTokens: [] };

type Recipe = Omit<InstructInput, "length">;
let folders = 0;
const newFolder = () => join(root, `run-${folders++}`);

async function tuned(recipe: Recipe, ranks?: ProcessGroup, folder = newFolder()) {
  const fitted = await tuneInstruct({
    device,
    config,
    parameters: await initialise(decoderSpec(config), device, 1),
    recipe: { ...check(instructRecipe, { rate: 0.003, epochs: 2, evaluations: 2, logEvery: 1, ...recipe }, "tune"), length: 32 },
    train: examples.slice(0, 23),
    validation: examples.slice(23),
    text,
    inputs: {},
    identity: "x",
    folder,
    progress: () => {},
    ranks,
  });
  const values = await Promise.all(
    treeLeaves<DeviceArray>(fitted.trainable as Tree<DeviceArray>).map(async a => [...((await a.read()) as Float32Array)]),
  );
  const { history, points, steps, best, tuning } = fitted;
  return { fitted, values, history, losses: points.map(p => p.loss), steps, best, tuning, folder };
}

const onRanks = <T>(size: number, run: (ranks: ProcessGroup) => Promise<T>): Promise<T[]> =>
  Promise.all(memoryGroups(size, { timeoutMs: 20_000 }).map(run));

/** Greatest difference over greatest value. */
function relative(got: readonly (readonly number[])[], want: readonly (readonly number[])[]): number {
  let [off, most] = [0, 0];
  for (const [i, values] of want.entries())
    for (const [k, v] of values.entries()) [off, most] = [Math.max(off, Math.abs(v - got[i]![k]!)), Math.max(most, Math.abs(v))];
  return off / most;
}

/** Recipes in which what could tell ranks from one rank is on: rows that ranks do not divide, a last batch of two epochs, dropout of both kinds, clipping. */
const recipes: Readonly<Record<string, Recipe>> = {
  "lora with dropout, 5 rows": { method: { lora: { rank: 4, dropout: 0.1 } }, rows: 5, dropout: 0.1, pack: false },
  "full, 3 micro-batches of 2 packed rows, clipped": { method: "full", rows: 2, accumulate: 3, clip: 0.05, rate: 0.001 },
  "dora on a row for the first rank only": { method: { dora: { rank: 2 } }, rows: 1, accumulate: 4 },
  "qlora in 4 bits": { method: { qlora: { rank: 4 } }, rows: 4 },
};

describe.each(Object.entries(recipes))("%s", (_, recipe) => {
  test("losses and judgements on several ranks are those of one within 1e-5, trained values within 5e-5, alike on all ranks", async () => {
    const one = await tuned(recipe);
    const sizes = [
      [3, 1],
      [2, 2],
      [2, 0],
    ] as const;
    for (const [size, zero] of cases(sizes, 1)) {
      const folder = newFolder();
      const ranks = await onRanks(size, group => tuned({ ...recipe, mesh: { data: size }, zero }, group, folder));
      for (const rank of ranks) {
        expect(rank.values).toEqual(ranks[0]!.values);
        expect(rank.history).toEqual(ranks[0]!.history);
        expect(rank).toMatchObject({ steps: one.steps, best: one.best });
      }
      const [first] = ranks as [(typeof ranks)[0]];
      expect(relative([first.losses], [one.losses])).toBeLessThan(1e-5);
      expect(relative([first.history.map(h => h.loss)], [one.history.map(h => h.loss)])).toBeLessThan(1e-5);
      // AdamW divides by the roots of squares that are nearly zero
      expect(relative(first.values, one.values)).toBeLessThan(5e-5);
      // what the first rank has left is what it has
      const left = await readFitted(folder, first.tuning.specs, device);
      expect(
        await Promise.all(
          treeLeaves<DeviceArray>(left.trainable as Tree<DeviceArray>).map(async a => [...((await a.read()) as Float32Array)]),
        ),
      ).toEqual(first.values);
      expect(left.history).toEqual(first.history);
      expect(left.points).toEqual(JSON.parse(JSON.stringify(first.fitted.points)));
      disposeTree(left.trainable);
    }
  });
});

describe.each([
  [
    "an encoder, lora with dropout",
    { family: "encoder", config: { ...bertConfig(small), headless: true } },
    { method: { lora: { rank: 2, dropout: 0.1 } }, dropout: 0.1 },
  ],
  ["a decoder, full", { family: "decoder", config: llamaConfig(small) }, { method: "full", rate: 0.001 }],
  [
    "a head over frozen states",
    { family: "encoder", config: { ...bertConfig(small), headless: true } },
    { method: { frozen: { layers: "all" } } },
  ],
] as const)("a classifier: %s", (_, model, recipe) => {
  const texts = (seed: string, count: number): TokenTexts => {
    const draw = random(seed);
    const labels = Int32Array.from({ length: count }, (_, i) => i % 2);
    const tokens = Array.from(labels, label => [
      label === 1 ? 1 : 2,
      ...Array.from({ length: 2 + draw.below(50) }, () => 3 + draw.below(21)),
    ]);
    return { ids: tokens.map((_, i) => `${seed}:${i}`), tokens, labels };
  };
  const fitted = async (ranks?: ProcessGroup, folder = newFolder()) => {
    const { history, points, steps, best } = await fitClassifier({
      device,
      base: modelOf(model as ModelConfig, await initialise(specOfModel(model as ModelConfig), device, 3)),
      recipe: {
        ...classifyOptions.parse({ rate: 0.003, epochs: 2, batch: 5, patience: 0, ...recipe }),
        ...{ evaluations: 2, logEvery: 1 },
      },
      classes: ["ham", "spam"],
      train: texts("train", 33),
      validation: texts("validation", 13),
      longest: 64,
      identity: "x",
      folder,
      progress: () => {},
      ranks,
    });
    return { history, losses: points.map(p => p.loss), steps, best: best.step };
  };

  test("losses and judgements on several ranks are those of one within 1e-5", async () => {
    const one = await fitted();
    for (const size of cases([3, 2], 1)) {
      const folder = newFolder();
      const ranks = await onRanks(size, group => fitted(group, folder));
      for (const rank of ranks) expect(rank.history).toEqual(ranks[0]!.history);
      expect(ranks[0]).toMatchObject({ steps: one.steps, best: one.best });
      expect(relative([ranks[0]!.losses], [one.losses])).toBeLessThan(1e-5);
      expect(relative([ranks[0]!.history.map(h => h.loss)], [one.history.map(h => h.loss)])).toBeLessThan(1e-5);
    }
  });
});

test("with an adapter only its factors are added up", async () => {
  const recipe = { method: { lora: { rank: 2 } }, rows: 4, epochs: 1 } as const;
  const summed: number[] = [];
  const [first] = await onRanks(2, group =>
    tuned(
      { ...recipe, mesh: { data: 2 } },
      new Proxy(group, {
        get(target, name) {
          const value = Reflect.get(target, name, target) as unknown;
          if (typeof value !== "function") return value;
          return (...given: unknown[]) => {
            if (name === "allReduce" && group.rank === 0) summed.push((given[0] as Float32Array).length);
            return Reflect.apply(value, target, given);
          };
        },
      }),
    ),
  );
  const trained = countParameters(first!.tuning.specs);
  expect(trained).toBeLessThan(countParameters(decoderSpec(config)) / 5);
  expect(summed.reduce((a, b) => a + b, 0)).toBe(first!.steps * trained);
});

test("ends of epochs are kept on ranks as on one", async () => {
  const recipe = { method: { lora: { rank: 2 } }, rows: 4, epochs: 3, checkpoints: 2 } as const;
  const one = await tuned(recipe);
  const folder = newFolder();
  const [first] = await onRanks(2, group => tuned({ ...recipe, mesh: { data: 2 }, zero: 1 }, group, folder));
  const left = await readFitted(folder, first!.tuning.specs, device);
  expect(left.kept.map(k => k.step)).toEqual(one.fitted.kept.map(k => k.step));
  expect(left.kept).toHaveLength(2);
});

test("axes that part the model are refused by name", () => {
  for (const [task, more] of [
    ["instruct", { on: "x.jsonl" }],
    ["preference", { on: "pairs.jsonl" }],
    ["distill", { on: "x.jsonl", teacher: "big" }],
    ["embed", { on: "pairs.jsonl" }],
  ] as const) {
    const checked = (mesh: object) => () => check(tunedModel, { base: "m", tune: { task, ...more, mesh } }, "models.x");
    expect(checked({ data: 2 })).not.toThrow();
    expect(checked({ tensor: 2 })).toThrow(/mesh\.tensor/);
  }
});
