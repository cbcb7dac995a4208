/** Attributions to training texts of toy classifiers and a toy decoder: gradients beside those of single texts, and what retraining says. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { random, silent, type Tree, treeLeaves } from "../../base/index.ts";
import { bertConfig, disposeTree, gpt2Config, initialise, type ModelConfig, modelOf, specOfModel, withClassifier } from "../../nn/index.ts";
import { type DeviceArray, grad, openDevice, sum, type Tensor } from "../../tensor/index.ts";
import { treeProgram } from "../../train/index.ts";
import { fitClassifier, type TokenTexts } from "../classify/fit.ts";
import { classifyOptions } from "../classify/options.ts";
import { nearestTexts, tracIn, trak } from "./attribute.ts";
import { classLogOdds, classLoss, type TextMeasure, textLoss } from "./measures.ts";
import { retrainOnSubsets } from "./retrain.ts";
import { type AttributedTexts, openTextGradients } from "./text-gradients.ts";

const device = openDevice("cpu", { threads: 1 });
const folder = mkdtempSync(join(tmpdir(), "loam-influence-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  device.dispose();
});

const longest = 40;
const encoder: ModelConfig = withClassifier(
  { family: "encoder", config: bertConfig({ vocab: 24, width: 8, layers: 1, heads: 2, context: longest }) },
  { labels: ["a", "b", "c"], kind: "one", longest, pooling: "mean" },
);
const decoder: ModelConfig = { family: "decoder", config: gpt2Config({ vocab: 24, width: 8, layers: 1, heads: 2, context: longest }) };

/** Some texts are longer than the narrowest width. */
function texts(count: number, seed: string): AttributedTexts {
  const r = random(seed);
  const tokens = Array.from({ length: count }, (_, i) => Array.from({ length: i % 3 === 2 ? 36 : 3 + r.below(6) }, () => r.below(24)));
  return { tokens, labels: tokens.map(() => r.below(3)) };
}

/** Gradients of single texts, unpadded, each by a pass of its own. */
async function ownGradients(model: ModelConfig, parameters: unknown, measure: TextMeasure, { tokens, labels }: AttributedTexts) {
  const program = treeProgram<Tree<DeviceArray>>(
    (p: unknown, b: { tokens: Tensor; present: Tensor; labels: Tensor }) =>
      grad((q: Tree<Tensor>) => sum(measure(model, q, b)))(p as Tree<Tensor>),
    { device, name: "one" },
  );
  const found: Float64Array[] = [];
  for (const [i, ids] of tokens.entries()) {
    const shape = [1, ids.length];
    const tree = await program.with({}, parameters, {
      tokens: await device.array(Int32Array.from(ids), "i32", shape),
      present: await device.array(new Int32Array(ids.length).fill(1), "i32", shape),
      labels: await device.array(Int32Array.of(labels[i]!), "i32", [1]),
    });
    const values: number[] = [];
    for (const leaf of treeLeaves<DeviceArray>(tree)) values.push(...(await leaf.numbers()));
    found.push(Float64Array.from(values));
  }
  program.dispose();
  return found;
}
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((s, x, i) => s + x * b[i]!, 0);

test.each([
  ["a classifier's loss", encoder, classLoss],
  ["a classifier's log-odds", encoder, classLogOdds],
  ["a decoder's loss of a text", decoder, textLoss],
] as const)("products of gradients of %s equal those of single texts, and sketches estimate them", async (_, model, measure) => {
  const parameters = await initialise(specOfModel(model) as never, device, 5);
  const [asked, train] = [texts(10, "asked"), texts(11, "train")];
  const gradients = openTextGradients({ device, model, measure, longest, rows: 4 });
  const found = await gradients.dots(parameters, asked, train);
  const [a, b] = [await ownGradients(model, parameters, measure, asked), await ownGradients(model, parameters, measure, train)];
  const scale = Math.sqrt(Math.max(...a.map(x => dot(x, x))) * Math.max(...b.map(x => dot(x, x))));
  a.forEach((x, i) => {
    b.forEach((y, j) => {
      expect(Math.abs(found[i]![j]! - dot(x, y)) / scale).toBeLessThan(1e-5);
    });
  });
  const sides = 48;
  const [sa, sb] = [await gradients.sketches(parameters, asked, sides, 1), await gradients.sketches(parameters, train, sides, 1)];
  let error = 0;
  for (const [i, x] of a.entries()) for (const [j, y] of b.entries()) error += (dot(sa.rows[i]!, sb.rows[j]!) - dot(x, y)) ** 2;
  expect(Math.sqrt(error / (a.length * b.length)) / scale).toBeLessThan(0.1);
  expect((await gradients.sketches(parameters, asked, sides, 1)).rows).toEqual(sa.rows);
  gradients.dispose();
  disposeTree(parameters);
});

