import { expect, test } from "vitest";
import { checkOperation } from "./check-operation.ts";
import { checkpoint } from "./checkpoint.ts";
import { compile } from "./compile.ts";
import { type CustomBackward, customGradient } from "./custom-gradient.ts";
import { openDevice } from "./device.ts";
import { evaluate } from "./evaluate.ts";
import { add, cast, div, exp, floor, log, maximum, mul, stopGradient, sub, sum, tanh } from "./functions.ts";
import { grad, vjp } from "./grad.ts";
import { graphHash, graphOf, loadGraph, printGraph, storeGraph } from "./graph.ts";
import { defineOperation, type OperationDefinition, onnxAttribute, zeroCotangent } from "./operation.ts";
import { simplify } from "./simplify.ts";
import { constant, input, type Tensor } from "./tensor.ts";

const cube: OperationDefinition = {
  name: "test.cube",
  arity: 1,
  infer: ([x]) => x!,
  gradient: ({ inputs: [x], cotangent }) => [mul(cotangent, mul(3, mul(x!, x!)))],
  reference: ({ inputs: [x] }) => x!.map(v => v ** 3),
  lower: ({ emit, float, inputs: [x] }) => emit("Pow", [x!, float(3)]),
};
const device = openDevice("cpu", { threads: 1 });
const numbersOf = (t: Tensor, given: readonly (readonly [Tensor, readonly number[]])[]) =>
  Array.from(evaluate([t], new Map(given.map(([x, v]) => [x, Float64Array.from(v)])), { exact: true })[0]!);

test("an operation of one's own obeys the laws of Loam's: reference, device, gradient, storage, half precision", async () => {
  const checked = await checkOperation(
    defineOperation({ ...cube, expand: ([x]) => mul(x!, mul(x!, x!)) }),
    [{ inputs: [{ shape: [2, 3] }] }, { inputs: [{ shape: [] }] }],
    { device },
  );
  expect(checked.map(c => `${c.law} ${c.case}`)).toEqual(
    [0, 1].flatMap(i => ["expansion", "device", "gradient", "storage", "f16", "bf16"].map(law => `${law} ${i}`)),
  );
  for (const c of checked) expect(c.error).toBeLessThanOrEqual(c.limit);
});

const faults: readonly (readonly [law: string, change: Partial<OperationDefinition>])[] = [
  ["expansion", { expand: ([x]) => mul(x!, x!) }],
  ["device", { lower: ({ emit, float, inputs: [x] }) => emit("Pow", [x!, float(2)]) }],
  ["gradient", { gradient: ({ inputs: [x], cotangent }) => [mul(cotangent, mul(2, mul(x!, x!)))] }],
];
test.each(faults)("checkOperation names the law that a wrong operation breaks: %s", async (law, change) => {
  const wrong = defineOperation({ ...cube, ...change });
  await expect(checkOperation(wrong, [{ inputs: [{ shape: [4] }] }], { device })).rejects.toMatchObject({
    code: "tensor/operation",
    message: expect.stringContaining(`the law "${law}"`),
  });
});

test("ONNX attributes and a result of another dtype: the place of the greatest of the last axis", async () => {
  const last = defineOperation<{ readonly keep: boolean }>({
    name: "test.argmax",
    arity: 1,
    infer: ([x], { keep }) => ({ shape: keep ? [...x!.shape.slice(0, -1), 1] : x!.shape.slice(0, -1), dtype: "i64" }),
    reference: ({ inputs: [x], inputTypes: [type] }) => {
      const n = type!.shape.at(-1)!;
      return Float64Array.from({ length: x!.length / n }, (_, i) => {
        const row = Array.from(x!.subarray(i * n, i * n + n));
        return row.indexOf(Math.max(...row));
      });
    },
    lower: ({ emit, inputs: [x], options: { keep } }) =>
      emit("ArgMax", [x!], { axis: onnxAttribute.int(-1), keepdims: onnxAttribute.int(keep ? 1 : 0) }),
  });
  const values = [3, 1, 2, -4, 9, 0];
  for (const keep of [true, false])
    expect(await checkOperation(last, [{ inputs: [{ shape: [2, 3], values }], options: { keep } }], { device })).toHaveLength(4);
  const program = compile((x: Tensor) => last([x], { keep: false }), { device });
  expect(Array.from(await (await program(await device.array(values, "f32", [2, 3]))).numbers())).toEqual([0, 1]);
});

