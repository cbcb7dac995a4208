/** Targets that are told as the likeliest tokens and the rest: the loss of them beside the loss of all logits. */
import { expect, test } from "vitest";
import { check, random } from "../../base/index.ts";
import { decoderSpec, initialise, llamaConfig } from "../../nn/index.ts";
import { compile, type DeviceArray, openDevice, type Tensor, valueAndGrad } from "../../tensor/index.ts";
import type { Encoded } from "../instruct/encode.ts";
import { layExamples } from "../instruct/pack.ts";
import { type RowTask, rowLogits } from "../instruct/tune.ts";
import { tuningOf } from "../methods/index.ts";
import { distillFitOptions } from "./options.ts";
import { layTargets, nothing, type SparseTargets, trainedRows, widthOf } from "./sparse.ts";
import { distillTask } from "./tune.ts";
import { endpointTask } from "./tune-endpoint.ts";

const device = openDevice("cpu", { threads: 1 });
const vocab = 40;
const config = { ...llamaConfig({ vocab, width: 32, layers: 2, heads: 4, context: 16, hidden: 48 }), deviation: 0.3 };
const draw = random("sparse");
const length = 16;
const examples: Encoded[] = [9, 5, 7].map((n, i) => ({
  place: `e:${i + 1}`,
  ids: Uint32Array.from({ length: n }, () => draw.below(vocab)),
  // answers in two parts
  trained: Uint8Array.from({ length: n }, (_, k) => Number(k >= 2 && k !== 4)),
  cut: 0,
}));
const rows = [[0, 1], [2]];
const recipe = { ...check(distillFitOptions, { method: "full", soft: 0.7 }, "tune"), length };
const tuning = tuningOf(recipe.method, decoderSpec(config));

async function tensors(arrays: Readonly<Record<string, Int32Array | Float32Array>>, width: number) {
  const given: Record<string, DeviceArray> = {};
  for (const [name, data] of Object.entries(arrays))
    given[name] = await device.array(
      data,
      data instanceof Int32Array ? "i32" : "f32",
      name.startsWith("top") ? [rows.length, length, width] : [rows.length, length],
    );
  given.seed = await device.array(Int32Array.of(1), "i32", []);
  return given;
}

/** What a local teacher would tell over a wire: the k likeliest tokens of every trained place, and their logarithms. */
async function told(teacher: unknown, k: number): Promise<Map<Encoded, SparseTargets>> {
  const logitsOf = compile((p: never, b: never) => rowLogits(config, p, b), { device });
  const out = new Map<Encoded, SparseTargets>();
  for (const e of examples) {
    const { examples: _, ...arrays } = layExamples([e], [[0]], { rows: 1, length });
    const given: Record<string, DeviceArray> = {};
    for (const [name, data] of Object.entries(arrays))
      given[name] = await device.array(data, data instanceof Int32Array ? "i32" : "f32", [1, length]);
    const logits = (await ((await logitsOf(teacher as never, given as never)) as unknown as DeviceArray).read()) as Float32Array;
    const lists = Array.from(trainedRows(e), (row, at) => ({ row, at }))
      .filter(x => x.row >= 0)
      .map(({ at }) => {
        const own = Array.from(logits.slice((at - 1) * vocab, at * vocab));
        const most = Math.max(...own);
        const all = most + Math.log(own.reduce((sum, z) => sum + Math.exp(z - most), 0));
        return own
          .map((z, id) => [id, z - all] as const)
          .sort((a, b) => b[1] - a[1])
          .slice(0, k);
      });
    out.set(e, { width: k, ids: Int32Array.from(lists.flat(), x => x[0]), logs: Float32Array.from(lists.flat(), x => x[1]) });
  }
  return out;
}

async function lossOf(task: RowTask<Tensor>, parameters: unknown) {
  const batch = layExamples(examples, rows, { rows: rows.length, length });
  const { examples: _, ...arrays } = batch;
  const more = task.more?.of(batch, examples) ?? {};
  const given = await tensors({ ...arrays, ...more }, "topIds" in more ? more.topIds!.length / (rows.length * length) : 1);
  const { trainable, frozen } = await tuning.start(parameters, device, 1);
  const scale = await device.array(Float32Array.of(1 / batch.weights.reduce((a, b) => a + b, 0)), "f32", []);
  const program = compile(
    (t: never, b: never, s: Tensor, f: never) =>
      valueAndGrad((u: never, c: never, r: Tensor, g: never) => task.loss(u, c, r, g))(t, b, s, f),
    { device },
  );
  const [loss, gradients] = (await program(trainable as never, given as never, scale, {
    ...frozen,
    ...task.beside,
  } as never)) as unknown as [DeviceArray, Record<string, DeviceArray>];
  const read: number[] = [];
  for (const g of Object.values(gradients)) read.push(...((await g.read()) as Float32Array));
  return { loss: await loss.item(), gradients: read };
}
const normOf = (x: readonly number[]): number => Math.hypot(...x);
const difference = (a: readonly number[], b: readonly number[]): number => normOf(a.map((x, i) => x - b[i]!)) / normOf(b);

