import { expect, test } from "vitest";
import { random, type Tree, treePaths } from "../../base/index.ts";
import { compile, type DeviceArray, openDevice, type Tensor } from "../../tensor/index.ts";
import { type Decoder, type DecoderConfig, decoderLogits, decoderSpec, gpt2Config, llamaConfig } from "../decoder.ts";
import { CachedDecoder, type DecoderParameters, isUniform } from "../generate/index.ts";
import { initialise } from "../parameters.ts";
import { type BlocksWeight, tableProduct, tableRows } from "../weight.ts";
import { blockCodes, columnCodes, type Paused } from "./codes.ts";
import { type QuantisePlan, quantise, sensitiveBlocks } from "./quantise.ts";
import { expectedError, weightRows } from "./rounding-error.ts";
import { calibrate, smoothingOf } from "./smoothing.ts";

const device = openDevice("cpu", { threads: 1 });
const size = { vocab: 257, width: 64, layers: 2, heads: 4, context: 64, hidden: 96 } as const;
const configs: Readonly<Record<string, DecoderConfig>> = {
  "gpt2 (tied, biases)": { ...gpt2Config(size), deviation: 0.15 },
  "llama (grouped queries, untied)": { ...llamaConfig({ ...size, kvHeads: 2 }), deviation: 0.15 },
};
const plans: Readonly<Record<string, QuantisePlan>> = {
  rows: { projections: "rows8", tables: "rows8" },
  "rows and blocks": { projections: "rows8", tables: "blocks8" },
  "rows, the sensitive in blocks": { projections: "rows8", sensitive: "blocks8", tables: "blocks8" },
  "blocks of 8": { projections: "blocks8", tables: "blocks8" },
  "blocks of 4": { projections: "blocks4", tables: "blocks8" },
};
function atOnce<T>(work: Paused<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}
const tokens = (seed: string, count: number): number[] => {
  const r = random(seed);
  return Array.from({ length: count }, () => r.below(size.vocab));
};

async function logits(config: DecoderConfig, p: DecoderParameters, ids: readonly number[]): Promise<Float32Array> {
  const program = compile((q: Decoder, t: Tensor) => decoderLogits(config, q, t), { device, constant: [0] });
  const t = await device.array(Int32Array.from(ids), "i32", [1, ids.length]);
  const out = (await (await program(p, t)).read()) as Float32Array;
  program.dispose();
  return out;
}
/** Distance over size, both as root mean squares. */
const apart = (a: Float32Array, b: Float32Array): number =>
  Math.sqrt(a.reduce((s, x, i) => s + (x - b[i]!) ** 2, 0) / b.reduce((s, x) => s + x * x, 0));

test("codes are the nearest ones: half a step off at most, and zero stays zero", () => {
  const r = random("codes");
  const [input, output] = [64, 3];
  const data = Float32Array.from({ length: input * output }, (_, i) => (i % output === 2 ? 0 : r.normal()));
  const w = { data, input, output, inStep: output, outStep: 1 };
  const columns = atOnce(columnCodes(w));
  for (const [i, x] of data.entries())
    expect(Math.abs(x - columns.codes[i]! * columns.scales[i % output]!)).toBeLessThanOrEqual(0.5001 * columns.scales[i % output]!);
  expect(columns.codes.filter((_, i) => i % output === 2).every(c => c === 0)).toBe(true);
  for (const bits of [4, 8] as const) {
    const { codes, scales, offsets } = atOnce(blockCodes(w, bits));
    for (const [i, x] of data.entries()) {
      const [row, o] = [Math.floor(i / output), i % output];
      const [block, j] = [Math.floor(row / 32), row % 32];
      const at = (o * input) / 32 + block;
      const code = bits === 8 ? codes[at * 32 + j]! - 128 : ((codes[at * 16 + (j >> 1)]! >> (4 * (j & 1))) & 15) - 8;
      const value = code * scales[at]! + (offsets ? offsets[block * output + o]! : 0);
      expect(Math.abs(x - value), `${bits} ${i}`).toBeLessThanOrEqual(0.5001 * scales[at]!);
    }
  }
});

