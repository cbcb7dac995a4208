import { expect, test } from "vitest";
import { type Random, random } from "../base/index.ts";
import { cases } from "./cases.laws.ts";
import { evaluate } from "./evaluate.ts";
import { add, exp, gather, mul, reshape, stopGradient, sum, tanh } from "./functions.ts";
import { grad, valueAndGrad, vjp } from "./grad.ts";
import { constant, input, type Tensor } from "./tensor.ts";

const seed = Number(process.env.LOAM_TEST_SEED ?? 1);

/** Largest difference between the derived gradient of sum(weights * f) and central differences, over all float inputs. */
function gradientError(r: Random, c: ReturnType<(typeof cases)["add"]["draw"]>): number {
  const weights = constant(Array.from({ length: c.output.size }, () => r.normal()));
  const loss = sum(mul(reshape(c.output, [c.output.size]), weights));
  const floats = c.inputs.filter(x => x.dtype === "f32");
  const derived = vjp(loss, floats, constant(1));
  const given = (values: readonly Float64Array[]) => new Map<Tensor, Float64Array>(c.inputs.map((x, i) => [x, values[i]!]));
  const gradients = evaluate(
    derived.map((d, i) => d ?? mul(floats[i]!, 0)),
    given(c.values),
    { exact: true },
  );
  const h = 1e-5;
  let worst = 0;
  floats.forEach((x, i) => {
    const at = c.inputs.indexOf(x);
    for (let j = 0; j < x.size; j++) {
      const value = (step: number) =>
        evaluate([loss], given(c.values.map((v, k) => (k === at ? v.with(j, v[j]! + step) : v))), { exact: true })[0]![0]!;
      const difference = (value(h) - value(-h)) / (2 * h);
      worst = Math.max(worst, Math.abs(difference - gradients[i]![j]!) / Math.max(1, Math.abs(difference)));
    }
  });
  return worst;
}

for (const [kind, row] of Object.entries(cases).filter(([, row]) => row.dtypes.includes("f32")))
  test(`${kind}: the gradient equals central differences (seed ${seed})`, () => {
    const r = random(`${seed}/gradient/${kind}`);
    for (let round = 0; round < 12; round++) {
      const c = row.draw(r, "f32");
      if (!c.smooth || c.output.dtype !== "f32") continue;
      expect(gradientError(r, c), `round ${round}`).toBeLessThan(2e-6);
    }
  });

const at = (t: Tensor, given: ReadonlyMap<Tensor, Float64Array>) => evaluate([t], given, { exact: true })[0]!;

test("the gradient of a gradient is the second derivative", () => {
  const x = input("x", [3]);
  const cube = (t: Tensor) => sum(mul(t, mul(t, t)));
  const second = grad((t: Tensor) => sum(grad(cube)(t)))(x);
  expect([...at(second, new Map([[x, Float64Array.of(1, -2, 0.5)]]))]).toEqual([6, -12, 3]);
});

test("a third derivative of exp is exp", () => {
  const x = input("x", []);
  const third = grad((t: Tensor) => grad((u: Tensor) => grad(exp)(u))(t))(x);
  expect(at(third, new Map([[x, Float64Array.of(0.7)]]))[0]).toBeCloseTo(Math.exp(0.7), 12);
});

test("stopGradient cuts, and an unused parameter gets zeros", () => {
  const p = { a: input("a", [2]), b: input("b", [2]) };
  const [, g] = valueAndGrad((q: typeof p) => sum(mul(stopGradient(q.a), q.a)))(p as never) as unknown as [Tensor, typeof p];
  const given = new Map<Tensor, Float64Array>([
    [p.a, Float64Array.of(3, 4)],
    [p.b, Float64Array.of(1, 1)],
  ]);
  expect([...at(g.a, given)]).toEqual([3, 4]);
  expect([...at(g.b, given)]).toEqual([0, 0]);
});

test("a table used twice gets both contributions", () => {
  const table = input("table", [3, 2]);
  const index = constant([0, 2, 0], "i64");
  const [, g] = valueAndGrad((t: Tensor) => add(sum(gather(t, index)), sum(t)))(table);
  expect([...at(g, new Map([[table, new Float64Array(6)]]))]).toEqual([3, 3, 1, 1, 2, 2]);
});

test("a result that is not a scalar is refused by name", () => {
  expect(() => grad((x: Tensor) => tanh(x))(input("x", [2]))).toThrow(/float of shape \[\].*Tensor\(tanh f32\[2\]\)/);
});
