/** Programs as StableHLO text, without a plugin: what is aliased, what is looked at, what is refused. That the text computes right: ../backend.test.ts. */
import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { cases } from "../cases.laws.ts";
import { graphOf } from "../graph.ts";
import { add, cast, constant, defineOperation, gather, input, matmul, mul, putAlong } from "../index.ts";
import { simplify } from "../simplify.ts";
import { hloComposites, hloProgram } from "./index.ts";

test("a program with a donated input says which result takes its memory", () => {
  const [x, y] = [input("x", [2, 3]), input("y", [3])];
  const { text, outputs, checks } = hloProgram(graphOf([x, y], [mul(y, 2), add(x, y)]), { aliases: new Map([[1, 0]]) });
  expect(text).toContain("%a0: tensor<2x3xf32> {tf.aliasing_output = 1 : i32}, %a1: tensor<3xf32>)");
  expect([outputs, checks]).toEqual([2, []]);
});

test("indices that are computed are looked at once for each axis size; constant ones at once", () => {
  const [x, i] = [input("x", [5, 4]), input("i", [5, 2], "i32")];
  const twice = hloProgram(graphOf([x, i], [putAlong(x, i, input("u", [5, 2]), 1)].slice(0, 0)));
  expect(twice.checks).toEqual([]);
  const u = input("u", [5, 2]);
  const { checks, outputs } = hloProgram(graphOf([x, i, u], [putAlong(x, i, u, 1), putAlong(mul(x, 2), i, u, 1), gather(x, i)]));
  expect(checks).toEqual([
    { place: "putAlong", size: 4 },
    { place: "gather", size: 5 },
  ]);
  expect(outputs).toBe(4);
  const fixed = (n: number) => hloProgram(graphOf([x], [gather(x, constant([n], "i32"))]));
  expect(fixed(4).checks).toEqual([]);
  expect(() => fixed(5)).toThrow(/gather.*indices from 0 to 4.*got 5/s);
});

test("products round their operands only where they are asked to and large", () => {
  const [a, b] = [input("a", [64, 64]), input("b", [64, 64])];
  const small = input("c", [4, 4]);
  const text = (products: "f32" | "bf16" | "f16") =>
    hloProgram(graphOf([a, b, small], [matmul(a, b), matmul(small, small)]), { products }).text;
  expect(text("f32").match(/HIGHEST, HIGHEST/g)).toHaveLength(2);
  expect(text("f32")).not.toContain("bf16");
  expect(text("bf16")).toContain("(tensor<64x64xbf16>, tensor<64x64xbf16>) -> tensor<64x64xf32>");
  expect(text("bf16")).toContain("(tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>");
  expect(text("f16")).toContain("(tensor<64x64xf16>, tensor<64x64xf16>) -> tensor<64x64xf32>");
  // where the device has no such product, rounded factors are multiplied in f32
  const widened = hloProgram(graphOf([a, b], [matmul(a, b)]), { products: "bf16", widensFactors: true }).text;
  expect(widened).toContain("-> tensor<64x64xbf16>");
  expect(widened).toContain("(tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>");
});

test("an operation in ONNX nodes alone is refused by its name", () => {
  const operation = defineOperation({
    name: "test.onnxOnly",
    arity: 1,
    infer: ([x]) => x!,
    reference: ({ inputs: [x] }) => x!.slice(),
    lower: ({ inputs: [x], emit }) => emit("Identity", [x!]),
  });
  const x = input("x", [2]);
  expect(() => hloProgram(graphOf([x], [operation([x])]))).toThrow(/test\.onnxOnly.*Give the definition an expand/s);
});

test("the same graph gives the same text, whatever was traced before", () => {
  const textOf = () => {
    const r = random("stablehlo");
    const c = cases.flashGradient.draw(r, "f32");
    return hloProgram(simplify(graphOf(c.inputs, [c.output]), hloComposites)).text;
  };
  const before = textOf();
  cast(input("between", [1]), "bf16");
  expect(textOf()).toBe(before);
});
