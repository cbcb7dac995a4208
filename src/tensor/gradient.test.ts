import { expect, test } from "vitest";
import { random } from "../base/index.ts";
import { reachable } from "./body.ts";
import { cases } from "./cases.laws.ts";
import { gradientError } from "./check-operation.ts";
import { compile } from "./compile.ts";
import { openDevice } from "./device.ts";
import { isFloat } from "./dtype.ts";
import { evaluate } from "./evaluate.ts";
import { add, cast, cos, cumsum, exp, gather, mul, pow, rotary, sin, stopGradient, sum, tanh } from "./functions.ts";
import { grad, valueAndGrad, vjp } from "./grad.ts";
import { gradient } from "./gradient.ts";
import { type OpKind, opKinds } from "./ops.ts";
import { constant, input, type Tensor } from "./tensor.ts";

const seed = Number(process.env.LOAM_TEST_SEED ?? 1);

for (const [kind, row] of Object.entries(cases).filter(([, row]) => row.dtypes.includes("f32")))
  test(`${kind}: the gradient equals central differences (seed ${seed})`, () => {
    const r = random(`${seed}/gradient/${kind}`);
    for (let round = 0; round < 12; round++) {
      const c = row.draw(r, "f32");
      if (!c.smooth || !isFloat(c.output.dtype)) continue;
      expect(gradientError(r, c), `round ${round}`).toBeLessThan(2e-6);
    }
  });

/** What each case of an operation must show of its float inputs: a cotangent, an error, or a derivative that is 0 by definition. */
const zeroEverywhere: ReadonlySet<OpKind> = new Set<OpKind>(["stopGradient", "sign", "floor"]);
/** What a barrier waits for is no part of its value. */
const isSide = (kind: OpKind, i: number): boolean => kind === "barrier" && i > 0;

test.each(opKinds.filter(k => k !== "input" && k !== "constant"))(
  "%s: every float input has a cotangent or throws, and its law varies all of them",
  kind => {
    const r = random(`${seed}/inputs/${kind}`);
    const row = cases[kind as Exclude<OpKind, "input">];
    for (let round = 0; round < 6; round++) {
      const c = row.draw(r, row.dtypes.includes("f32") ? "f32" : row.dtypes[0]!);
      const node = reachable([c.output]).findLast(t => t.kind === kind);
      if (!node || !isFloat(node.dtype)) continue; // a function may find that there is nothing to do
      const loss = sum(cast(node, "f32"));
      for (const [i, x] of node.inputs.entries()) {
        if (!isFloat(x.dtype)) continue;
        expect(
          reachable([x]).some(t => c.inputs.includes(t as never)),
          `input ${i} is a constant in its law`,
        ).toBe(true);
        let found: Tensor | undefined;
        try {
          [found] = vjp(loss, [x], constant(1));
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^tensor\//) });
          continue;
        }
        if (zeroEverywhere.has(kind) || isSide(kind, i)) expect(found).toBeUndefined();
        else expect(found?.shape, `input ${i}`).toEqual(x.shape);
        // the law itself compares with central differences, unless there is nothing to compare
        if (found) expect(c.smooth, "its law compares no derivatives").toBe(true);
      }
    }
  },
);

test("a rule that leaves a float input out is an error, not a gradient of zero", () => {
  const x = input("x", [3]);
  const y = exp(x);
  const rules = gradient as unknown as Record<string, unknown>;
  const kept = rules.exp;
  try {
    rules.exp = () => [undefined];
    expect(() => vjp(y, [x], constant([1, 1, 1]))).toThrow(/exp: expected a gradient rule for input 0/);
  } finally {
    rules.exp = kept;
  }
});

test("cumsum's gradient does not cancel: large cotangents in front leave small ones behind alone", () => {
  const n = 64;
  const x = input("x", [n]);
  const values = Float64Array.from({ length: n }, (_, i) => Math.fround(i === 0 ? 1e8 : 1e-3 * (1 + (i % 7))));
  for (const reverse of [false, true]) {
    const scales = reverse ? values.toReversed() : values;
    const g = grad((t: Tensor) => sum(mul(cumsum(t, 0, { reverse }), constant(Array.from(scales)))))(x);
    const want = Float64Array.from({ length: n }, (_, i) =>
      (reverse ? scales.subarray(0, i + 1) : scales.subarray(i)).reduce((a, b) => a + b, 0),
    );
    const got = evaluate([g], new Map([[x, new Float64Array(n)]]))[0]!; // rounded to f32 after each operation
    for (let i = 0; i < n; i++) expect(Math.abs(got[i]! - want[i]!) / want[i]!).toBeLessThan(1e-6);
  }
});

test("the gradient through rotary reaches its angles, on the processor too", async () => {
  const device = openDevice("cpu", { threads: 1 });
  const turn = (angle: Tensor, x: Tensor) => sum(mul(rotary(x, cos(angle), sin(angle)), constant([[[[1, 2, 3, 4]]]])));
  const program = compile((angle: Tensor, x: Tensor) => grad(turn)(angle, x), { device });
  const [angle, x] = [await device.array([[[[0.3, -0.7]]]]), await device.array([[[[0.5, -1, 2, 0.25]]]])];
  // d/da of (x1 cos a - x2 sin a) y1 + (x2 cos a + x1 sin a) y2
  const want = [0, 1].map(i => {
    const [a, x1, x2] = [[0.3, -0.7][i]!, [0.5, -1][i]!, [2, 0.25][i]!];
    return (-x1 * Math.sin(a) - x2 * Math.cos(a)) * (1 + i) + (-x2 * Math.sin(a) + x1 * Math.cos(a)) * (3 + i);
  });
  const got = await (await program(angle, x)).numbers();
  for (const [i, w] of want.entries()) expect(got[i]).toBeCloseTo(w, 5);
});

test("a power of zero has a gradient for its exponent: 0", () => {
  const b = input("b", []);
  const g = grad((e: Tensor) => sum(pow(constant([0, 2]), e)))(b);
  expect(at(g, new Map([[b, Float64Array.of(2)]]))[0]).toBeCloseTo(4 * Math.log(2), 10);
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
