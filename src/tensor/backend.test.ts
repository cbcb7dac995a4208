/** One contract for every backend: what an executable computes equals the reference, for every operation over random shapes and dtypes. */
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { rounds } from "../../test/support/deep.ts";
import { lacksPjrt, pjrtReason } from "../../test/support/pjrt.ts";
import { random } from "../base/index.ts";
import { type Case, cases, softcaps } from "./cases.laws.ts";
import { compile } from "./compile.ts";
import { type Device, openDevice } from "./device.ts";
import { type DType, fromNumbers, isFloat, toNumbers } from "./dtype.ts";
import { evaluate } from "./evaluate.ts";
import { add, cast, mul, reshape, scatterRows, sum, tanh } from "./functions.ts";
import { graphOf, loadGraph, storeGraph } from "./graph.ts";
import { deviceReport } from "./onnxruntime/index.ts";
import { simplify } from "./simplify.ts";
import { checkGraph } from "./spec.ts";
import { isKind, type Tensor } from "./tensor.ts";

const seed = Number(process.env.LOAM_TEST_SEED ?? 1);
/** Of each dtype of an operation. What compiles a program in a tenth of a second draws fewer. */
const drawsOf = ({ name, capabilities }: Device): number =>
  name === "webgpu" ? rounds(2, 1) : capabilities.name === "pjrt" ? rounds(4, 1) : rounds(4, 2);
/** What one rounding of a dtype is, relative. */
const unit: { readonly [D in DType]?: number } = { f32: 2 ** -24, f16: 2 ** -11, bf16: 2 ** -8 };

function expectClose(got: Float64Array, want: Float64Array, dtype: DType, tolerance: number, label: string): void {
  expect(got.length, label).toBe(want.length);
  for (let i = 0; i < want.length; i++) {
    const [g, w] = [got[i]!, want[i]!];
    if (Object.is(g, w) || g === w || (Number.isNaN(g) && Number.isNaN(w))) continue;
    const allowed = isFloat(dtype) ? Math.max(tolerance, 4 * (unit[dtype] ?? 0)) * Math.max(1, Math.abs(w)) : 0;
    if (!(Math.abs(g - w) <= allowed)) expect.fail(`${label}: element ${i}: got ${g}, want ${w}`);
  }
}

async function runCase(device: Device, c: Case): Promise<Float64Array> {
  const graph = simplify(graphOf(c.inputs, [c.output]), device.capabilities.native);
  checkGraph(graph, device.capabilities.native);
  const executable = await device.backend.build(graph, {
    recomputes: c.output.kind === "call" || c.output.kind === "mul",
    aliases: new Map(),
  });
  const inputs = await Promise.all(c.inputs.map((t, i) => device.array(fromNumbers(c.values[i]!, t.dtype), t.dtype, t.shape)));
  const out = device.backend.allocate(c.output.shape, c.output.dtype);
  try {
    await executable.run(
      inputs.map(a => a.memory),
      [out],
    );
    return toNumbers(await out.read(), c.output.dtype);
  } finally {
    executable.dispose();
    out.dispose();
    for (const a of inputs) a.dispose();
  }
}

/** A software adapter that Debian's chromium brings, where nothing else is said: so that WebGPU is tried on machines without a GPU. */
const softwareAdapter = "/usr/lib/chromium/vk_swiftshader_icd.json";
if (!process.env.VK_ICD_FILENAMES && existsSync(softwareAdapter)) process.env.VK_ICD_FILENAMES = softwareAdapter;
const webgpu = deviceReport().webgpu;
const devices: readonly Device[] = [
  openDevice("reference"),
  openDevice("cpu", { threads: 1 }),
  ...(webgpu.available ? [openDevice("webgpu")] : []),
  ...(lacksPjrt === undefined ? [openDevice("pjrt:cpu", { threads: 1 })] : []),
];
if (!webgpu.available) test.skip(`backend webgpu (skipped: ${webgpu.reason.slice(0, 120) || "no adapter"})`, () => {});
if (lacksPjrt !== undefined) test.skip(`backend pjrt${pjrtReason}`, () => {});

