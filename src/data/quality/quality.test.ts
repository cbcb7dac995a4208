import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { dataErrors } from "../errors.ts";
import { noResources } from "../resources.ts";
import { quality } from "../steps/quality/quality.ts";
import { learnLogistic, logisticLoss, qualityMargin } from "./logistic.ts";
import { decodeQuality, encodeQuality, QualityScorer } from "./model.ts";
import { tellingFeatures } from "./telling.ts";
import { type LabelledText, qualityTraining, trainQuality } from "./train.ts";

/** Texts of common words; good ones speak of the sea, bad ones of winnings, and a few of each say nothing telling. */
function corpus(n: number, seed: number): LabelledText[] {
  const draw = random(seed);
  const pick = (words: string) => {
    const list = words.split(" ");
    return list[draw.below(list.length)]!;
  };
  return Array.from({ length: n }, (_, i) => {
    const isGood = draw.uniform() < 0.6;
    const words = Array.from({ length: 20 + draw.below(20) }, () =>
      draw.uniform() < 0.12
        ? pick(isGood ? "harbour tide sail anchor" : "winner prize casino cash")
        : pick("the a of and it was on to for with that this we you they he she"),
    );
    return { text: `${words.join(" ")} ${i}${String.fromCharCode(97 + (i % 26), 97 + (Math.floor(i / 26) % 26))}`, isGood };
  });
}
const examples = corpus(600, 1);
const model = await trainQuality(examples, qualityTraining.parse({ bits: 14 }));

test("what was learnt tells texts apart that it has not seen", () => {
  const scorer = new QualityScorer(model);
  const others = corpus(400, 2).map(t => ({ ...t, score: scorer.score(t.text) }));
  expect(others.filter(t => t.score >= 0.5 === t.isGood).length).toBeGreaterThan(370);
  expect(model.report.after.auc).toBeGreaterThan(0.95);
  expect(model.report.good + model.report.bad).toBe(600);
});

test("training is a function of the examples and the seed: their order does not matter", async () => {
  const again = await trainQuality(examples.toReversed(), qualityTraining.parse({ bits: 14 }));
  expect(encodeQuality(again).equals(encodeQuality(model))).toBe(true);
  const other = await trainQuality(examples, qualityTraining.parse({ bits: 14, seed: 2 }));
  expect(encodeQuality(other).equals(encodeQuality(model))).toBe(false);
});

test("a text that is called good and bad counts not at all, one given twice counts once", async () => {
  const shouted = examples.slice(0, 30).map(t => ({ ...t, text: `${t.text.toUpperCase()}!!!` }));
  const turned = examples.slice(100, 110).map(t => ({ ...t, isGood: !t.isGood }));
  const { report } = await trainQuality([...examples, ...shouted, ...turned], qualityTraining.parse({ bits: 14 }));
  expect(report.duplicates).toBe(30);
  expect(report.contradictions).toBe(20);
  expect(report.good + report.bad).toBe(590);
});

test("the strongest words are those that make the difference, with how often each kind has them", () => {
  const { good, bad } = tellingFeatures(model, examples, 4);
  expect(good.map(t => t.text).sort()).toEqual(["anchor", "harbour", "sail", "tide"]);
  expect(bad.map(t => t.text).sort()).toEqual(["cash", "casino", "prize", "winner"]);
  for (const t of good) expect(t.weight > 0 && t.inGood > 0.3 && t.inBad === 0).toBe(true);
});

test("with none to tell the two apart, scores say so", async () => {
  const draw = random(9);
  const blind = corpus(800, 3).map(t => ({ ...t, isGood: draw.uniform() < 0.5 }));
  const { report } = await trainQuality(blind, qualityTraining.parse({ bits: 14, heldOut: 0.3 }));
  expect(report.after.auc).toBeLessThan(0.65);
  expect(Math.abs(report.after.brier - 0.25)).toBeLessThan(0.02);
});

