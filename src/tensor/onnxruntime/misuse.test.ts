import { expect, test } from "vitest";
import type { DType } from "../dtype.ts";
import { int, writeModel } from "../onnx/index.ts";
import { libraryOf, openRuntime } from "./index.ts";

const runtime = openRuntime({ threads: 1 });
const model = writeModel({
  nodes: [{ op: "MatMul", inputs: ["x", "x"], outputs: ["y"] }],
  inputs: [{ name: "x", dtype: "f32", shape: [700, 700] }],
  outputs: [{ name: "y", dtype: "f32", shape: [700, 700] }],
  initializers: [],
});
const session = runtime.createSession(model);
const buffer = (dtype: DType = "f32", shape = [700, 700]) => runtime.allocate(dtype, shape);
const code = (name: string) => expect.objectContaining({ problem: expect.objectContaining({ code: `onnxruntime/${name}` }) });

test.each([
  ["another element type", () => session.prepare({ x: buffer("f16") }, { y: buffer() }), "dtype", /input "x".*f32 \[700, 700\].*f16/],
  ["another shape", () => session.prepare({ x: buffer("f32", [700, 701]) }, { y: buffer() }), "shape", /input "x".*\[700, 701\]/],
  ["another rank", () => session.prepare({ x: buffer() }, { y: buffer("f32", [490000]) }), "shape", /output "y".*\[490000\]/],
  ["a missing input", () => session.prepare({}, { y: buffer() }), "name", /input "x".*none/],
  ["a missing output", () => session.prepare({ x: buffer() }, {}), "name", /output "y".*none/],
  ["an unknown input", () => session.prepare({ x: buffer(), z: buffer() }, { y: buffer() }), "name", /input "z".*one of x/],
  ["an unknown in-place output", () => session.prepare({ x: buffer() }, { y: buffer() }, { inPlace: ["z"] }), "name", /"z"/],
  ["a negative shape", () => buffer("f32", [-1]), "shape", /\[-1\]/],
  ["an unknown element type", () => buffer("f64" as DType), "dtype", /"f64"/],
  ["bytes that do not fill the shape", () => runtime.wrap(new Uint8Array(11), "f32", [3]), "shape", /12 bytes.*11 bytes/],
  ["bytes that start inside an element", () => runtime.wrap(new Uint8Array(16).subarray(1, 13), "f32", [3]), "shape", /multiple of 4.*1/],
  ["memory that no machine has", () => buffer("f32", [2 ** 50]), "outOfMemory", /bytes/],
  ["bytes that are no model", () => runtime.createSession(new Uint8Array([1, 2, 3])), "model", /./],
  ["an unknown optimization level", () => runtime.createSession(model, { optimizationLevel: "most" as "all" }), "option", /"most"/],
  ["no threads", () => runtime.createSession(model, { threads: 0 }), "option", /threads.*0/],
  [
    "an affinity for other threads",
    () => runtime.createSession(model, { threads: 3, affinity: "1" }),
    "option",
    /affinity.*3 threads.*"1"/,
  ],
  ["an unknown provider", () => openRuntime({ provider: "abacus" as "cpu" }), "option", /cpu, webgpu, cuda.*"abacus"/],
])("%s is an error before native code is entered", (_, act, name, sentence) => {
  expect(act).toThrowError(code(name));
  expect(act).toThrowError(sentence);
});

test("an operator that does not exist is the model's fault, in the engine's words", () => {
  const bad = writeModel({
    nodes: [{ op: "Frobnicate", inputs: ["x"], outputs: ["y"] }],
    inputs: [{ name: "x", dtype: "f32", shape: [1] }],
    outputs: [{ name: "y", dtype: "f32", shape: [1] }],
    initializers: [],
  });
  expect(() => runtime.createSession(bad)).toThrowError(code("model"));
  expect(() => runtime.createSession(bad)).toThrowError(/Frobnicate/);
});

test("a type without a kernel is not supported, in the engine's words", () => {
  const bad = writeModel({
    nodes: [{ op: "MatMul", inputs: ["x", "x"], outputs: ["y"] }],
    inputs: [{ name: "x", dtype: "bf16", shape: [2, 2] }],
    outputs: [{ name: "y", dtype: "bf16", shape: [2, 2] }],
    initializers: [],
  });
  expect(() => runtime.createSession(bad)).toThrowError(code("notSupported"));
});

test("a failure while computing is thrown, and the session works on", async () => {
  const gather = runtime.createSession(
    writeModel({
      nodes: [{ op: "Gather", inputs: ["x", "i"], outputs: ["y"], attributes: { axis: int(0) } }],
      inputs: [
        { name: "x", dtype: "f32", shape: [2] },
        { name: "i", dtype: "i64", shape: [1] },
      ],
      outputs: [{ name: "y", dtype: "f32", shape: [1] }],
      initializers: [],
    }),
  );
  const [x, i, y] = [buffer("f32", [2]), buffer("i64", [1]), buffer("f32", [1])];
  x.array.set([5, 6] as never);
  const run = gather.prepare({ x, i }, { y });
  i.array[0] = 7n;
  expect(() => run.sync()).toThrowError(/out of (data )?bounds|indices/);
  await expect(run.async()).rejects.toThrowError(code("native"));
  i.array[0] = 1n;
  await run.async();
  expect(y.array[0]).toBe(6);
});