test("weights that were in 4 bits with a least value (Q4_1) come back as they were", () => {
  const r = random("four bits");
  const [scale, least] = [0.0137, -0.11];
  const codes = Array.from({ length: 32 }, (_, i) => (i === 5 ? 0 : i === 20 ? 15 : r.below(16)));
  const data = Float32Array.from(codes, c => Math.fround(scale * c + least));
  const found = atOnce(blockCodes({ data, input: 32, output: 1, inStep: 1, outStep: 1 }, 4));
  expect(codes.map((_, j) => (found.codes[j >> 1]! >> (4 * (j & 1))) & 15)).toEqual(codes);
  data.forEach((x, j) => {
    expect((codes[j]! - 8) * found.scales[0]! + found.offsets![0]!).toBeCloseTo(x, 7);
  });
});

test("signals are heard while a model is quantised: between its matrices, and what smooths them, others have their turn", async () => {
  const config = { ...configs["llama (grouped queries, untied)"]!, layers: 6 };
  const parameters = await initialise(decoderSpec(config), device, "turns");
  const calibration = await calibrate(config, parameters, device, [tokens("turns", 32)]);
  let turns = 0;
  let isOver = false;
  const look = () => {
    turns++;
    if (!isOver) setImmediate(look);
  };
  setImmediate(look);
  await quantise(config, parameters, device, plans.rows!, { calibration });
  isOver = true;
  // four products a block, and what three of them read
  expect(turns).toBeGreaterThanOrEqual(7 * config.layers);
});

test("signals are heard in the middle of a wide matrix: it can be paused there", () => {
  const pauses = (work: Paused<unknown>) => [...{ [Symbol.iterator]: () => work }].length;
  const w = { data: new Float32Array(64 * 10_000), input: 64, output: 10_000, inStep: 1, outStep: 64 };
  expect(pauses(columnCodes(w))).toBeGreaterThanOrEqual(2 * 156);
  expect(pauses(blockCodes(w, 8))).toBeGreaterThanOrEqual(8);
  const x = { data: new Float32Array(64), width: 64 };
  expect(pauses(smoothingOf(x, [w]))).toBeGreaterThanOrEqual(6);
});

test("rows of a quantised table are what its product multiplies with", async () => {
  const parameters = await initialise(decoderSpec(configs["gpt2 (tied, biases)"]!), device, "table");
  for (const tables of ["rows8", "blocks8", "blocks4"] as const) {
    const q = await quantise(configs["gpt2 (tied, biases)"]!, parameters, device, { projections: "f32", tables });
    const table = q.token as unknown as BlocksWeight;
    const identity = await device.array(
      Float32Array.from({ length: 64 * 64 }, (_, i) => (i % 65 === 0 ? 1 : 0)),
      "f32",
      [64, 64],
    );
    const index = await device.array(Int32Array.of(3, 256, 0, 3), "i32", [2, 2]);
    const [rows, columns] = await compile((t: BlocksWeight, i: Tensor, e: Tensor) => [tableRows(t, i), tableProduct(e, t)] as const, {
      device,
    })(table as never, index, identity);
    const [a, b] = [await rows.numbers(), await columns.numbers()];
    expect(rows.shape).toEqual([2, 2, 64]);
    for (const [n, token] of [3, 256, 0, 3].entries())
      for (let c = 0; c < 64; c++) expect(a[n * 64 + c]!).toBeCloseTo(b[c * size.vocab + token]!, 5);
  }
});

