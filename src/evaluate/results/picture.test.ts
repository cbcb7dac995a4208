import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import type { ItemResult } from "./item.ts";
import { measureOf } from "./measures.ts";
import { pictureOf } from "./picture.ts";

const item = (i: number, choices: readonly string[], gold: number, logLikelihoods: readonly number[]): ItemResult => ({
  id: `i${i}`,
  place: `items.jsonl:${i + 1}`,
  prompt: "",
  right: choices[gold]!,
  came: "",
  ms: 1,
  attributes: {},
  choices,
  gold: [gold],
  logLikelihoods,
});
const head = { task: "spam", output: "classify", positive: "spam" } as const;
const draw = random("picture");
const items = Array.from({ length: 60 }, (_, i) =>
  item(i, ["ham", "spam"], i % 3 === 0 ? 1 : 0, [draw.normal(), draw.normal() + (i % 3 === 0 ? 1 : 0)]),
);

test("the areas of the picture are the measures auc and pr_auc, its error is ece, its diagonal acc", () => {
  const picture = pictureOf(head, items)!;
  const figure = (name: string) => measureOf(name, head).prepare(items)(items.map((_, i) => i));
  expect(picture.curves).toHaveLength(1);
  expect(picture.curves[0]!.rocArea).toBeCloseTo(figure("auc"), 12);
  expect(picture.curves[0]!.averagePrecision).toBeCloseTo(figure("pr_auc"), 12);
  expect(picture.reliability.error).toBeCloseTo(figure("ece"), 12);
  expect(picture.confusion.reduce((s, [t, p, n]) => s + (t === p ? n : 0), 0) / 60).toBeCloseTo(figure("acc"), 12);
  // a draw of one class has no curve
  expect(measureOf("pr_auc", head).prepare(items)([0, 3])).toBeNaN();
  expect(() => measureOf("pr_auc", { task: "spam", output: "classify" })).toThrow(/pr_auc/);
});

test("what a classifier's threshold tells is what is right or wrong; curves and reliability are of its probabilities alone", () => {
  // a threshold that takes everything for spam
  const told = items.map(i => ({ ...i, told: 1 }));
  const figure = (name: string, of: readonly ItemResult[]) => measureOf(name, head).prepare(of)(of.map((_, i) => i));
  expect(figure("acc", told)).toBeCloseTo(20 / 60, 12);
  expect(figure("recall", told)).toBe(1);
  expect(pictureOf(head, told)!.confusion).toEqual([
    [0, 1, 40],
    [1, 1, 20],
  ]);
  for (const name of ["auc", "ece", "log_loss"]) expect(figure(name, told)).toBe(figure(name, items));
  expect(pictureOf(head, told)!.reliability).toEqual(pictureOf(head, items)!.reliability);
});

test("items with choices of their own have reliability alone, those without choices nothing", () => {
  const own = items.map((i, k) => ({ ...i, choices: [`a${k}`, `b${k}`] }));
  const picture = pictureOf({}, own)!;
  expect([picture.classes, picture.confusion, picture.curves]).toEqual([[], [], []]);
  expect(picture.reliability).toEqual(pictureOf({}, items)!.reliability);
  expect(pictureOf({}, [])).toBeUndefined();
  const { choices: _, ...text } = items[0]!;
  expect(pictureOf({}, [text])).toBeUndefined();
});