/** An operation in ONNX nodes alone, which only ONNX Runtime and the reference can compute. */
const isOnnxOnly = (t: Tensor): boolean => isKind(t, "custom") && !t.attributes.operation.expand;

describe.each(devices.map(d => [`${d.capabilities.name} on ${d.name}`, d] as const))("backend %s", (_, device) => {
  for (const [kind, row] of Object.entries(cases))
    test(`${kind}: equals the reference on ${row.dtypes.join(", ")} (seed ${seed})`, async () => {
      const r = random(`${seed}/backend/${kind}`);
      for (const dtype of row.dtypes.filter(d => device.capabilities.dtypes.includes(d)))
        for (let round = 0; round < drawsOf(device); round++) {
          const c = row.draw(r, dtype);
          if (![c.output, ...c.inputs].every(t => device.capabilities.dtypes.includes(t.dtype))) continue;
          if (device.capabilities.name === "pjrt" && isOnnxOnly(c.output)) {
            await expect(runCase(device, c)).rejects.toThrow(/laws\.softcap.*an operation with expand/s);
            continue;
          }
          const want = evaluate([c.output], new Map<Tensor, Float64Array>(c.inputs.map((t, i) => [t, c.values[i]!])))[0]!;
          const label = `${dtype} round ${round}: ${c.inputs.map(t => `[${t.shape}]`).join(" ")}`;
          expectClose(await runCase(device, c), want, c.output.dtype, Math.max(c.tolerance ?? 0, device.capabilities.relativeError), label);
        }
    });

  test("scalars, empty arrays and a result that is an argument come through", async () => {
    const program = compile((x: Tensor, y: Tensor) => [x, x, mul(y, 2), sum(y)] as const, { device });
    const [a, b, c, d] = await program(3, await device.array(new Float32Array(0), "f32", [0, 2]));
    expect([await a.item(), await b.item(), c.shape, await d.item()]).toEqual([3, 3, [0, 2], 0]);
  });

  test("a program runs with many signatures, and builds each once", async () => {
    const program = compile((x: Tensor) => sum(x), { device });
    for (const n of [1, 2, 1, 2, 3]) expect(await (await program(await device.full([n], 2))).item()).toBe(2 * n);
    expect(program.programs).toBe(3);
  });

  test("donated state is updated in place where that is safe, and right where it is not", async () => {
    const step = compile(
      (state: { w: Tensor; v: Tensor }, x: Tensor) => {
        // v is read only by its own update; w is also read by the loss, which is no ancestor of the new w
        const v = add(mul(state.v, 0.5), x);
        return [{ w: add(state.w, v), v }, sum(tanh(state.w))] as const;
      },
      { device, donate: [0] },
    );
    let state = { w: await device.full([64], 0), v: await device.full([64], 1) };
    const losses: number[] = [];
    for (let i = 0; i < 4; i++) {
      const old = state;
      const [next, loss] = await step(state, await device.full([64], 1));
      expect(old.v.isAlive || old.w.isAlive).toBe(false);
      state = next;
      losses.push(await loss.item());
    }
    let [w, v] = [0, 1];
    for (const got of losses) {
      expect(got).toBeCloseTo(64 * Math.tanh(w), 3);
      v = v * 0.5 + 1;
      w += v;
    }
    expect((await state.w.numbers())[63]).toBeCloseTo(w, 5);
  });

  test("rows written into a donated table are written, the others stay, over many steps", async () => {
    const write = compile(
      (table: Tensor, row: Tensor, at: Tensor) => {
        const next = scatterRows(table, cast(reshape(at, [1]), "i32"), row, "set");
        return [next, sum(next)] as const;
      },
      { device, donate: [0] },
    );
    let table = await device.full([5, 3], 1);
    for (let i = 0; i < 5; i++) {
      const [next, total] = await write(table, await device.full([1, 3], 10 + i), i);
      table = next;
      expect(await total.item()).toBe(15 + 3 * Array.from({ length: i + 1 }, (_, k) => 9 + k).reduce((a, b) => a + b, 0));
    }
    expect(await table.nested()).toEqual([10, 11, 12, 13, 14].map(x => [x, x, x]));
  });

  test("using what was donated or disposed is an error that says so", async () => {
    const step = compile((x: Tensor) => add(x, 1), { device, donate: [0] });
    const x = await device.full([2], 1);
    const y = await step(x);
    expect(() => x.view()).toThrow(/given away \(donated\).*Use the array that the program returned/);
    await expect(step(x)).rejects.toThrow(/given away/);
    y.dispose();
    expect(() => y.view()).toThrow(/disposed/);
    await expect(step(y)).rejects.toThrow(/disposed/);
  });

  test("arguments of another structure are refused by name", async () => {
    const program = compile((p: { a: Tensor }) => p.a, { device, name: "model" });
    await expect(program({ a: "x" } as never)).rejects.toThrow(
      /model: argument 0: a: expected an array of the device or a number, got string/,
    );
  });
});

