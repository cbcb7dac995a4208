import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { type DType, dtypes, dtypeTable, fromNumbers, toNumbers } from "../dtype.ts";
import { float, int, type OnnxModel, type OnnxNode, readModel, type ValueInfo, writeModel } from "../onnx/index.ts";
import { type NativeBuffer, openRuntime, type SessionOptions } from "./index.ts";

const runtime = openRuntime({ threads: 2 });

const info = (name: string, dtype: DType, shape: readonly (number | string)[]): ValueInfo => ({ name, dtype, shape });

/** A graph given as text: "a:f32[2,3] b:f32[3] -> y:f32[2,3]" and its nodes. */
function graph(signature: string, nodes: readonly OnnxNode[], initializers: OnnxModel["initializers"] = []): Uint8Array {
  const side = (text: string) =>
    [...text.matchAll(/(\w+):(\w+)\[([^\]]*)\]/g)].map(m =>
      info(m[1]!, m[2] as DType, m[3] === "" ? [] : m[3]!.split(",").map(d => (/^\d+$/.test(d) ? Number(d) : d))),
    );
  const [inputs, outputs] = signature.split("->").map(side) as [ValueInfo[], ValueInfo[]];
  return writeModel({ nodes, inputs, outputs, initializers });
}

function filled(dtype: DType, shape: readonly number[], values: ArrayLike<number>): NativeBuffer {
  const buffer = runtime.allocate(dtype, shape);
  (buffer.array as Float32Array).set(fromNumbers(values, dtype) as Float32Array);
  return buffer;
}

const numbers = (b: NativeBuffer) => [...toNumbers(b.array, b.dtype)];
const doubling = graph("x:f32[3] -> y:f32[3]", [{ op: "Add", inputs: ["x", "x"], outputs: ["y"] }]);

test.each(dtypes)("%s goes through Identity bit for bit", dtype => {
  const session = runtime.createSession(graph(`x:${dtype}[4] -> y:${dtype}[4]`, [{ op: "Identity", inputs: ["x"], outputs: ["y"] }]));
  const x = filled(dtype, [4], [0, 1, dtypeTable[dtype].kind === "bool" || dtype === "u8" ? 1 : -2, 100]);
  const y = runtime.allocate(dtype, [4]);
  session.prepare({ x }, { y }).sync();
  expect(y.bytes).toEqual(x.bytes);
  expect(session.inputs).toEqual([{ name: "x", dtype, shape: [4] }]);
});

test.each(dtypes.flatMap(to => dtypes.map(from => [from, to] as const)))("Cast %s to %s agrees with our own conversion", (from, to) => {
  const values = from === "bool" ? [0, 1, 1] : [0, 1, 100];
  const session = runtime.createSession(
    graph(`x:${from}[3] -> y:${to}[3]`, [{ op: "Cast", inputs: ["x"], outputs: ["y"], attributes: { to: int(dtypeTable[to].onnx) } }]),
  );
  const y = runtime.allocate(to, [3]);
  session.prepare({ x: filled(from, [3], values) }, { y }).sync();
  expect(y.array).toEqual(fromNumbers(values, to));
});

test("MatMul, Softmax and LayerNormalization give the numbers of a hand calculation", () => {
  const session = runtime.createSession(
    graph("a:f32[2,2] b:f32[2,2] w:f32[2] -> m:f32[2,2] s:f32[2,2] l:f32[2,2]", [
      { op: "MatMul", inputs: ["a", "b"], outputs: ["m"] },
      { op: "Softmax", inputs: ["a"], outputs: ["s"], attributes: { axis: int(-1) } },
      { op: "LayerNormalization", inputs: ["a", "w"], outputs: ["l"], attributes: { axis: int(-1), epsilon: float(0) } },
    ]),
  );
  const out = { m: runtime.allocate("f32", [2, 2]), s: runtime.allocate("f32", [2, 2]), l: runtime.allocate("f32", [2, 2]) };
  session
    .prepare({ a: filled("f32", [2, 2], [1, 2, 3, 5]), b: filled("f32", [2, 2], [1, 10, 100, 1000]), w: filled("f32", [2], [2, 3]) }, out)
    .sync();
  expect(numbers(out.m)).toEqual([201, 2010, 503, 5030]);
  const p = (d: number) => 1 / (1 + Math.exp(-d));
  for (const [i, v] of [p(-1), p(1), p(-2), p(2)].entries()) expect(numbers(out.s)[i]).toBeCloseTo(v, 6);
  for (const [i, v] of [-2, 3, -2, 3].entries()) expect(numbers(out.l)[i]).toBeCloseTo(v, 5);
});