for (const [name, config] of Object.entries(configs)) {
  test(`${name}: quantised logits are near the float ones, in the order of their bits`, async () => {
    const parameters = await initialise(decoderSpec(config), device, name);
    const ids = tokens("near", 48);
    const want = await logits(config, parameters, ids);
    const errors: Record<string, number> = {};
    for (const [plan, p] of Object.entries(plans))
      errors[plan] = apart(await logits(config, await quantise(config, parameters, device, p), ids), want);
    for (const plan of ["rows", "rows and blocks", "blocks of 8"]) expect(errors[plan], plan).toBeLessThan(0.04);
    expect(errors["blocks of 4"]).toBeLessThan(0.5);
    expect(errors["blocks of 4"]).toBeGreaterThan(3 * errors["blocks of 8"]!);
  });

  test(`${name}: a quantised program gives a request the same bits in any company`, async () => {
    const parameters = await initialise(decoderSpec(config), device, name);
    for (const [plan, p] of Object.entries(plans)) {
      const q = await quantise(config, parameters, device, p);
      const decoder = await CachedDecoder.open(config, device, { slots: 5, room: 32, widths: [16] });
      const sequence = tokens("company", 12);
      const run = async (slot: number, others: string): Promise<number[]> => {
        const beside = tokens(others, 5);
        (await decoder.prefill(q, slot, sequence, { start: 0, count: 12, width: 16 })).release();
        const at = (value: number, other: (i: number) => number) =>
          Int32Array.from({ length: 5 }, (_, i) => (i === slot ? value : other(i)));
        const rows = await decoder.decode(
          q,
          at(7, i => beside[i]!),
          at(12, i => i),
        );
        const row = [...rows.row(slot)];
        rows.release();
        return row;
      };
      const first = await run(1, "some");
      expect(await run(1, "others"), plan).toEqual(first);
      expect(await run(4, "more"), plan).toEqual(first);
      decoder.dispose();
    }
  });

  test(`${name}: products of whole numbers agree in chunks, steps and verification`, async () => {
    const parameters = await initialise(decoderSpec(config), device, name);
    const q = await quantise(config, parameters, device, plans.rows!);
    const decoder = await CachedDecoder.open(config, device, { slots: 3, room: 64, widths: [8, 32] });
    expect(await isUniform(decoder, q)).toBe(true);
    decoder.dispose();
  });
}

test("smoothing takes the error of wild channels away", async () => {
  const config = configs["llama (grouped queries, untied)"]!;
  const parameters = await initialise(decoderSpec(config), device, "wild");
  // some channels are 40 times as large as the others and met by small weights, as trained models have them
  const wild = [5, 23, 40];
  for (const { norm1, norm2, attention: a, feedForward: f } of parameters.blocks) {
    for (const n of [norm1, norm2]) for (const i of wild) (n.weight.view() as Float32Array)[i] = 40;
    for (const l of [a.query, a.key, a.value, f.up, f.gate!]) {
      const [, output] = l.weight.shape as [number, number];
      const w = l.weight.view() as Float32Array;
      for (const i of wild) for (let o = 0; o < output; o++) w[i * output + o]! /= 40;
    }
  }
  const ids = tokens("smooth", 48);
  const calibration = await calibrate(config, parameters, device, [tokens("calibration", 40), tokens("more", 30)]);
  expect(Math.max(...calibration[0]!.attention.data)).toBeGreaterThan(20);
  const want = await logits(config, parameters, ids);
  const error = async (o: { calibration?: typeof calibration }) =>
    apart(await logits(config, await quantise(config, parameters, device, plans.rows!, o), ids), want);
  const [plain, smoothed] = [await error({}), await error({ calibration })];
  expect(smoothed).toBeLessThan(0.6 * plain);
});