test("a gradient that is missing is an error by name, one that has no use is none, and without one the expansion is differentiated", () => {
  const x = input("x", [3]);
  const { gradient: _, ...bare } = cube;
  const without = defineOperation(bare);
  expect(() => grad((y: Tensor) => sum(without([y])))(x)).toThrow(/test\.cube.*gradient or expand/s);
  expect(grad((y: Tensor) => sum(mul(stopGradient(without([y])), y)))(x).shape).toEqual([3]);
  const { lower: __, reference: ___, ...plain } = bare;
  const expanded = defineOperation({ ...plain, expand: ([y]) => mul(y!, mul(y!, y!)) });
  expect(numbersOf(grad((y: Tensor) => sum(expanded([y])))(x), [[x, [1, 2, -3]]])).toEqual([3, 12, 27]);
});

test("a cotangent of another shape than its input is refused, not broadcast", () => {
  const bias = defineOperation({
    name: "test.bias",
    arity: 2,
    infer: ([x]) => x!,
    gradient: ({ cotangent }) => [cotangent, cotangent],
    expand: ([x, b]) => add(x!, b!),
  });
  expect(() => grad((b: Tensor) => sum(bias([input("x", [4, 3]), b])))(input("b", [3]))).toThrow(
    /test\.bias: gradient of input 1.*\[3\].*\[4, 3\]/s,
  );
});

test("second derivatives go through a gradient rule of one's own", () => {
  const op = defineOperation(cube);
  const x = input("x", []);
  const second = grad((y: Tensor) => grad((z: Tensor) => op([z]))(y))(x);
  expect(numbersOf(second, [[x, [2]]])).toEqual([12]);
});

test("recomputed in a checkpoint, the operation keeps its gradient", () => {
  const doubled = defineOperation({ ...cube, gradient: ({ cotangent }) => [mul(cotangent, 2)] });
  const x = input("x", []);
  const plain = grad((y: Tensor) => tanh(doubled([y])))(x);
  const recomputed = grad((y: Tensor) => checkpoint((z: Tensor) => tanh(doubled([z])))(y))(x);
  expect(numbersOf(recomputed, [[x, [0.3]]])).toEqual(numbersOf(plain, [[x, [0.3]]]));
});

test("a stored program loads with the operation's definition and with no other version", () => {
  const op = defineOperation({ ...cube, version: 2 });
  const x = input("x", [2]);
  const graph = graphOf([x], [op([x])]);
  const stored = JSON.parse(JSON.stringify(storeGraph(graph)));
  expect(printGraph(graph)).toContain("test.cube");
  expect(graphHash(loadGraph(stored, [op as never]))).toBe(graphHash(graph));
  expect(() => loadGraph(stored)).toThrow(/"test\.cube" of version 2.*no operations.*loadGraph\(stored, \[operation\]\)/s);
  expect(() => loadGraph(stored, [defineOperation(cube) as never])).toThrow(/version 2.*test\.cube 1/s);
});

test("two definitions of one name are not joined into one node; equal ones of one definition are", () => {
  const [a, b] = [defineOperation(cube), defineOperation({ ...cube, reference: ({ inputs: [x] }) => x!.map(v => 2 * v) })];
  const x = input("x", []);
  const native = new Set(["custom"] as const);
  const nodes = (y: Tensor) => simplify(graphOf([x], [y]), native).outputs[0]!.inputs;
  const apart = nodes(add(a([x]), b([x])));
  expect(apart[0]).not.toBe(apart[1]);
  const joined = nodes(add(a([x]), a([x])));
  expect(joined[0]).toBe(joined[1]);
});

test.each([
  [{ ...cube, name: "" }, /a name of letters/],
  [{ ...cube, arity: -1 }, /an arity/],
  [{ ...cube, version: 0 }, /a version/],
  [{ ...cube, lower: undefined }, /expand or lower/],
  [{ ...cube, reference: undefined }, /reference or expand/],
] as readonly (readonly [OperationDefinition, RegExp])[])("a definition that lacks a part is refused: %#", (definition, sentence) => {
  expect(() => defineOperation(definition)).toThrow(sentence);
});

test("wrong inputs and options are refused with the operation's name", () => {
  const op = defineOperation<{ readonly cap: number }>({
    ...cube,
    gradient: undefined,
    reference: undefined,
    expand: ([x]: readonly Tensor[]) => x!,
  } as never);
  const x = input("x", []);
  expect(() => op([x, x], { cap: 1 })).toThrow(/test\.cube.*1 inputs.*2/s);
  expect(() => op([1 as never], { cap: 1 })).toThrow(/test\.cube.*a tensor/s);
  expect(() => op([x], { cap: Number.NaN })).toThrow(/options\.cap.*plain values/s);
  expect(() => op([x], { cap: (() => 1) as never })).toThrow(/options\.cap.*plain values/s);
});