test("contributed operators run: FusedMatMul transposes and scales", () => {
  const session = runtime.createSession(
    graph("a:f32[2,1] b:f32[2,2] -> y:f32[1,2]", [
      {
        op: "FusedMatMul",
        domain: "com.microsoft",
        inputs: ["a", "b"],
        outputs: ["y"],
        attributes: { transA: int(1), transB: int(0), alpha: float(0.5) },
      },
    ]),
  );
  const y = runtime.allocate("f32", [1, 2]);
  session.prepare({ a: filled("f32", [2, 1], [2, 4]), b: filled("f32", [2, 2], [1, 2, 3, 4]) }, { y }).sync();
  expect(numbers(y)).toEqual([7, 10]);
});

test("scalars and tensors of no elements run", () => {
  const session = runtime.createSession(
    graph("s:f32[] e:f32[0,3] -> t:f32[] f:f32[0,3]", [
      { op: "Neg", inputs: ["s"], outputs: ["t"] },
      { op: "Exp", inputs: ["e"], outputs: ["f"] },
    ]),
  );
  const t = runtime.allocate("f32", []);
  const f = runtime.allocate("f32", [0, 3]);
  session.prepare({ s: filled("f32", [], [3]), e: runtime.allocate("f32", [0, 3]) }, { t, f }).sync();
  expect(numbers(t)).toEqual([-3]);
  expect(f.array).toHaveLength(0);
});

test("a run may be repeated: it reads what its inputs hold then", () => {
  const [x, y] = [filled("f32", [3], [1, 2, 3]), runtime.allocate("f32", [3])];
  const run = runtime.createSession(doubling).prepare({ x }, { y });
  run.sync();
  expect(numbers(y)).toEqual([2, 4, 6]);
  x.array[0] = 50;
  run.sync();
  expect(numbers(y)).toEqual([100, 4, 6]);
});

test("an asynchronous run gives the same numbers while the event loop turns", async () => {
  // long enough that a busy machine turns some times meanwhile
  const [n, products] = [1024, 16];
  const name = (i: number) => (i === 0 ? "x" : i === products ? "y" : `a${i}`);
  const model = graph(
    `x:f32[${n},${n}] -> y:f32[${n},${n}]`,
    Array.from({ length: products }, (_, i) => ({ op: "MatMul", inputs: [name(i), "x"], outputs: [name(i + 1)] })),
  );
  const session = await runtime.createSessionAsync(model, { threads: 1 });
  const x = filled(
    "f32",
    [n, n],
    Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 2 : 0)),
  );
  const y = runtime.allocate("f32", [n, n]);
  let turns = 0;
  let done = false;
  const pending = session
    .prepare({ x }, { y })
    .async()
    .finally(() => {
      done = true;
    });
  while (!done) {
    await setImmediate();
    turns++;
  }
  await pending;
  expect(turns).toBeGreaterThan(5);
  expect([y.array[0], y.array[1], y.array[n * n - 1]]).toEqual([2 ** (products + 1), 0, 2 ** (products + 1)]);
});

test("a view is another tensor over the same memory, from any whole element", () => {
  const buffer = filled("f32", [2, 3], [1, 2, 3, 4, 5, 6]);
  const row = buffer.view([3], { offsetBytes: 12 });
  const y = runtime.allocate("f32", [3]);
  const run = runtime.createSession(doubling).prepare({ x: row }, { y });
  buffer.dispose();
  run.sync();
  expect(numbers(y)).toEqual([8, 10, 12]);
  expect(() => row.view([4])).toThrowError(/12 bytes.*16 bytes/);
  expect(() => row.view([1], { offsetBytes: 2 })).toThrowError(/whole element/);
});

test("in place: an output in its input's memory, when the caller says so", () => {
  const x = filled("f32", [3], [1, 2, 3]);
  const y = x.view([3]);
  const session = runtime.createSession(doubling);
  expect(() => session.prepare({ x }, { y })).toThrowError(/output "y".*memory with input "x"/);
  session.prepare({ x }, { y }, { inPlace: ["y"] }).sync();
  expect(numbers(x)).toEqual([2, 4, 6]);
});

