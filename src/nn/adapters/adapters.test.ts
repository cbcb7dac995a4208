import { expect, test } from "vitest";
import { compile, openDevice, type Tensor } from "../../tensor/index.ts";
import { type Decoder, type DecoderConfig, decoderLogits, decoderSpec } from "../decoder.ts";
import { CachedDecoder, type DecoderParameters, type LogitRows, uniformity } from "../generate/index.ts";
import { initialise } from "../parameters.ts";
import { calibrate, quantise } from "../quantise/index.ts";
import { type Adapter, adapterOf, projectionSizes, projections } from "./adapter.ts";
import { mergeAdapter } from "./merge.ts";
import { families, randomAdapter, randomTokens, size } from "./random-adapter.laws.ts";

const device = openDevice("cpu", { threads: 1 });
const room = { count: 3, rank: 8 } as const;
const greatest = (a: Float32Array): number => a.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
const apart = (a: Float32Array, b: Float32Array): number => a.reduce((m, x, i) => Math.max(m, Math.abs(x - b[i]!)), 0) / greatest(b);
const kept = (rows: LogitRows, row = 0): Float32Array => {
  const copy = rows.row(row).slice();
  rows.release();
  return copy;
};

/** Logits after the last token, as training computes them. */
async function logitsOf(config: DecoderConfig, p: DecoderParameters, tokens: readonly number[]): Promise<Float32Array> {
  const program = compile((q: Decoder, t: Tensor) => decoderLogits(config, q, t), { device });
  const all = (await (await program(p, await device.array(Int32Array.from(tokens), "i32", [1, tokens.length]))).read()) as Float32Array;
  program.dispose();
  return all.slice(-config.vocab);
}
/** Logits after the last token by the served programs: a chunk, then steps. */
async function served(decoder: CachedDecoder, p: DecoderParameters, tokens: readonly number[], adapter: number): Promise<Float32Array> {
  const chunk = { start: 0, count: tokens.length - 1, width: decoder.widths.at(-1)! };
  (await decoder.prefill(p, 0, tokens, chunk, adapter)).release();
  const at = (value: number) => Int32Array.from({ length: decoder.slots }, (_, i) => (i === 0 ? value : 0));
  return kept(await decoder.decode(p, at(tokens.at(-1)!), at(tokens.length - 1), at(adapter)), 0);
}

for (const [name, config] of Object.entries(families))
  test(`${name}: logits with an adapter are the merged model's, for each projection and for all`, async () => {
    const parameters = await initialise(decoderSpec(config), device, name);
    const decoder = await CachedDecoder.open(config, device, { slots: 2, widths: [16], adapters: room });
    const tokens = randomTokens(config, name, 12);
    const base = await logitsOf(config, parameters, tokens);
    for (const only of [...[...projectionSizes(config).keys()].map(p => [p]), projections]) {
      const adapter = randomAdapter(config, `${name}/${only}`, { only, rank: 3 });
      await decoder.bank!.write(2, adapter);
      const merged = await mergeAdapter(parameters, adapter, device);
      const want = await logitsOf(config, merged, tokens);
      expect(apart(await served(decoder, parameters, tokens, 2), want), String(only)).toBeLessThan(1e-4);
      expect(apart(base, want), `${only} changes something`).toBeGreaterThan(1e-2);
    }
    await decoder.bank!.write(2, undefined);
    expect(apart(await served(decoder, parameters, tokens, 2), base)).toBeLessThan(1e-5);
    decoder.dispose();
  });

for (const [name, config] of Object.entries(families))
  test(`${name}: three adapters and none in one batch: each row has the bits that it has alone, in any place, and those without an adapter the plain program's`, async () => {
    const parameters = await initialise(decoderSpec(config), device, name);
    const decoder = await CachedDecoder.open(config, device, { slots: 4, widths: [8, 16], adapters: room });
    // what an engine asks before it shares prefixes and skips adapters
    expect(await uniformity(decoder, parameters)).toEqual({ isUniform: true, isPlainSame: true, isPagedSame: true });
    const loaded = [1, 2, 3].map(i => randomAdapter(config, `${name}/${i}`, { rank: 2 * i + 1 }));
    const texts = [0, 1, 2, 3].map(i => randomTokens(config, `${name}/${i}`, 14));
    const steps = [10, 11, 12, 13];
    /** Runs texts in their slots, with the adapters of places; logits of each slot after each step. */
    const run = async (slots: readonly number[], places: readonly (number | undefined)[]) => {
      for (const s of slots) (await decoder.prefill(parameters, s, texts[s]!, { start: 0, count: 10, width: 16 }, places[s])).release();
      const found: Float32Array[][] = texts.map(() => []);
      for (const t of steps) {
        const tokens = Int32Array.from(texts, (text, s) => (slots.includes(s) ? text[t]! : 0));
        const adapters = places.every(p => p === undefined)
          ? undefined
          : Int32Array.from(places, (p, s) => (slots.includes(s) ? (p ?? 0) : 0));
        const rows = await decoder.decode(
          parameters,
          tokens,
          Int32Array.from(texts, () => t),
          adapters,
        );
        for (const s of slots) found[s]!.push(rows.row(s).slice());
        rows.release();
      }
      return found;
    };
    const put = async (adapters: readonly (Adapter | undefined)[]) => {
      for (const [i, a] of adapters.entries()) await decoder.bank!.write(i + 1, a);
    };
    await put(loaded);
    const together = await run([0, 1, 2, 3], [1, 2, 0, 3]);
    // alone, and in each of the places
    for (const [slot, adapter] of [
      [0, loaded[0]],
      [1, loaded[1]],
      [3, loaded[2]],
    ] as const)
      for (const place of [1, 2, 3]) {
        await put([1, 2, 3].map(p => (p === place ? adapter : undefined)));
        expect(
          (
            await run(
              [slot],
              texts.map((_, s) => (s === slot ? place : 0)),
            )
          )[slot],
          `slot ${slot}, place ${place}`,
        ).toEqual(together[slot]);
      }
    const plain = await run(
      [2],
      texts.map(() => undefined),
    );
    expect(together[2]).toEqual(plain[2]);
    expect(
      apart(
        together[0]![0]!,
        (
          await run(
            [0],
            texts.map(() => undefined),
          )
        )[0]![0]!,
      ),
    ).toBeGreaterThan(1e-2);
    decoder.dispose();
  });