test("all tokens told: loss and gradients are those of the teacher's own logits, to float precision", async () => {
  const teacher = await initialise(decoderSpec(config), device, "teacher");
  const local = await lossOf(
    distillTask(config, { config, parameters: teacher }, tuning, recipe),
    await initialise(decoderSpec(config), device, 1),
  );
  const targets = await told(teacher, vocab);
  const far = await lossOf(
    endpointTask(config, e => targets.get(e)!, widthOf(targets.values()), tuning, recipe),
    await initialise(decoderSpec(config), device, 1),
  );
  expect(Math.abs(far.loss / local.loss - 1)).toBeLessThan(1e-5);
  expect(difference(far.gradients, local.gradients)).toBeLessThan(1e-5);
});

test("fewer tokens told: never more than the whole divergence, more the more are told, and close to it once they hold the mass", async () => {
  const teacher = await initialise(decoderSpec(config), device, "teacher");
  const soft = { ...recipe, soft: 1 };
  const own = () => initialise(decoderSpec(config), device, 1);
  const whole = await lossOf(distillTask(config, { config, parameters: teacher }, tuning, soft), await own());
  const losses: number[] = [];
  for (const k of [1, 4, 16, 36]) {
    const targets = await told(teacher, k);
    const found = await lossOf(
      endpointTask(config, e => targets.get(e)!, k, tuning, soft),
      await own(),
    );
    losses.push(found.loss);
    if (k === 36) expect(difference(found.gradients, whole.gradients)).toBeLessThan(0.05);
  }
  expect(losses).toEqual([...losses].sort((a, b) => a - b));
  expect(losses[0]).toBeGreaterThan(0);
  expect(losses.at(-1)!).toBeLessThan(whole.loss * (1 + 1e-5));
  expect(losses.at(-1)!).toBeGreaterThan(0.95 * whole.loss);
});

test("a student that is its own teacher has nothing to learn, however few tokens are told", async () => {
  const teacher = await initialise(decoderSpec(config), device, 1);
  const other = await told(await initialise(decoderSpec(config), device, 2), 3);
  const targets = await told(teacher, 3);
  const soft = { ...recipe, soft: 1 };
  const same = await lossOf(
    endpointTask(config, e => targets.get(e)!, 3, tuning, soft),
    await initialise(decoderSpec(config), device, 1),
  );
  const different = await lossOf(
    endpointTask(config, e => other.get(e)!, 3, tuning, soft),
    await initialise(decoderSpec(config), device, 1),
  );
  expect(Math.abs(same.loss)).toBeLessThan(1e-5);
  expect(normOf(same.gradients)).toBeLessThan(1e-4 * normOf(different.gradients));
});

test("targets lie beside the tokens that they are of, however the rows are packed; a row with fewer outcomes leaves the same rest", () => {
  // the logarithm names example and trained token; a last outcome is nothing where the row has fewer
  const targets = new Map(
    examples.map((e, i): [Encoded, SparseTargets] => {
      const n = trainedRows(e).filter(r => r >= 0).length;
      return [
        e,
        {
          width: 2,
          ids: Int32Array.from({ length: 2 * n }, (_, k) => k % 2),
          logs: Float32Array.from({ length: 2 * n }, (_, k) => (k % 2 ? nothing : -(1 + i + (k >> 1) / 16))),
        },
      ];
    }),
  );
  for (const order of [rows, [[2, 1], [0]]]) {
    const batch = layExamples(examples, order, { rows: 2, length });
    const laid = layTargets(batch, examples, e => targets.get(e)!, 3, vocab);
    let seen = 0;
    for (let cell = 0; cell < batch.tokens.length; cell++) {
      if (batch.weights[cell] === 0) {
        expect([laid.rest[cell], laid.topLogs[cell * 3]]).toEqual([0, Math.fround(nothing)]);
        continue;
      }
      const i = batch.examples[batch.segments[cell]!]!;
      const row = trainedRows(examples[i]!)[batch.positions[cell]! + 1]!;
      expect(laid.topLogs[cell * 3]).toBe(Math.fround(-(1 + i + row / 16)));
      expect([...laid.topIds.slice(cell * 3, cell * 3 + 3)]).toEqual([0, 0, 0]);
      expect(laid.rest[cell]).toBeCloseTo(1 - Math.exp(-(1 + i + row / 16)), 6);
      seen++;
    }
    expect(seen).toBe(examples.reduce((n, e) => n + trainedRows(e).filter(r => r >= 0).length, 0));
  }
});