test("parameters that do not count have no part in the products", async () => {
  const parameters = await initialise(specOfModel(encoder) as never, device, 5);
  const set = texts(3, "some");
  const part = async (isCounted: (path: string) => boolean) => {
    const gradients = openTextGradients({ device, model: encoder, measure: classLoss, longest, isCounted });
    const found = await gradients.dots(parameters, set, set);
    gradients.dispose();
    return found;
  };
  const isHead = (path: string) => path.startsWith("classifier");
  const [all, head, rest] = [await part(() => true), await part(isHead), await part(path => !isHead(path))];
  for (const i of [0, 1, 2]) for (const j of [0, 1, 2]) expect(head[i]![j]! + rest[i]![j]!).toBeCloseTo(all[i]![j]!, 5);
  expect(head[0]![0]).toBeGreaterThan(0);
  disposeTree(parameters);
});

test("nearest texts: the cosine, negative for another class", () => {
  const train = {
    states: [
      [1, 0],
      [3, 4],
      [0, 2],
    ],
    labels: [0, 1, 0],
  };
  const [row] = nearestTexts({ states: [[2, 0]], labels: [0] }, train);
  expect(Array.from(row!)).toEqual([1, -0.6, 0]);
});

/** Classes 0 and 1 are told by the first token. */
function toy(count: number, seed: string): TokenTexts {
  const r = random(seed);
  const labels = Int32Array.from({ length: count }, (_, i) => i % 2);
  const tokens = Array.from(labels, label => [1 + label, ...Array.from({ length: 4 }, () => 3 + r.below(18))]);
  return { ids: tokens.map((_, i) => `${seed}:${i}`), tokens, labels };
}

test("of 120 texts a twin with the right label is the most helpful one, and one with the wrong label among the six most harmful", async () => {
  const train = toy(120, "train");
  const asked = { tokens: [[23, 22, 5, 6, 7]], labels: [0] };
  // their tokens 22 and 23 stand in no other text
  const twins = { right: 30, wrong: 60 };
  for (const [at, label] of [
    [twins.right, 0],
    [twins.wrong, 1],
  ] as const) {
    (train.tokens as number[][])[at] = [23, 22, 5, 6, 8];
    train.labels[at] = label;
  }
  const base = {
    family: "encoder",
    config: { ...bertConfig({ vocab: 24, width: 8, layers: 1, heads: 2, context: longest }), headless: true },
  } as const;
  const { model, kept, trainable, frozen } = await fitClassifier({
    device,
    base: modelOf(base, await initialise(specOfModel(base) as never, device, 3)),
    recipe: classifyOptions.parse({
      pooling: "mean",
      rate: 0.01,
      epochs: 6,
      batch: 16,
      patience: 0,
      checkpoints: 3,
      checkpointSeconds: 1e6,
      dropout: 0,
    }),
    classes: ["a", "b"],
    train,
    validation: toy(20, "validation"),
    longest,
    identity: "influence".padEnd(64, "0"),
    folder: join(folder, "twins"),
    progress: silent,
  });
  expect(kept).toHaveLength(3);
  const config = { family: model.family, config: model.config } as ModelConfig;
  const gradients = {
    loss: openTextGradients({ device, model: config, measure: classLoss, longest }),
    odds: openTextGradients({ device, model: config, measure: classLogOdds, longest }),
  };
  const checkpoints = [{ parameters: model.parameters, rate: 1 }];
  const methods = {
    tracin: await tracIn(gradients.loss, checkpoints, asked, train),
    trak: await trak(gradients.odds, [model.parameters], asked, train, { side: 24 }),
  };
  for (const [name, [row]] of Object.entries(methods)) {
    const order = Array.from(row!.keys()).sort((a, b) => row![b]! - row![a]!);
    expect(order[0], name).toBe(twins.right);
    expect(order.slice(-6), name).toContain(twins.wrong);
  }
  gradients.loss.dispose();
  gradients.odds.dispose();
  for (const tree of [trainable, frozen, ...kept.map(k => k.parameters)]) disposeTree(tree);
});

test("subsets are drawn by the seed, of the asked share, and each is given once", async () => {
  const seen: number[][] = [];
  const outputsOf = async (items: Int32Array, model: number) => {
    seen.push(Array.from(items));
    return [model, items[0]!];
  };
  const one = await retrainOnSubsets({ items: 21, models: 4, outputsOf });
  expect(seen.map(s => new Set(s).size)).toEqual([10, 10, 10, 10]);
  expect(one.subsets.map(s => Array.from(s))).toEqual(seen);
  expect(one.outputs.map(o => o[0])).toEqual([0, 1, 2, 3]);
  expect(await retrainOnSubsets({ items: 21, models: 4, outputsOf })).toEqual(one);
  await expect(retrainOnSubsets({ items: 1, outputsOf })).rejects.toThrow(/share of the items/);
});
