/** Steps of optimisers against their references in float64: src/train/golden/optimizers.golden.json, made by bench/peers/optimizers_golden.py. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ParameterSpec } from "../nn/index.ts";
import { constant, evaluate, input, type Tensor } from "../tensor/index.ts";
import { adafactor } from "./adafactor.ts";
import { lion } from "./lion.ts";
import { muon, optimizerStateShapes, type Rule, single } from "./optimizer.ts";
import { scheduleFree } from "./schedule-free.ts";

interface GoldenParameter {
  readonly shape: readonly number[];
  readonly start: readonly number[];
  readonly gradients: readonly (readonly number[])[];
  readonly lion: readonly (readonly number[])[];
  readonly adafactor: readonly (readonly number[])[];
  readonly adafactorRelative: readonly (readonly number[])[];
  readonly scheduleFree: { readonly y: readonly (readonly number[])[]; readonly x: readonly (readonly number[])[] };
  readonly muon?: readonly (readonly number[])[];
}
const golden = JSON.parse(readFileSync(new URL("./golden/optimizers.golden.json", import.meta.url), "utf8")) as {
  readonly rate: number;
  readonly rates: readonly number[];
  readonly parameters: Readonly<Record<string, GoldenParameter>>;
};

/** A rule's steps over the golden gradients in float64; `scale` multiplies gradients, as clipping does. */
function stepsOf(rule: Rule, p: GoldenParameter, rates: readonly number[], scale = 1) {
  const spec = new ParameterSpec(p.shape, { kind: "constant", value: 0 }, { decays: true, isHidden: true });
  const shapes = optimizerStateShapes(single(rule), { w: spec }).w!;
  const [value, gradient] = [input("value", p.shape), input("gradient", p.shape)];
  const state = Object.fromEntries(Object.entries(shapes).map(([name, s]) => [name, input(name, s.shape, s.dtype)]));
  const names = Object.keys(rule.scalars({ rate: 1, step: 1 }));
  const scalars = Object.fromEntries(names.map(name => [name, input(`scalar ${name}`, [])]));
  const next = rule.update({ value, gradient, gradientScale: constant(scale), state, scalars, decays: true });
  const evaluated = rule.evaluated?.({ value: next.value, state: next.state }) ?? next.value;
  const members = Object.keys(shapes);
  let now = Float64Array.from(p.start);
  let kept = members.map(name => new Float64Array(shapes[name]!.shape.reduce((n, d) => n * d, 1)));
  const trained: Float64Array[] = [];
  const shown: Float64Array[] = [];
  for (const [i, g] of p.gradients.entries()) {
    const given = new Map<Tensor, Float64Array>([
      [value, now],
      [gradient, Float64Array.from(g, x => x / scale)],
      ...members.map((name, k): [Tensor, Float64Array] => [state[name]!, kept[k]!]),
      ...Object.entries(rule.scalars({ rate: rates[i]!, step: i + 1 })).map(([name, x]): [Tensor, Float64Array] => [
        scalars[name]!,
        Float64Array.of(x),
      ]),
    ]);
    const [y, x, ...after] = evaluate([next.value, evaluated, ...members.map(name => next.state[name]!)], given, { exact: true });
    now = y as Float64Array<ArrayBuffer>;
    kept = after as Float64Array<ArrayBuffer>[];
    trained.push(y!);
    shown.push(x!);
  }
  return { trained, shown };
}

const expectClose = (got: readonly Float64Array[], want: readonly (readonly number[])[], place: string, within = 1e-9) => {
  expect(got.length).toBe(want.length);
  for (const [t, w] of want.entries())
    for (const [i, x] of w.entries())
      expect(Math.abs(got[t]![i]! - x), `${place}: step ${t + 1}, element ${i}: ${got[t]![i]} for ${x}`).toBeLessThan(
        within * (1 + Math.abs(x)),
      );
};

for (const [name, p] of Object.entries(golden.parameters)) {
  const fixed = p.gradients.map(() => golden.rate);
  const rules = {
    lion: lion(),
    adafactor: adafactor(),
    adafactorRelative: adafactor({ relative: true }),
  };
  for (const [kind, rule] of Object.entries(rules))
    test(`${kind} takes its reference's steps in float64, clipped gradients too: ${name}`, () => {
      const want = p[kind as keyof typeof rules];
      // the mean of a row is its sum times 1 / n, which is a constant of float32
      const within = kind === "lion" ? 1e-9 : 1e-7;
      expectClose(stepsOf(rule, p, fixed).trained, want, kind, within);
      expectClose(stepsOf(rule, p, fixed, 0.25).trained, want, `${kind}, scaled`, within);
    });

  test(`schedule-free AdamW trains at the reference's y and evaluates its x: ${name}`, () => {
    const { trained, shown } = stepsOf(scheduleFree(), p, golden.rates);
    expectClose(trained, p.scheduleFree.y, "y");
    expectClose(shown, p.scheduleFree.x, "x");
    expectClose(stepsOf(scheduleFree(), p, golden.rates, 0.5).shown, p.scheduleFree.x, "x, scaled");
  });

  if (p.muon)
    test(`Muon takes the authors' steps, whose weights are transposed: ${name}`, () => {
      // their momentum is 0.05 times ours, beside the same 1e-7 that guards the norm
      expectClose(stepsOf(muon(), p, fixed).trained, p.muon!, "muon", 2e-6);
    });
}

test("Adafactor keeps a row and a column of a matrix, and divides by no zero where rows and columns have no gradient", () => {
  const spec = (shape: number[]) => new ParameterSpec(shape, { kind: "constant", value: 0 }, { decays: true, isHidden: true });
  const shapes = optimizerStateShapes(single(adafactor()), { w: spec([300, 200]), b: spec([7]) });
  expect(Object.entries(shapes.w!).map(([k, s]) => [k, s.shape])).toEqual([
    ["rows", [300, 1]],
    ["columns", [1, 200]],
  ]);
  expect(Object.keys(shapes.b!)).toEqual(["second"]);
  const g = [0, 0, 0, 3, 0, 0];
  const { trained } = stepsOf(
    adafactor({ weightDecay: 0 }),
    { ...golden.parameters.wide!, shape: [2, 3], start: [1, 1, 1, 1, 1, 1], gradients: [g, g] },
    [0.1, 0.1],
  );
  for (const step of trained) expect([...step].every(Number.isFinite)).toBe(true);
  expect(trained[1]![0]).toBe(1);
  expect(trained[1]![3]).toBeLessThan(1);
});