test("too few examples, or only one kind, are refused", async () => {
  const few = [...examples.filter(t => t.isGood), ...examples.filter(t => !t.isGood).slice(0, 19)];
  await expect(trainQuality(few, qualityTraining.parse({}))).rejects.toThrow("bad: expected at least 20 different texts, got 19");
  await expect(trainQuality([], qualityTraining.parse({}))).rejects.toThrow("good: expected");
});

test("a model's file is read back as the same model", () => {
  const bytes = encodeQuality(model);
  const back = decodeQuality(bytes, "m.bin");
  expect(back).toEqual(model);
  expect(encodeQuality(back).equals(bytes)).toBe(true);
});

test("a file that was cut, changed by a bit, or is another, is refused by name", () => {
  const bytes = encodeQuality(model);
  const draw = random(5);
  for (let i = 0; i < 60; i++) {
    const broken = Buffer.from(bytes);
    const at = i < 30 ? draw.below(200) : draw.below(broken.length);
    broken[at]! ^= 1 << draw.below(8);
    expect(() => decodeQuality(broken, "m.bin"), `byte ${at}`).toThrow("m.bin: expected");
    expect(() => decodeQuality(bytes.subarray(0, draw.below(bytes.length)), "m.bin")).toThrow("m.bin: expected");
  }
  expect(() => decodeQuality(Buffer.alloc(0), "m.bin")).toThrow("an empty file");
  expect(() => decodeQuality(Buffer.from("text ".repeat(100)), "m.bin")).toThrow("another file");
});

test("a gradient step lowers the loss of its example, and early stop keeps the pass with the least loss", () => {
  const example = { features: Uint32Array.of(1, 5, 9), isGood: true };
  const options = { bits: 8, seed: 1, rate: 0.1, l2: 0, passes: 1, patience: 1, isBalanced: false };
  const one = learnLogistic([example], undefined, options);
  expect(logisticLoss(qualityMargin(one, example.features), true)).toBeLessThan(Math.LN2);
  const draw = random(3);
  const noise = (n: number) =>
    Array.from({ length: n }, () => ({
      features: Uint32Array.from({ length: 6 }, (_, k) => 40 * k + draw.below(40)),
      isGood: draw.uniform() < 0.5,
    }));
  const learnt = learnLogistic(noise(100), noise(50), { ...options, rate: 0.5, passes: 40, patience: 4 });
  expect(learnt.losses[learnt.pass - 1]).toBe(Math.min(...learnt.losses));
  expect(learnt.losses.length).toBeLessThanOrEqual(learnt.pass + 4);
});

test("the step asks for the model's file, measures every document and judges by minScore", async () => {
  const options = quality.options.parse({ model: "models/q.bin", minScore: 0.5 });
  expect(quality.needs!(options)).toEqual([{ kind: "file", path: "models/q.bin" }]);
  const state = await quality.prepare!(options, { ...noResources, file: async () => encodeQuality(model) });
  const document = (text: string) => ({ id: "a", text, source: "s", attributes: {} });
  const good = quality.apply(document("the tide was on and the sail and the anchor of the harbour"), options, state);
  const bad = quality.apply(document("you winner you of the cash prize of the casino"), options, state);
  expect(good.verdicts).toEqual([{ rule: "min-score", keep: true, value: good.attributes!.quality, threshold: 0.5 }]);
  expect(bad.verdicts![0]!.keep).toBe(false);
  expect(quality.apply(document(""), options, state).verdicts![0]!.value).toBeGreaterThan(0);
  // The default stores scores and keeps everything; null stores none.
  expect(quality.apply(document("casino"), quality.options.parse({ model: "q" }), state).verdicts![0]!.keep).toBe(true);
  expect(quality.apply(document("casino"), quality.options.parse({ model: "q", minScore: null }), state).verdicts).toEqual([]);
  await expect(quality.prepare!(options, { ...noResources, file: async () => Buffer.from("x") })).rejects.toThrow("models/q.bin");
  await expect(quality.prepare!(options, noResources)).rejects.toThrow(
    dataErrors.fail("resource", { place: "models/q.bin", expected: "a file", received: "nothing that could bring one" }).message,
  );
});
