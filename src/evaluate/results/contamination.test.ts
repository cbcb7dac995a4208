import { expect, test } from "vitest";
import { cleannessOf, contaminationSplit, markKey } from "./contamination.ts";
import type { ItemResult } from "./item.ts";
import { measureOf } from "./measures.ts";

const acc = measureOf("acc", { task: "t", output: "multiple_choice" });
const item = (isRight: boolean, i: number, cluster?: string): ItemResult => ({
  id: `${i}`,
  place: `f:${i + 1}`,
  prompt: "",
  right: "a",
  came: isRight ? "a" : "b",
  ms: 0,
  attributes: {},
  ...(cluster ? { cluster } : {}),
  choices: ["a", "b"],
  gold: [0],
  logLikelihoods: isRight ? [-1, -2] : [-2, -1],
});
/** 60 clean, half right; 40 seen, nine of ten right; 20 nobody knows of, all wrong. */
const sides = [...Array(60).fill("clean"), ...Array(40).fill("contaminated"), ...Array(20).fill("unknown")] as const;
const items = sides.map((side, i) => item(side === "clean" ? i % 2 === 0 : side === "contaminated" && i % 10 !== 0, i));

test("both sides have their own figures, and the difference an interval that does not hold 0", () => {
  const split = contaminationSplit(items, sides, [acc]);
  expect(split).toMatchObject({ clean: 60, contaminated: 40, unknown: 20 });
  const [s] = split.scores;
  expect(s).toMatchObject({ metric: "acc", clean: { value: 0.5, items: 60, interval: "wilson" }, contaminated: { value: 0.9, items: 40 } });
  expect(s!.difference!.value).toBeCloseTo(0.4, 12);
  expect(s!.difference!.low).toBeGreaterThan(0.2);
  expect(s!.difference!.high).toBeLessThan(0.6);
  // who is where in the list says nothing
  const [reversed] = contaminationSplit([...items].reverse(), [...sides].reverse(), [acc]).scores;
  expect([reversed!.clean, reversed!.contaminated]).toEqual([s!.clean, s!.contaminated]);
});

test("a side without items has no figure, and no difference is told", () => {
  const none = contaminationSplit(
    items,
    sides.map(s => (s === "contaminated" ? "unknown" : s)),
    [acc],
  );
  expect(none).toMatchObject({ clean: 60, contaminated: 0, unknown: 60 });
  expect(Object.keys(none.scores[0]!)).toEqual(["metric", "clean"]);
});

test("marks of several data sets: one that holds the item is enough, one that did not look is not clean", () => {
  expect(cleannessOf(["clean", "removed"])).toBe("clean");
  expect(cleannessOf(["clean", "contaminated"])).toBe("contaminated");
  expect(cleannessOf(["too-short", "contaminated"])).toBe("contaminated");
  expect(cleannessOf(["clean", "too-short"])).toBe("unknown");
  expect(cleannessOf(["clean", undefined])).toBe("unknown");
  expect(cleannessOf([])).toBe("unknown");
  const of = { fields: { key: "x7" }, place: "f:4", id: "?", number: 3 };
  expect([markKey(of, { name: "s" }), markKey(of, { name: "s", id: "key" })]).toEqual(["s#3", "s#x7"]);
});