test("numbers of one adapter that overflow do not reach the rows of others", async () => {
  const config = families["llama (grouped queries)"]!;
  const parameters = await initialise(decoderSpec(config), device, "overflow");
  const decoder = await CachedDecoder.open(config, device, { slots: 2, widths: [16], adapters: room });
  const tokens = randomTokens(config, "overflow", 12);
  await decoder.bank!.write(2, randomAdapter(config, "calm"));
  const [plain, calm] = [await served(decoder, parameters, tokens, 0), await served(decoder, parameters, tokens, 2)];
  const wild = randomAdapter(config, "wild", { deviation: 2e37 });
  await decoder.bank!.write(1, wild);
  expect((await served(decoder, parameters, tokens, 1)).some(x => !Number.isFinite(x))).toBe(true);
  await decoder.clear(0);
  expect(await served(decoder, parameters, tokens, 0)).toEqual(plain);
  expect(await served(decoder, parameters, tokens, 2)).toEqual(calm);
  decoder.dispose();
});

for (const [form, plan] of Object.entries({
  rows8: { projections: "rows8", tables: "blocks8" },
  blocks8: { projections: "blocks8", tables: "blocks8" },
} as const))
  test(`on weights in ${form} an adapter adds what it adds to the full ones, also where channels are smoothed`, async () => {
    const config = families["llama (grouped queries)"]!;
    const full = await initialise(decoderSpec(config), device, form);
    const texts = [0, 1, 2, 3].map(i => randomTokens(config, `calibration ${i}`, 48));
    const factors: Parameters<NonNullable<Parameters<typeof quantise>[4]>["onSmoothed"] & object>[0][] = [];
    const quantised = await quantise(config, full, device, plan, {
      calibration: await calibrate(config, full, device, texts),
      onSmoothed: f => factors.push(f),
    });
    const decoder = await CachedDecoder.open(config, device, { slots: 2, widths: [16], adapters: room });
    expect(await uniformity(decoder, quantised)).toEqual({ isUniform: true, isPlainSame: true, isPagedSame: true });
    const tokens = randomTokens(config, form, 12);
    // weak enough that the roundings of the base stay alike with it and without
    const adapter = randomAdapter(config, form, { deviation: 0.12 });
    await decoder.bank!.write(1, adapter, factors);
    const change = async (p: DecoderParameters) => {
      const without = await served(decoder, p, tokens, 0);
      return (await served(decoder, p, tokens, 1)).map((x, i) => x - without[i]!);
    };
    const got = await change(quantised);
    await decoder.bank!.write(1, adapter);
    const want = await change(full);
    const near = apart(got, want);
    expect(greatest(want)).toBeGreaterThan(0.05);
    expect(near).toBeLessThan(0.1);
    // without the factors of smoothed weights it would be another change
    const isSmoothed = factors.every(f => f.attention && f.feedForward && f.down);
    expect(isSmoothed).toBe(form === "rows8");
    if (isSmoothed) expect(apart(await change(quantised), want)).toBeGreaterThan(2 * near);
    decoder.dispose();
  });

test("an adapter that does not fit its model or its place, or holds a number that is none, is refused by name", async () => {
  const config = families["llama (grouped queries)"]!;
  const fine = randomAdapter(config, "fine", { rank: 9 });
  const bank = (await CachedDecoder.open(config, device, { slots: 1, widths: [16], adapters: room })).bank!;
  await expect(bank.write(1, fine)).rejects.toThrow("adapter: expected a rank of at most 8, got 9");
  const query = fine.layers[0]!["attention.query"]!;
  const of = (down: Float32Array) => () => adapterOf(config, [{ "attention.query": { ...query, down } }, {}]);
  expect(of(query.down.subarray(1))).toThrow("adapter: blocks.0.attention.query.down: expected [9, 64], got 575 elements");
  expect(of(query.down.map((x, i) => (i === 7 ? Number.NaN : x)))).toThrow("expected finite numbers, got NaN at element 7");
  expect(() => adapterOf(config, [{}])).toThrow("expected 2 layers, as the model has, got 1");
  expect(() => adapterOf(config, [{}, {}])).toThrow("expected at least one projection that it changes, got none");
  const gate = { rank: 1, down: new Float32Array(size.width), up: new Float32Array(size.hidden) };
  expect(() => adapterOf(families["gpt2 (biases, tied)"]!, [{ "feedForward.gate": gate }, {}])).toThrow("blocks.0.feedForward.gate");
  for (const wrong of [
    { count: 0, rank: 8 },
    { count: 1, rank: 100_000 },
  ])
    await expect(CachedDecoder.open(config, device, { adapters: wrong })).rejects.toMatchObject({ code: "nn/config" });
});
