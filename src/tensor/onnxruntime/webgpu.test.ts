import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { rounds } from "../../../test/support/deep.ts";
import { type DType, dtypes, dtypeTable, fromNumbers, toNumbers } from "../dtype.ts";
import { float, int, type OnnxNode, writeModel } from "../onnx/index.ts";
import { deviceReport, openRuntime } from "./index.ts";

// A software adapter that WebGPU accepts comes with Chromium; Mesa's is accepted from version 23 on.
const software = "/usr/lib/chromium/vk_swiftshader_icd.json";
if (!process.env.VK_ICD_FILENAMES && process.platform === "linux" && existsSync(software)) process.env.VK_ICD_FILENAMES = software;

const { available, reason } = deviceReport().webgpu;
const onGpu = (name: string, body: () => Promise<void> | void) =>
  available ? test(name, body) : test.skip(`${name} (skipped: ${reason})`, body);
const runtime = available ? openRuntime({ provider: "webgpu", threads: 2 }) : openRuntime({ threads: 2 });
const host = openRuntime({ threads: 2 });

const value = (name: string, shape: readonly number[], dtype: DType = "f32") => ({ name, dtype, shape });
const program = (nodes: readonly OnnxNode[]) =>
  writeModel({ nodes, inputs: [value("x", [8, 16]), value("w", [16, 8])], outputs: [value("y", [8, 8])], initializers: [] });
const layer = program([
  {
    op: "FusedMatMul",
    domain: "com.microsoft",
    inputs: ["x", "w"],
    outputs: ["m"],
    attributes: { alpha: float(0.5), transA: int(0), transB: int(0) },
  },
  { op: "Gelu", domain: "com.microsoft", inputs: ["m"], outputs: ["g"] },
  { op: "Softmax", inputs: ["g"], outputs: ["y"], attributes: { axis: int(-1) } },
]);
const wave = (n: number, by: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(i * by));

test("the processor is always there; another device is there, or says why not and what to do", () => {
  const report = deviceReport();
  expect(report.cpu).toEqual({ available: true, reason: "" });
  if (available) return;
  expect(reason).toMatch(/device webgpu: .*libvulkan1/);
  expect(() => openRuntime({ provider: "webgpu" })).toThrowError(
    expect.objectContaining({ problem: expect.objectContaining({ code: "onnxruntime/provider" }) }),
  );
});

onGpu("a program on the device gives the processor's numbers, with parameters that stay there", async () => {
  const x = runtime.allocateOnDevice("f32", [8, 16]);
  const w = runtime.allocateOnDevice("f32", [16, 8]);
  const y = runtime.allocateOnDevice("f32", [8, 8]);
  await x.write(wave(128, 0.3));
  await w.write(wave(128, 0.7));
  const run = runtime.createSession(layer).prepare({ x, w }, { y });
  for (let i = 0; i < 3; i++) await run.async();

  const [hx, hw, hy] = [host.allocate("f32", [8, 16]), host.allocate("f32", [16, 8]), host.allocate("f32", [8, 8])];
  (hx.array as Float32Array).set(wave(128, 0.3));
  (hw.array as Float32Array).set(wave(128, 0.7));
  host.createSession(layer).prepare({ x: hx, w: hw }, { y: hy }).sync();
  const device = await y.read();
  for (const [i, v] of (hy.array as Float32Array).entries()) expect(device[i]).toBeCloseTo(v, 5);

  // Host memory may be bound as well; it is copied at every run.
  const back = runtime.allocate("f32", [8, 8]);
  const own = runtime.allocate("f32", [8, 16]);
  (own.array as Float32Array).set(hx.array as Float32Array);
  runtime.createSession(layer).prepare({ x: own, w }, { y: back }).sync();
  expect([...back.array]).toEqual([...device]);
});

onGpu("a buffer of the processor's engine is refused by a program of the device's, which is another library", () => {
  if (host.library.path === runtime.library.path) return; // LOAM_ONNXRUNTIME names one for both
  const x = host.allocate("f32", [8, 16]);
  const [w, y] = [runtime.allocateOnDevice("f32", [16, 8]), runtime.allocateOnDevice("f32", [8, 8])];
  expect(() => runtime.createSession(layer).prepare({ x, w }, { y })).toThrowError(
    /input "x": expected a buffer of the engine that compiled/,
  );
});

for (const dtype of dtypes)
  onGpu(`${dtype} goes to the device and back bit for bit`, async () => {
    const values = [0, 1, dtypeTable[dtype].kind === "bool" || dtype === "u8" ? 1 : -2, 100, 7, 1];
    const buffer = runtime.allocateOnDevice(dtype, [2, 3]);
    await buffer.write(fromNumbers(values, dtype));
    expect([...toNumbers(await buffer.read(), dtype)]).toEqual([...toNumbers(fromNumbers(values, dtype), dtype)]);
    expect(await buffer.view([6]).read()).toEqual(await buffer.read());
  });

onGpu("scalars and tensors of no elements exist on the device", async () => {
  const scalar = runtime.allocateOnDevice("f32", []);
  await scalar.write(new Float32Array([3]));
  expect(await scalar.read()).toEqual(new Float32Array([3]));
  const empty = runtime.allocateOnDevice("f32", [0, 3]);
  await empty.write(new Float32Array(0));
  expect(await empty.read()).toEqual(new Float32Array(0));
});

onGpu("misuse of device memory is an error, not a crash", async () => {
  const code = (name: string) => expect.objectContaining({ problem: expect.objectContaining({ code: `onnxruntime/${name}` }) });
  const buffer = runtime.allocateOnDevice("f32", [4]);
  await expect(buffer.write(new Float32Array(5))).rejects.toThrowError(/4 elements.*5/);
  await expect(buffer.write(new Int32Array(4))).rejects.toThrowError(/Float32Array.*Int32Array/);
  expect(() => buffer.view([3])).toThrowError(code("shape"));
  const session = runtime.createSession(layer);
  const [x, w] = [runtime.allocateOnDevice("f32", [8, 16]), runtime.allocateOnDevice("f32", [16, 8])];
  expect(() => session.prepare({ x, w }, { y: x.view([128]) })).toThrowError(code("shape"));
  expect(() => session.prepare({ x, w }, { y: runtime.allocateOnDevice("f32", [8, 8]) }, { inPlace: ["y"] })).toThrowError(code("option"));
  const view = buffer.view([2, 2]);
  buffer.dispose();
  buffer.dispose();
  await expect(buffer.read()).rejects.toThrowError(code("disposed"));
  await view.write(new Float32Array([1, 2, 3, 4]));
  expect(await view.read()).toEqual(new Float32Array([1, 2, 3, 4]));
  expect(() => host.allocateOnDevice("f32", [1])).toThrowError(code("option"));
});

onGpu("device memory is given back: many rounds of 8 MB do not add up", async () => {
  const data = new Float32Array(1 << 21);
  const round = async () => {
    const buffer = runtime.allocateOnDevice("f32", [data.length]);
    await buffer.write(data);
    buffer.dispose();
  };
  await round();
  const before = process.memoryUsage().rss; // a software adapter's memory is the process's
  for (let i = 0; i < rounds(300, 150); i++) await round();
  // 1.2 GB (2.5 with --deep) if nothing were given back. What is freed lies about for some rounds while the machine is busy: 310 MB were seen.
  expect(process.memoryUsage().rss - before).toBeLessThan(700e6);
});
