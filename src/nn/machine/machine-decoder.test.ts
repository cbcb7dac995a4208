/** The machine-code decoder against the traced one over the same quantised weights, and its own laws, on small random models. */

import { afterAll, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { usableFeatures } from "../../machine/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { type DecoderConfig, decoderSpec, llamaConfig } from "../decoder.ts";
import { CachedDecoder, type DecoderParameters, type LogitRows } from "../generate/cached-decoder.ts";
import { openDecoder } from "../generate/open-decoder.ts";
import { uniformity } from "../generate/uniform.ts";
import { disposeTree, initialise } from "../parameters.ts";
import { quantise } from "../quantise/index.ts";
import { MachineDecoder, machineReady } from "./machine-decoder.ts";

const isHere = usableFeatures().vnni512;
const machineTest = test.skipIf(!isHere);
const why = isHere ? "" : " (skipped: no Linux on a processor with AVX-512 VNNI)";

const device = openDevice("cpu", { threads: 2 });
afterAll(() => device.dispose());

const small = (more: Partial<DecoderConfig> = {}): DecoderConfig => ({
  ...llamaConfig({ vocab: 203, width: 96, layers: 3, heads: 6, kvHeads: 2, hidden: 160, context: 192 }),
  headSize: 32,
  deviation: 0.12,
  ...more,
});
const plans = {
  rows: { projections: "rows8", tables: "blocks8" },
  blocks: { projections: "blocks8", tables: "blocks8" },
  mixed: { projections: "rows8", sensitive: "blocks8", tables: "blocks8" },
} as const;

async function quantised(config: DecoderConfig, plan: keyof typeof plans = "rows"): Promise<DecoderParameters> {
  const full = (await initialise(decoderSpec(config), device, 7)) as DecoderParameters;
  try {
    return await quantise(config, full, device, plans[plan]);
  } finally {
    disposeTree(full);
  }
}
const tokensOf = (config: DecoderConfig, count: number, seed = "tokens") => {
  const r = random(seed);
  return Array.from({ length: count }, () => r.below(config.vocab));
};
const kept = (rows: LogitRows, index: number): Float32Array => {
  const copy = rows.row(index).slice();
  rows.release();
  return copy;
};
const cosine = (a: Float32Array, b: Float32Array): number => {
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((s, v, i) => s + v * y[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};
async function open(config: DecoderConfig, parameters: DecoderParameters, options = {}) {
  const ready = machineReady(config, parameters, device);
  expect(ready).toBeDefined();
  return MachineDecoder.open(config, ready!, device, { slots: 3, room: 160, widths: [16, 64], ...options });
}

const shapes: Readonly<Record<string, Partial<DecoderConfig>>> = {
  "shared heads": {},
  "a head each": { kvHeads: 6 },
  "one head for all, biases, an output table": { kvHeads: 1, qkvBias: true, tied: false },
  "wide heads and scaled embeddings": { headSize: 64, heads: 2, kvHeads: 2, embeddingScale: 3, tied: true },
};
machineTest.each(Object.entries(shapes))(`logits are those of the traced program but for rounding: %s${why}`, async (_, more) => {
  const config = small(more);
  for (const plan of ["rows", "blocks", "mixed"] as const) {
    const parameters = await quantised(config, plan);
    const [ours, theirs] = [
      await open(config, parameters),
      await CachedDecoder.open(config, device, { slots: 3, room: 160, widths: [16, 64] }),
    ];
    const tokens = tokensOf(config, 100);
    const both = async (run: (d: MachineDecoder | CachedDecoder) => Promise<LogitRows>, row = 0) => {
      const [a, b] = [kept(await run(ours), row), kept(await run(theirs), row)];
      expect(cosine(a, b)).toBeGreaterThan(0.999);
    };
    await both(d => d.prefill(parameters, 1, tokens, { start: 0, count: 64, width: 64 }));
    await both(d => d.prefill(parameters, 1, tokens, { start: 64, count: 11, width: 16 }));
    const at = (x: number) => Int32Array.of(0, x, 0);
    for (let i = 75; i < 80; i++) await both(d => d.decode(parameters, at(tokens[i]!), at(i)), 1);
    await both(d => d.verify(parameters, 1, tokens.slice(0, 88), 80), 7);
    ours.dispose();
    theirs.dispose();
    disposeTree(parameters);
  }
});

machineTest(`a token gets the same bits from every program, at every width and beside any others${why}`, async () => {
  for (const plan of ["rows", "mixed"] as const) {
    const config = small();
    const parameters = await quantised(config, plan);
    const decoder = await open(config, parameters, { roundWidth: 3 });
    expect(await uniformity(decoder, parameters)).toEqual({ isUniform: true, isPlainSame: true, isPagedSame: true });
    const tokens = tokensOf(config, 120);
    await decoder.prefill(parameters, 0, tokens, { start: 0, count: 64, width: 64 }).then(r => r.release());
    await decoder.prefill(parameters, 0, tokens, { start: 64, count: 50, width: 64 }).then(r => r.release());
    const step = Int32Array.of(tokens[114]!, 5, 9);
    const positions = Int32Array.of(114, 0, 3);
    const all = kept(await decoder.decode(parameters, step, positions), 0);
    const alone = kept(await decoder.decode(parameters, step, positions, undefined, undefined, [0]), 0);
    expect(alone).toEqual(all);
    decoder.dispose();
    disposeTree(parameters);
  }
});

machineTest(`more threads change no bit${why}`, async () => {
  const config = small();
  const parameters = await quantised(config, "mixed");
  const tokens = tokensOf(config, 64);
  const results: Float32Array[] = [];
  for (const threads of [1, 2, 4]) {
    const other = openDevice("cpu", { threads });
    const ready = machineReady(config, parameters, other)!;
    const decoder = await MachineDecoder.open(config, ready, other, { room: 160, widths: [64] });
    results.push(kept(await decoder.prefill(parameters, 0, tokens, { start: 0, count: 64, width: 64 }), 0));
    decoder.dispose();
    other.dispose();
  }
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
  disposeTree(parameters);
});

machineTest(`a copied slot goes on with the bits of the first, from any position${why}`, async () => {
  const config = small();
  const parameters = await quantised(config);
  const decoder = await open(config, parameters);
  const tokens = tokensOf(config, 140);
  for (let start = 0; start < 128; start += 64) (await decoder.prefill(parameters, 0, tokens, { start, count: 64, width: 64 })).release();
  // something else was in the other slot before
  (await decoder.prefill(parameters, 2, tokensOf(config, 64, "other"), { start: 0, count: 64, width: 64 })).release();
  for (const end of [3, 64, 70, 128]) {
    await decoder.copy({ from: 0, to: 2, start: 0, end });
    const step = (slot: number) => {
      const at = (x: number) => Int32Array.from({ length: 3 }, (_, i) => (i === slot ? x : 0));
      return decoder.decode(parameters, at(tokens[end]!), at(end), undefined, undefined, [slot]);
    };
    const [copy, first] = [kept(await step(2), 2), kept(await step(0), 0)];
    expect(copy).toEqual(first);
    // the first slot's own token again, which the step may have replaced
    if (end < 128) (await decoder.prefill(parameters, 0, tokens, { start: 0, count: 64, width: 64 })).release();
    if (end < 128) (await decoder.prefill(parameters, 0, tokens, { start: 64, count: 64, width: 64 })).release();
  }
  decoder.dispose();
  disposeTree(parameters);
});

machineTest(`numbers that broke down in a slot are seen in its logits, and gone when it is cleared${why}`, async () => {
  const config = small();
  const parameters = await quantised(config);
  const decoder = await open(config, parameters);
  const step = (position: number) =>
    decoder.decode(parameters, Int32Array.of(0, 7, 0), Int32Array.of(0, position, 0), undefined, undefined, [1]);
  await decoder.overwrite(1, Float32Array.of(Number.NaN));
  expect(kept(await step(5), 1).every(Number.isNaN)).toBe(true);
  await decoder.clear(1);
  expect(kept(await step(5), 1).every(Number.isFinite)).toBe(true);
  decoder.dispose();
  disposeTree(parameters);
});

test("what machine code does not have goes to the traced program", async () => {
  const parts: readonly Partial<DecoderConfig>[] = [
    { window: 8 },
    { scoreCap: 20 },
    { logitCap: 30 },
    { activation: "geglu" },
    { qkNorm: true },
  ];
  for (const more of parts) {
    const config = small(more);
    const parameters = await quantised(config);
    expect(machineReady(config, parameters, device)).toBeUndefined();
    disposeTree(parameters);
  }
  const config = small();
  const full = (await initialise(decoderSpec(config), device, 7)) as DecoderParameters;
  const decoder = await openDecoder(config, full, device, { room: 64, widths: [16] });
  expect(decoder).toBeInstanceOf(CachedDecoder);
  decoder.dispose();
  disposeTree(full);
});

machineTest(`weights that may be freed are, and the decoder goes on${why}`, async () => {
  const config = small();
  const parameters = await quantised(config);
  const decoder = await openDecoder(config, parameters, device, { room: 64, widths: [16], consume: true });
  expect(decoder).toBeInstanceOf(MachineDecoder);
  const logits = kept(await decoder.prefill(parameters, 0, tokensOf(config, 16), { start: 0, count: 16, width: 16 }), 0);
  expect(logits.every(Number.isFinite)).toBe(true);
  decoder.dispose();
  disposeTree(parameters);
});

machineTest(`what a decoder cannot take is refused by name${why}`, async () => {
  const config = small();
  const parameters = await quantised(config);
  const decoder = await open(config, parameters);
  await expect(decoder.decode(parameters, new Int32Array(5), new Int32Array(5))).rejects.toThrow(/decode.tokens/);
  await expect(decoder.prefill(parameters, 0, [1], { start: 0, count: 1, width: 17 })).rejects.toThrow(/prefill.width/);
  await expect(decoder.verify(parameters, 0, [1], 1)).rejects.toThrow(/verify.start/);
  decoder.dispose();
  disposeTree(parameters);
});

machineTest(`a token or position outside the model's is refused, never read from beside its tables${why}`, async () => {
  const config = small({});
  const parameters = await quantised(config);
  const decoder = await open(config, parameters);
  const index = expect.objectContaining({ code: "tensor/index" });
  for (const token of [-1, config.vocab]) {
    await expect(decoder.decode(parameters, Int32Array.of(1, token, 1), Int32Array.of(0, 0, 0))).rejects.toEqual(index);
    await expect(decoder.prefill(parameters, 0, [1, token, 2], { start: 0, count: 3, width: 16 })).rejects.toEqual(index);
  }
  await expect(decoder.decode(parameters, Int32Array.of(1, 1, 1), Int32Array.of(0, -1, 0))).rejects.toEqual(index);
  await expect(decoder.decode(parameters, Int32Array.of(1, 1, 1), Int32Array.of(0, 4096, 0))).rejects.toEqual(index);
  decoder.dispose();
  disposeTree(parameters);
});
