/** Since when: the window at which a change began, told for the feature and the value that changed. */
import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { addToSketch, driftSince, emptySketch, type Sketch, type SketchSpec, type TimedSketch, windowSpec } from "./index.ts";

const spec: SketchSpec = {
  tokenizer: "t",
  features: {
    length: { type: "number" },
    language: { type: "category" },
    private: { type: "category", several: true },
    tokens: { type: "tokens", vocabulary: 30 },
    projection: { type: "vector", size: 2 },
  },
};
const day = 86_400_000;
type Changed = "none" | "length" | "language" | "private" | "tokens" | "projection";

function sketchOf(of: SketchSpec, events: number, seed: string, changed: Changed): Sketch {
  const sketch = emptySketch(of);
  const draw = random(seed);
  const is = (name: Changed) => changed === name;
  for (let i = 0; i < events; i++)
    addToSketch(
      sketch,
      {
        length: draw.normal() + (is("length") ? 1 : 0),
        language: draw.uniform() < (is("language") ? 0.5 : 0.1) ? "de" : "en",
        private: draw.uniform() < (is("private") ? 0.6 : 0.2) ? ["email"] : [],
        tokens: [draw.below(20), draw.below(20), ...(is("tokens") && draw.uniform() < 0.5 ? [25] : [])],
        projection: [draw.normal(), draw.normal() + (is("projection") ? 1 : 0)],
      },
      `${seed} ${i}`,
    );
  return sketch;
}
const reference = sketchOf(spec, 1000, "reference", "none");
const series = (changed: Changed, from: number, of = spec): TimedSketch[] =>
  Array.from({ length: 20 }, (_, d) => ({ atMs: d * day, sketch: sketchOf(of, 50, `${changed} ${d}`, d >= from ? changed : "none") }));

test("a series like the reference has no onset", () => {
  expect(driftSince(reference, series("none", 0)).filter(o => o.sinceMs !== null)).toEqual([]);
});

test.each([
  ["length", null],
  ["language", "de"],
  ["private", "email"],
  ["tokens", 25],
  ["projection", 1],
] as const)("a change of %s on day 12 is told within a day of it, and nothing else changed", (changed, value) => {
  // windows come in any order
  const windows = series(changed, 12).toReversed();
  for (const given of [windows, series(changed, 12, { ...windowSpec(reference), sample: 30 })]) {
    const onsets = driftSince(reference, given, { alpha: 0.001 }).filter(o => o.sinceMs !== null);
    const found = onsets.find(o => o.value === value)!;
    expect(Math.abs(found.sinceMs! / day - 12)).toBeLessThanOrEqual(1);
    expect(found.windows).toBe(20 - found.sinceMs! / day);
    expect(new Set(onsets.map(o => o.feature))).toEqual(new Set([changed]));
  }
});

test("windows without a feature of the first one, or of another tokenizer, are refused", () => {
  const [first, second] = series("none", 0);
  const other = emptySketch({ tokenizer: "u", features: spec.features });
  expect(() => driftSince(reference, [first!, { atMs: 1, sketch: other }])).toThrow(/t.*u/s);
  const less = emptySketch({ tokenizer: "t", features: { length: { type: "number" } } });
  expect(() => driftSince(reference, [first!, second!, { atMs: 2 * day, sketch: less }])).toThrow("language");
  expect(() => driftSince(reference, [])).toThrow("windows");
});