test("the expected error of rounding is the one that rounding makes, smoothed or not", () => {
  const r = random("expected");
  const [rows, input, output] = [40, 48, 56];
  const x = Float32Array.from({ length: rows * input }, (_, i) => r.normal() * (i % input === 7 ? 30 : 1));
  const w = Float32Array.from({ length: input * output }, () => r.normal());
  const steps = (size: number) => (v: number) => (Math.round((v / size) * 127) / 127) * size;
  const most = (list: Float32Array) => list.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  for (const factors of [undefined, Float32Array.from({ length: input }, (_, i) => (i === 7 ? 6 : 1))]) {
    const divided = x.map((v, i) => v / (factors?.[i % input] ?? 1));
    const grown = w.map((v, i) => v * (factors?.[Math.floor(i / output)] ?? 1));
    const columns = Array.from({ length: output }, (_, o) => grown.filter((_, i) => i % output === o)).map(c => c.map(steps(most(c))));
    let error = 0;
    for (let t = 0; t < rows; t++) {
      const row = divided.subarray(t * input, (t + 1) * input);
      const rounded = row.map(steps(most(row)));
      const size = x.subarray(t * input, (t + 1) * input).reduce((s, v) => s + v * v, 0);
      for (const [o, column] of columns.entries()) {
        const exact = row.reduce((s, v, i) => s + v * grown[i * output + o]!, 0);
        error += (rounded.reduce((s, v, i) => s + v * column[i]!, 0) - exact) ** 2 / size / rows;
      }
    }
    const expected = atOnce(expectedError({ data: x, width: input }, [weightRows(w, output)], factors));
    expect(error / expected).toBeGreaterThan(0.8);
    expect(error / expected).toBeLessThan(1.25);
  }
});

test("smoothing moves less where one token sticks out than where a channel does", () => {
  const r = random("chosen");
  const [rows, input, output] = [64, 32, 32];
  const weights = [
    weightRows(
      Float32Array.from({ length: input * output }, () => r.normal()),
      output,
    ),
  ];
  const sample = (size: (row: number, channel: number) => number) => ({
    data: Float32Array.from({ length: rows * input }, (_, i) => r.normal() * size(Math.floor(i / input), i % input)),
    width: input,
  });
  const channel = atOnce(
    smoothingOf(
      sample((_, c) => (c === 3 ? 50 : 1)),
      weights,
    ),
  );
  const token = atOnce(
    smoothingOf(
      sample((t, c) => (t === 0 && c === 3 ? 2000 : 1)),
      weights,
    ),
  );
  const relative = (f: Float32Array | undefined) => (f ? f[3]! / f[4]! : 1);
  expect(relative(channel.factors)).toBeGreaterThan(3);
  expect(channel.error).toBeLessThan(
    0.5 *
      atOnce(
        expectedError(
          sample((_, c) => (c === 3 ? 50 : 1)),
          weights,
        ),
      ),
  );
  expect(relative(token.factors)).toBeLessThan(relative(channel.factors));
});

test("the first down-projections and those whose error sticks out are sensitive", () => {
  const downs = Array.from({ length: 16 }, (_, i) => ({ error: i === 9 ? 0.01 : 0.001 * (1 + i / 100) }));
  expect(sensitiveBlocks(downs).flatMap((s, i) => (s ? [i] : []))).toEqual([0, 1, 9]);
});

test("consumed floats are gone, and what is left takes less", async () => {
  const config = configs["gpt2 (tied, biases)"]!;
  const parameters = await initialise(decoderSpec(config), device, "consumed");
  const bytes = (tree: unknown) =>
    treePaths<DeviceArray>(tree as Tree<DeviceArray>).reduce((n, [, a]) => n + a.memory.host()!.byteLength, 0);
  const before = bytes(parameters);
  const ids = tokens("consumed", 8);
  const want = await logits(config, parameters, ids);
  const q = await quantise(config, parameters, device, plans.rows!, { consume: true });
  expect(treePaths<DeviceArray>(parameters as never).filter(([, a]) => a.isAlive)).toEqual([]);
  expect(bytes(q)).toBeLessThan(0.36 * before);
  expect(apart(await logits(config, q, ids), want)).toBeLessThan(0.05);
});

test("a width that blocks do not divide is refused by name, and floats are left as they were", async () => {
  const config = { ...gpt2Config({ ...size, width: 72 }), hidden: 96 };
  const parameters = await initialise(decoderSpec(config), device, "odd");
  await expect(quantise(config, parameters, device, plans["blocks of 8"]!)).rejects.toThrow(
    /token: expected a width that 32 divides, got 72.*rows8/,
  );
  expect((await logits(config, parameters, [1, 2])).length).toBe(2 * 257);
});