test("a disposed buffer, session or run is refused, disposing twice is not", () => {
  const [x, y] = [buffer(), buffer()];
  const own = runtime.createSession(model);
  const [run, second, third] = [own.prepare({ x }, { y }), own.prepare({ x }, { y }), own.prepare({ x }, { y })];
  run.dispose();
  run.dispose();
  expect(() => run.sync()).toThrowError(code("disposed"));
  own.dispose();
  own.dispose();
  expect(() => second.sync()).toThrowError(code("disposed"));
  expect(() => own.prepare({ x }, { y })).toThrowError(code("disposed"));
  const view = y.array;
  y.dispose();
  y.dispose();
  expect(() => third.sync()).toThrowError(code("disposed"));
  expect(() => y.array).toThrowError(/f32 \[700, 700\]: the buffer was disposed/);
  expect(view).toHaveLength(0);
  expect(() => session.prepare({ x }, { y })).toThrowError(/output "y": the buffer was disposed/);
});

test("what is disposed during a run is freed after it, and the run ends well", async () => {
  const [x, y] = [buffer(), buffer()];
  const watching = y.view([700, 700]);
  x.array.fill(1 as never);
  const own = runtime.createSession(model);
  const run = own.prepare({ x }, { y });
  const memory = x.memory;
  const pending = run.async();
  x.dispose();
  y.dispose();
  own.dispose();
  run.dispose();
  expect(memory.freed).toBe(false);
  await pending;
  expect(memory.freed).toBe(true);
  expect(watching.array[0]).toBe(700);
  expect(() => run.sync()).toThrowError(code("disposed"));
});

test("two runs that write the same memory do not run at the same time; reading together is allowed", async () => {
  const [x, y, z] = [buffer(), buffer(), buffer()];
  const [a, b, c] = [session.prepare({ x }, { y }), session.prepare({ x }, { y }), session.prepare({ x }, { y: z })];
  const d = session.prepare({ x: y }, { y: z });
  const first = a.async();
  await expect(a.async()).rejects.toThrowError(/still running/);
  await expect(b.async()).rejects.toThrowError(code("busy"));
  await expect(d.async()).rejects.toThrowError(/"x".*written by a run in flight \(as "y"\)/);
  await Promise.all([first, c.async()]);
  await b.async();
});

test("two outputs in one memory, or half of an input's, are refused", () => {
  const memory = buffer("f32", [6]);
  const three = { dtype: "f32" as const, shape: [3] };
  const two = runtime.createSession(
    writeModel({
      nodes: [
        { op: "Exp", inputs: ["x"], outputs: ["y"] },
        { op: "Neg", inputs: ["x"], outputs: ["z"] },
      ],
      inputs: [{ name: "x", ...three }],
      outputs: [
        { name: "y", ...three },
        { name: "z", ...three },
      ],
      initializers: [],
    }),
  );
  const [low, high, middle] = [0, 12, 4].map(offsetBytes => memory.view([3], { offsetBytes })) as [
    typeof memory,
    typeof memory,
    typeof memory,
  ];
  const x = buffer("f32", [3]);
  expect(() => two.prepare({ x }, { y: low, z: middle }, { inPlace: "all" })).toThrowError(/output "y".*output "z"/);
  expect(() => two.prepare({ x: low }, { y: middle, z: x }, { inPlace: "all" })).toThrowError(/a part of its memory/);
  two.prepare({ x }, { y: low, z: high }).sync();
  expect(memory.array).toEqual(new Float32Array([1, 1, 1, -0, -0, -0]));
});

test("an aborted run rejects with the signal's reason and can run again", async () => {
  const layers = 60;
  const long = runtime.createSession(
    writeModel({
      nodes: Array.from({ length: layers }, (_, i) => ({ op: "MatMul", inputs: [i ? `t${i - 1}` : "x", "x"], outputs: [`t${i}`] })),
      inputs: [{ name: "x", dtype: "f32", shape: [700, 700] }],
      outputs: [{ name: `t${layers - 1}`, dtype: "f32", shape: [700, 700] }],
      initializers: [],
    }),
  );
  const [x, y] = [buffer(), buffer()];
  const run = long.prepare({ x }, { [`t${layers - 1}`]: y });
  const stop = new AbortController();
  const reason = new Error("the client hung up");
  const pending = run.async({ signal: stop.signal });
  stop.abort(reason);
  await expect(pending).rejects.toBe(reason);
  await expect(run.async({ signal: stop.signal })).rejects.toBe(reason);
  await run.async();
});

test("a platform without a library is named with those that have one", () => {
  expect(libraryOf("linux", "x64", false)).toEqual({ package: "sherpa-onnx-linux-x64", file: "libonnxruntime.so" });
  expect(() => libraryOf("sunos", "sparc", false)).toThrowError(/linux-x64.*win32-x64.*sunos-sparc/);
  expect(() => libraryOf("linux", "x64", true)).toThrowError(/musl.*node:20-slim/);
});
