import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { compile } from "../compile.ts";
import { openDevice } from "../device.ts";
import { add, gather, matmul, softmax } from "../functions.ts";
import { readModel } from "../onnx/index.ts";
import { openRuntime } from "../onnxruntime/index.ts";
import type { Tensor } from "../tensor.ts";
import { onnxFile } from "./export.ts";

const device = openDevice("cpu", { threads: 1 });
const r = random("onnx file");
const numbers = (n: number) => Float32Array.from({ length: n }, () => r.normal());

test("a file with its weights inside computes what the program computes, and names what goes in and out", async () => {
  const [table, bias] = [numbers(7 * 4), numbers(7)];
  const f = (p: { table: Tensor; bias: Tensor }, tokens: Tensor) =>
    softmax(add(matmul(gather(p.table, tokens), p.table, { transposeB: true }), p.bias));
  const program = compile(f, { device });
  const p = { table: await device.array(table, "f32", [7, 4]), bias: await device.array(bias, "f32", [7]) };
  const tokens = Int32Array.of(3, 0, 6);
  const given = await device.array(tokens, "i32", [1, 3]);
  const want = (await (await program(p, given)).read()) as Float32Array;
  const graph = await program.prepare(p, given);
  const parts = {
    inputs: new Map([[2, "tokens"]]),
    outputs: ["shares"],
    values: new Map([
      [0, table],
      [1, bias],
    ]),
  };
  const bytes = onnxFile(graph, parts);
  const file = readModel(bytes);
  expect([file.inputs, file.outputs]).toEqual([
    [{ name: "tokens", dtype: "i32", shape: [1, 3] }],
    [{ name: "shares", dtype: "f32", shape: [1, 3, 7] }],
  ]);
  const runtime = openRuntime({ threads: 1 });
  const session = await runtime.createSessionAsync(bytes);
  const [x, y] = [runtime.allocate("i32", [1, 3]), runtime.allocate("f32", [1, 3, 7])];
  (x.array as Int32Array).set(tokens);
  await session.prepare({ tokens: x }, { shares: y }).async();
  const got = y.array as Float32Array;
  expect(Math.max(...want.map((v, i) => Math.abs(v - got[i]!)))).toBeLessThan(1e-6);
  expect(() => onnxFile(graph, { ...parts, values: new Map([[0, table]]) })).toThrow("expected 7 elements for input 1, got none");
  expect(() => onnxFile(graph, { ...parts, outputs: [] })).toThrow("expected 1 names of outputs, got 0");
});
