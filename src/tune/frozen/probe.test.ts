import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { greatestIndex } from "../text-head/predict.ts";
import { type ProbeTexts, probeClasses, probeNumbers, standardised, strengths } from "./probe.ts";

/** Texts' states: the first element tells the class of two, by so much; the others are noise of very different sizes. */
function drawn(count: number, seed: string, gap: number): ProbeTexts {
  const r = random(seed);
  const states = Array.from({ length: count }, (_, i) => [
    1000 + (i % 2) * gap + r.normal(),
    ...Array.from({ length: 7 }, (_, k) => 10 ** (k - 3) * r.normal()),
    5,
  ]);
  return { states, targets: states.map((_, i) => i % 2) };
}

test("a state that tells the class is found under noise of any size, one that does not gets the strongest penalty", async () => {
  const test = drawn(400, "test", 3);
  const share = async (gap: number) => {
    const probe = await probeClasses(drawn(60, "train", gap), drawn(40, "validation", gap), 2);
    return { ...probe, right: test.states.filter((s, i) => greatestIndex(probe.scores(s)) === test.targets[i]).length / 400 };
  };
  expect((await share(3)).right).toBeGreaterThan(0.88);
  const none = await share(0);
  expect(none.strength).toBe(strengths.c[0]);
});

test("the same texts give the same weights to the bit", async () => {
  const [train, validation] = [drawn(80, "a", 2), drawn(40, "b", 2)];
  const [one, two] = [await probeClasses(train, validation, 2), await probeClasses(train, validation, 2)];
  expect(two.strength).toBe(one.strength);
  for (const s of validation.states) expect(two.scores(s)).toEqual(one.scores(s));
});

test("numbers that follow from states are read off them", async () => {
  const numbered = (count: number, seed: string): ProbeTexts => {
    const { states } = drawn(count, seed, 0);
    return { states, targets: states.map(s => 3 * s[0]! - 20 * s[1]! + 7) };
  };
  const probe = await probeNumbers(numbered(80, "train"), numbered(40, "validation"));
  const test = numbered(50, "test");
  for (const [i, s] of test.states.entries()) expect(Math.abs(probe.scores(s)[0]! - test.targets[i]!)).toBeLessThan(0.5);
});

test("states are of mean 0 and deviation 1, and an element that never varies is 0", () => {
  const { rows } = standardised(drawn(50, "x", 1).states);
  for (let k = 0; k < rows.size; k++) {
    const own = Array.from({ length: rows.count }, (_, i) => rows.values[i * rows.size + k]!);
    expect(own.reduce((a, b) => a + b, 0) / 50).toBeCloseTo(0, 8);
    expect(own.reduce((a, b) => a + b * b, 0) / 50).toBeCloseTo(k === rows.size - 1 ? 0 : 1, 6);
  }
});