test("an own gradient replaces the derived one: straight-through rounding trains, plain rounding does not", () => {
  const plain = (x: Tensor) => floor(add(x, 0.5));
  const round = customGradient(plain, ({ cotangent }) => [cotangent]);
  const x = input("x", [2]);
  expect(numbersOf(round(x), [[x, [0.6, -1.2]]])).toEqual([1, -1]);
  expect(numbersOf(grad((y: Tensor) => sum(mul(round(y), 3)))(x), [[x, [0.6, -1.2]]])).toEqual([3, 3]);
  expect(numbersOf(grad((y: Tensor) => sum(mul(plain(y), 3)))(x), [[x, [0.6, -1.2]]])).toEqual([0, 0]);
});

test("an own gradient of trees: log(1 + e^x) stays finite where the derived one is infinite over infinite", async () => {
  const softplus = customGradient(
    ({ x }: { readonly x: Tensor }) => log(add(1, exp(x))),
    ({ inputs: [{ x }], cotangent }: CustomBackward<[{ readonly x: Tensor }]>) => [{ x: mul(cotangent, sub(1, div(1, add(1, exp(x))))) }],
  );
  const derived = (x: Tensor) => log(add(1, exp(x)));
  const slope = (f: (x: Tensor) => Tensor) => compile((x: Tensor) => grad((y: Tensor) => f(y))(x), { device });
  const at = await device.array([120], "f32", []);
  expect(await (await slope(x => softplus({ x }))(at)).item()).toBe(1);
  expect(await (await slope(derived)(at)).item()).toBeNaN();
});

test("parts without a derivative: undefined for an argument, zeroCotangent within one", () => {
  const scaled = customGradient(
    (p: { readonly a: Tensor; readonly b: Tensor }, c: Tensor) => mul(mul(p.a, p.b), c),
    ({ inputs: [p, c], cotangent }) => [{ a: mul(cotangent, mul(p.b, c)), b: zeroCotangent }, undefined],
  );
  const [a, b, c] = ["a", "b", "c"].map(name => input(name, [])) as [Tensor, Tensor, Tensor];
  const slopes = vjp(scaled({ a, b }, c), [a, b, c], constant(1));
  expect(
    slopes.map(
      d =>
        d &&
        numbersOf(d, [
          [a, [2]],
          [b, [3]],
          [c, [5]],
        ]),
    ),
  ).toEqual([[15], undefined, undefined]);
});

test("a captured tensor with a gradient asked for is an error, not a gradient of zero", () => {
  const x = input("x", []);
  const loss = (w: Tensor) =>
    customGradient(
      (y: Tensor) => mul(y, w),
      ({ inputs: [y], cotangent }) => [mul(cotangent, y)],
    )(x);
  expect(() => grad(loss)(input("w", []))).toThrow(/a gradient rule for input 1/);
});

test("a backward function of another structure is refused by its argument", () => {
  const x = input("x", [2]);
  const of = (ds: unknown) =>
    grad((y: Tensor) =>
      sum(
        customGradient(
          (z: Tensor) => mul(z, 2),
          () => ds as never,
        )(y),
      ),
    );
  expect(() => of([])(x)).toThrow(/a list of 1 cotangents/);
  expect(() => of([{ a: x, b: x }])(x)).toThrow(/argument 0.*1 tensors.*2/s);
  expect(() => of([cast(sum(x), "f32")])(x)).toThrow(/gradient of input 0.*\[2\]/s);
});

test("a stored program refuses to be differentiated through a function whose own gradient the file does not hold", () => {
  const clipped = customGradient(
    (x: Tensor) => mul(x, x),
    ({ inputs: [x], cotangent }) => [maximum(mul(cotangent, x), 0)],
  );
  const x = input("x", []);
  const graph = graphOf([x], [clipped(x)]);
  const loaded = loadGraph(JSON.parse(JSON.stringify(storeGraph(graph))));
  expect(numbersOf(loaded.outputs[0]!, [[loaded.inputs[0]!, [3]]])).toEqual([9]);
  expect(() => vjp(loaded.outputs[0]!, [loaded.inputs[0]!], constant(1))).toThrow(/a stored one/);
});
