/** The contrastive loss against PyTorch's numbers (`bench/peers/golden/contrast.py`), its files, and an encoder that learns what belongs together. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { check, defined, random, silent } from "../../base/index.ts";
import { bertConfig, encoderSpec, initialise } from "../../nn/index.ts";
import { compile, type DeviceArray, mean, openDevice, type Tensor, valueAndGrad, zeros } from "../../tensor/index.ts";
import { trainBpe } from "../../text/index.ts";
import { barredIn, tuneContrast } from "./fit.ts";
import { contrastLosses } from "./loss.ts";
import { anchorScores, embedReport } from "./measure.ts";
import { type EmbedInput, embedOptions } from "./options.ts";
import { readRelated, readScored, splitRelated, trainedAmong } from "./pairs.ts";

const golden: {
  readonly rows: number;
  readonly width: number;
  readonly cases: readonly {
    readonly name: string;
    readonly scale: number;
    readonly vectors: number[][];
    readonly losses: number[];
    readonly gradients: number[][];
  }[];
} = JSON.parse(readFileSync(new URL("contrast.golden.json", import.meta.url), "utf8"));
const device = openDevice("cpu", { threads: 1 });
const root = mkdtempSync(join(tmpdir(), "loam-contrast-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const written = (name: string, content: string): string => {
  writeFileSync(join(root, name), content);
  return join(root, name);
};
const lines = (records: readonly object[]): string => records.map(r => `${JSON.stringify(r)}\n`).join("");

test("losses and gradients are those of sentence-transformers' MultipleNegativesRankingLoss", async () => {
  const { rows, width } = golden;
  for (const { name, scale, vectors, losses, gradients } of golden.cases) {
    const sides = vectors.length;
    const given = await device.array(Float32Array.from(vectors.flat()), "f32", [sides * rows, width]);
    const lossesOf = (v: Tensor) => contrastLosses(v, zeros([rows, (sides - 1) * rows]), 1 / scale);
    const each = (await compile(lossesOf, { device })(given)) as DeviceArray;
    for (const [i, l] of (await each.numbers()).entries()) expect(Math.abs(l - losses[i]!), `${name}: anchor ${i}`).toBeLessThan(2e-5);
    const program = compile((v: Tensor) => valueAndGrad((w: Tensor) => mean(lossesOf(w)))(v)[1], { device });
    const found = await ((await program(given)) as DeviceArray).numbers();
    const most = Math.max(...gradients.flat().map(Math.abs));
    for (const [i, g] of gradients.flat().entries()) expect(Math.abs(found[i]! - g) / most, `${name}: ${i}`).toBeLessThan(2e-5);
  }
});

test("copies of what belongs to an anchor, the anchor itself, and negatives that there are not are no wrong answers", () => {
  const batch = [
    { place: "1", anchor: "a", positive: "x", negative: "y" },
    { place: "2", anchor: "b", positive: "x" },
    { place: "3", anchor: "a", positive: "z", negative: "b" },
  ];
  const positives = new Map([
    ["a", new Set(["x", "z"])],
    ["b", new Set(["x"])],
  ]);
  const rows = (data: Float32Array) =>
    [0, 1, 2].map(i => [...data.subarray(i * (data.length / 3), (i + 1) * (data.length / 3))].map(x => (x < 0 ? 1 : 0)));
  //                                            x  x  z  y  -  b
  expect(rows(barredIn(batch, positives, 3))).toEqual([
    [0, 1, 1, 0, 1, 0],
    [1, 0, 0, 0, 1, 1],
    [1, 1, 0, 0, 1, 0],
  ]);
});

test("files are read by their usual names or those that are given, and complaints name file and line", async () => {
  const pairs = written("pairs.csv", "query,positive,negative\nwho?,a cat,a dog\nwhere?,here,\n");
  expect(await readRelated(pairs, "pairs.csv")).toMatchObject([
    { anchor: "who?", positive: "a cat", negative: "a dog" },
    { anchor: "where?", positive: "here" },
  ]);
  const named = written("named.jsonl", lines([{ q: "who?", a: "a cat" }]));
  expect(await readRelated(named, "named.jsonl", { anchor: "q", positive: "a" })).toMatchObject([{ anchor: "who?", positive: "a cat" }]);
  await expect(readRelated(named, "named.jsonl")).rejects.toThrow(
    /named\.jsonl:1: anchor: expected a text, got no such field.*It has q, a/,
  );
  const same = written("same.jsonl", lines([{ anchor: "a", positive: "b", negative: " B" }]));
  await expect(readRelated(same, "same.jsonl")).rejects.toThrow(/same\.jsonl:1: negative: expected another text/);
  const scored = written(
    "scored.jsonl",
    lines([
      { sentence1: "a", sentence2: "b", score: 0.5 },
      { sentence1: "a", sentence2: "b", score: "high" },
    ]),
  );
  await expect(readScored(scored, "scored.jsonl")).rejects.toThrow(/scored\.jsonl:2: score: expected a number, got "high"/);
  expect(() => splitRelated([{ place: "x:1", anchor: "a", positive: "b" }], { validation: 0.1, seed: 1 }, "x")).toThrow(
    /x: expected two anchors/,
  );
});

test("all that is said of an anchor is on one side, and new anchors move no old ones", () => {
  const all = Array.from({ length: 60 }, (_, i) => ({ place: `${i}`, anchor: `q${i >> 1}`, positive: `p${i}` }));
  const { train, validation } = splitRelated(all, { validation: 0.3, seed: 1 }, "x");
  const held = new Set(validation.map(r => r.anchor));
  expect(train.some(r => held.has(r.anchor))).toBe(false);
  const more = splitRelated([...all, { place: "60", anchor: "new", positive: "p" }], { validation: 0.3, seed: 1 }, "x");
  expect(more.validation.filter(r => r.anchor !== "new")).toEqual(validation);
});

const numbers = [
  ["one", "eins"],
  ["two", "zwei"],
  ["three", "drei"],
  ["four", "vier"],
  ["five", "acht"],
  ["six", "zehn"],
] as const;
const draw = random("numbers");
const counted = [...new Set(Array.from({ length: 400 }, () => Array.from({ length: 3 }, () => draw.below(6)).join(" ")))];
const said = (all: string, language: 0 | 1): string =>
  all
    .split(" ")
    .map(i => numbers[Number(i)]![language])
    .join(" ");
const tokenizer = trainBpe(
  counted.flatMap(c => [said(c, 0), said(c, 1)]),
  { vocab: 300, minFrequency: 1 },
);
const config = {
  ...bertConfig({ vocab: tokenizer.vocabSize, width: 32, layers: 1, heads: 2, context: 16, hidden: 48 }),
  headless: true as const,
  deviation: 0.1,
};
const related = counted.map((c, i) => ({ place: `n:${i}`, anchor: said(c, 0), positive: said(c, 1) }));
const { train, validation } = splitRelated(related, { validation: 0.2, seed: 1 }, "numbers");
const scored = Array.from({ length: 60 }, (_, i) => {
  const [a, b] = [counted[i]!.split(" "), counted[(i * 7 + (i % 2)) % counted.length]!.split(" ")];
  return { place: `s:${i}`, first: said(a.join(" "), 0), second: said(b.join(" "), 1), score: a.filter(x => b.includes(x)).length };
});
const run = async (folder: string, input: EmbedInput = {}, signal?: AbortSignal, onStep?: (step: number) => void) =>
  tuneContrast({
    device,
    config,
    parameters: await initialise(encoderSpec(config), device, 1),
    pooling: "mean",
    tokenizer,
    longest: 16,
    recipe: check(embedOptions, { rate: 0.02, epochs: 6, batch: 32, evaluations: 1, ...input }, "tune"),
    train,
    validation,
    scored,
    identity: "same",
    folder: join(root, folder),
    progress: onStep ? e => onStep(Number(e.values?.step ?? 0)) : silent,
    ...defined({ signal }),
  });

test("an encoder learns which number words belong together, on sequences that it never saw; resumed gives the bits of a run that was not", async () => {
  const whole = await run("whole");
  const { retrieval, scored: agreement } = whole.report;
  expect(retrieval.queries).toBe(validation.length);
  expect(retrieval.recall1.base.value).toBeLessThan(0.35);
  expect(retrieval.recall1.tuned.value).toBeGreaterThan(0.6);
  expect(retrieval.ndcg10.gain.low).toBeGreaterThan(0);
  expect(agreement!.pairs).toBe(60);
  expect(agreement!.spearman.gain.low).toBeGreaterThan(0);
  const stop = new AbortController();
  await expect(run("parts", {}, stop.signal, step => step >= 4 && stop.abort())).rejects.toThrow();
  const resumed = await run("parts");
  expect(resumed.resumedFrom).toBeGreaterThan(0);
  expect(resumed.history).toEqual(whole.history);
});

test("scored pairs that are trained on are counted, whichever text comes first, those that are only like them not", () => {
  const train = [
    { place: "1", anchor: "a", positive: "b" },
    { place: "2", anchor: "c", positive: "d", negative: "e" },
  ];
  const pair = (first: string, second: string) => ({ place: "s", first, second, score: 1 });
  const known = [pair("a", "b"), pair("b", "a"), pair("e", "c"), pair("c", "d")];
  const others = [pair("a", "d"), pair("b", "d"), pair("d", "e"), pair("a", "a"), pair("ab", "")];
  expect(trainedAmong([...known, ...others], train)).toBe(known.length);
  expect(trainedAmong(others, train)).toBe(0);
});

test("vectors that are all alike find nothing, and a report of the same vectors twice tells of no gain", () => {
  const same = anchorScores(validation, () => Float64Array.of(1, 0), 0.05);
  expect(same[0]!.recall1).toBeLessThan(0.1);
  // any place, one as likely as the other: as a retrieval task tells it
  const candidates = new Set(validation.map(r => r.positive)).size;
  const chance = Array.from({ length: candidates }, (_, place) => 1 / (place + 1)).reduce((a, b) => a + b) / candidates;
  expect(same[0]!.mrr).toBeCloseTo(chance, 12);
  expect(same[0]!.loss).toBeCloseTo(Math.log(new Set(validation.map(r => r.positive)).size), 6);
  const { retrieval } = embedReport({ base: same, tuned: same }, { scores: [], base: [], tuned: [] });
  expect(retrieval.ndcg10.gain).toEqual({ value: 0, low: 0, high: 0 });
});