test("every case survives storing and loading, with the same values", () => {
  const r = random(`${seed}/store`);
  for (const [kind, row] of Object.entries(cases)) {
    const c = row.draw(r, row.dtypes[0]!);
    const g = graphOf(c.inputs, [c.output]);
    const loaded = loadGraph(JSON.parse(JSON.stringify(storeGraph(g))), softcaps);
    const given = (inputs: readonly Tensor[]) => new Map<Tensor, Float64Array>(inputs.map((t, i) => [t, c.values[i]!]));
    expect(evaluate(loaded.outputs, given(loaded.inputs)), kind).toEqual(evaluate(g.outputs, given(g.inputs)));
    expect(storeGraph(loaded), kind).toEqual(storeGraph(g));
  }
});

test(`simplified equals unsimplified, with and without composites (seed ${seed})`, () => {
  const r = random(`${seed}/simplify`);
  for (let round = 0; round < rounds(3); round++)
    for (const [kind, row] of Object.entries(cases)) {
      const c = row.draw(r, row.dtypes[0]!);
      const given = new Map<Tensor, Float64Array>(c.inputs.map((t, i) => [t, c.values[i]!]));
      const want = evaluate([c.output], given, { exact: true })[0]!;
      for (const native of [new Set<never>(), devices[0]!.capabilities.native]) {
        const g = simplify(graphOf(c.inputs, [c.output]), native);
        // an operation of one's own that is not written in others stays
        checkGraph(g, kind === "custom" ? new Set([...native, kind]) : native);
        expectClose(evaluate(g.outputs, given, { exact: true })[0]!, want, c.output.dtype, 1e-9, kind);
      }
    }
});

test.each([1, 2, 4])("many rows added to few places are all added, with %i threads", async threads => {
  const device = openDevice("cpu", { threads });
  for (const [places, rows, width] of [
    [7, 4096, 384],
    [3, 60_000, 2],
  ] as const) {
    const program = compile((x: Tensor, i: Tensor, u: Tensor) => scatterRows(x, i, u, "add"), { device });
    const index = Int32Array.from({ length: rows }, (_, k) => (k * k) % places);
    const table = await device.full([places, width], 0);
    const at = await device.array(index, "i32", [rows]);
    const ones = await device.full([rows, width], 1);
    const counts = Array.from({ length: places }, (_, p) => index.filter(i => i === p).length);
    const want = counts.flatMap(n => Array<number>(width).fill(n));
    for (let k = 0; k < 5; k++) expect([...(await (await program(table, at, ones)).numbers())]).toEqual(want);
  }
});