test("memory of the caller is used, not copied", () => {
  const mine = new Float32Array([1, 2, 3]); // small enough for V8's moving heap
  const x = runtime.wrap(new Uint8Array(mine.buffer), "f32", [3]);
  const shared = new Float32Array(new SharedArrayBuffer(12));
  const y = runtime.wrap(new Uint8Array(shared.buffer), "f32", [3]);
  runtime.createSession(doubling).prepare({ x }, { y }).sync();
  expect([...shared]).toEqual([2, 4, 6]);
});

test("free dimensions take their size from the first buffer and hold the others to it", () => {
  const session = runtime.createSession(graph("a:f32[n] b:f32[n] -> y:f32[n]", [{ op: "Add", inputs: ["a", "b"], outputs: ["y"] }]));
  const b = (n: number) => runtime.allocate("f32", [n]);
  session.prepare({ a: b(4), b: b(4) }, { y: b(4) }).sync();
  expect(() => session.prepare({ a: b(4), b: b(4) }, { y: b(5) })).toThrowError(/"y".*f32 \[n\] with n=4.*f32 \[5\]/);
});

/** The graph that runs, after the engine's own rewriting. */
function optimized(model: Uint8Array, options: SessionOptions): OnnxModel {
  const folder = mkdtempSync(join(tmpdir(), "loam-engine-"));
  try {
    const optimizedModelFile = join(folder, "model.onnx");
    runtime.createSession(model, { ...options, optimizedModelFile }).dispose();
    return readModel(readFileSync(optimizedModelFile));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("twins are merged, unless that optimizer is named as disabled; no level merges less", () => {
  const twins = graph("x:f32[3] -> a:f32[3] b:f32[3]", [
    { op: "Exp", inputs: ["x"], outputs: ["p"] },
    { op: "Exp", inputs: ["x"], outputs: ["q"] },
    { op: "Neg", inputs: ["p"], outputs: ["a"] },
    { op: "Abs", inputs: ["q"], outputs: ["b"] },
  ]);
  const exps = (options: SessionOptions) => optimized(twins, options).nodes.filter(n => n.op === "Exp").length;
  expect(exps({})).toBe(1);
  expect(exps({ disabledOptimizers: ["CommonSubexpressionElimination"] })).toBe(2);
  expect(exps({ optimizationLevel: "none" })).toBe(2);
});

test("a named dimension given a size becomes that size", () => {
  const model = graph("x:f32[n,2] -> y:f32[n,2]", [{ op: "Exp", inputs: ["x"], outputs: ["y"] }]);
  expect(runtime.createSession(model).inputs[0]!.shape).toEqual(["n", 2]);
  expect(runtime.createSession(model, { freeDimensions: { n: 7 } }).inputs[0]!.shape).toEqual([7, 2]);
});

test("a profile names the operators that ran", () => {
  const folder = mkdtempSync(join(tmpdir(), "loam-engine-"));
  const session = runtime.createSession(doubling, {
    profile: join(folder, "profile"),
    deterministic: true,
    memoryPattern: false,
    arena: "none",
  });
  session.prepare({ x: filled("f32", [3], [1, 2, 3]) }, { y: runtime.allocate("f32", [3]) }).sync();
  const events = JSON.parse(readFileSync(session.endProfile(), "utf8")) as { args?: { op_name?: string } }[];
  expect(events.some(e => e.args?.op_name === "Add")).toBe(true);
  rmSync(folder, { recursive: true });
});

const allowed = process.platform === "linux" ? /Cpus_allowed_list:\t(\S+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] : undefined;
test.skipIf(!/^0[-,]/.test(allowed ?? ""))("affinity pins the further thread to the processor that it names", async () => {
  const pinnedToFirst = () =>
    readdirSync("/proc/self/task").filter(t => readFileSync(`/proc/self/task/${t}/status`, "utf8").includes("Cpus_allowed_list:\t0\n"))
      .length;
  const before = pinnedToFirst();
  const session = runtime.createSession(doubling, { threads: 2, affinity: "1" }); // the engine counts processors from 1
  await vi.waitFor(() => expect(pinnedToFirst()).toBe(before + 1), 10_000); // the thread pins itself once it starts
  session.dispose();
  expect(pinnedToFirst()).toBe(before);
});
