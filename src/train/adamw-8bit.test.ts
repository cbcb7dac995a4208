import { expect, test } from "vitest";
import { matrix, table } from "../nn/index.ts";
import { bytesOf, constant, evaluate, input } from "../tensor/index.ts";
import { adamw8bit, dequantised, dynamicValues, quantised } from "./adamw-8bit.ts";
import { adamw, optimizerStateShapes, single } from "./optimizer.ts";

test("codes are the dynamic data type: rising, seven or eight decades, finest near one", () => {
  for (const bits of [7, 8]) {
    const values = dynamicValues(bits);
    expect(values.length).toBe(2 ** bits);
    for (let i = 1; i < values.length; i++) expect(values[i]!).toBeGreaterThan(values[i - 1]!);
    expect(values.at(-1)!).toBeGreaterThan(0.99);
    expect(values[1]!).toBeCloseTo(0.55 * 10 ** -(bits - 1), 12);
  }
  // bitsandbytes' signed map: the means of linspace(0.1, 1, 2^i + 1) at 10^(i - 6), for i from 0 to 6
  const means = Array.from({ length: 7 }, (_, i) =>
    Array.from({ length: 2 ** i }, (_, j) => 10 ** (i - 6) * (0.1 + (0.9 * (j + 0.5)) / 2 ** i)),
  ).flat();
  expect([...dynamicValues(7)].slice(1).map((x, i) => Math.abs(x / means[i]! - 1) < 1e-12)).toEqual(means.map(() => true));
});

for (const type of ["i8", "u8"] as const)
  test(`${type}: every code's value has that code again, and a value lies within half a part of its own`, () => {
    const bits = type === "i8" ? 7 : 8;
    const values = dynamicValues(bits);
    // a row whose greatest magnitude is 1 keeps its scale
    const row = Float64Array.from([1, ...values.slice(1)]);
    const x = input("x", [2, row.length]);
    const stored = quantised(x, type);
    const given = Float64Array.from([...row, ...row.map(v => (type === "i8" ? -3 * v : 3 * v))]);
    const [codes, scale] = evaluate([stored.codes, stored.scale], new Map([[x, given]]));
    expect([...scale!]).toEqual([1, 3]);
    const side = type === "i8" ? -1 : 1;
    for (let m = 1; m < 2 ** bits; m++) expect([codes![m], codes![row.length + m]]).toEqual([m, side * m]);

    const many = Float64Array.from({ length: 4000 }, (_, i) => (type === "i8" && i % 2 ? -1 : 1) * 10 ** (-6.9 * (i / 4000)));
    const y = input("y", [1, many.length]);
    const [back] = evaluate([dequantised(quantised(y, type), type)], new Map([[y, many]]));
    for (const [i, v] of many.entries()) {
      const decade = Math.min(bits - 1, Math.floor(-Math.log10(Math.abs(v)) + 1e-9));
      const half = (0.45 * 10 ** -decade) / 2 ** (bits - 1 - decade);
      expect(Math.abs(back![i]! - v)).toBeLessThanOrEqual(half * 1.001);
    }
  });

test("a row of zeros stays zeros, and no second moment but 0 becomes 0", () => {
  const x = input("x", [2, 3]);
  const [back] = evaluate([dequantised(quantised(x, "u8"), "u8")], new Map([[x, Float64Array.of(0, 0, 0, 1, 1e-12, 0)]]));
  expect([...back!.slice(0, 3)]).toEqual([0, 0, 0]);
  expect(back![4]).toBeGreaterThan(0);
  expect(back![5]).toBe(0);
});

test("the state of a hidden matrix takes a quarter of AdamW's, and tables and small matrices keep float32", () => {
  const specs = { hidden: matrix([128, 256], 1), small: matrix([16, 16], 1), token: table([512, 128], 1) };
  const bytes = (rule: ReturnType<typeof adamw>, name: keyof typeof specs) =>
    Object.values(optimizerStateShapes(single(rule), specs)[name]!).reduce((n, s) => n + bytesOf(s.shape, s.dtype), 0);
  expect(bytes(adamw8bit(), "hidden") / bytes(adamw(), "hidden")).toBeLessThan(0.26);
  expect(bytes(adamw8bit(), "small")).toBe(bytes(adamw(), "small"));
  expect(bytes(adamw8bit(), "token")).toBe(bytes(adamw(), "token"));
});

test("steps differ from AdamW's by the rounding of the moments alone", () => {
  const shape = [64, 64];
  const spec = matrix(shape, 1);
  const gradients = Array.from({ length: 20 }, (_, t) =>
    Float64Array.from({ length: 4096 }, (_, i) => (1.5 + Math.sin(1 + i * i + t)) * (i % 2 ? -1 : 1) * 10 ** ((i % 4) / 2 - 2)),
  );
  const run = (rule: ReturnType<typeof adamw>) => {
    const members = Object.entries(optimizerStateShapes(single(rule), { w: spec }).w!);
    const [value, gradient] = [input("value", shape), input("gradient", shape)];
    const state = Object.fromEntries(members.map(([name, s]) => [name, input(name, s.shape, s.dtype)]));
    const names = Object.keys(rule.scalars({ rate: 1, step: 1 }));
    const scalars = Object.fromEntries(names.map(name => [name, input(`scalar ${name}`, [])]));
    const next = rule.update({ value, gradient, gradientScale: constant(1), state, scalars, decays: true });
    let now = new Float64Array(4096).fill(1);
    let kept = members.map(([, s]) => new Float64Array(s.shape.reduce((n, d) => n * d, 1)));
    for (const [i, g] of gradients.entries()) {
      const numbers = rule.scalars({ rate: 0.01, step: i + 1 });
      const [y, ...after] = evaluate(
        [next.value, ...members.map(([name]) => next.state[name]!)],
        new Map([
          [value, now],
          [gradient, g],
          ...members.map(([name], k) => [state[name]!, kept[k]!] as const),
          ...names.map(name => [scalars[name]!, Float64Array.of(numbers[name]!)] as const),
        ]),
      );
      now = y as Float64Array<ArrayBuffer>;
      kept = after as Float64Array<ArrayBuffer>[];
    }
    return now;
  };
  const [eight, full] = [run(adamw8bit()), run(adamw())];
  const moved = Math.hypot(...full.map(x => x - 1));
  expect(Math.hypot(...full.map((x, i) => x - eight[i]!))).toBeLessThan(0.05 * moved);
});
