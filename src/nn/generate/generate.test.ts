import fc from "fast-check";
import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { type DecoderConfig, decoderSpec, gpt2Config, llamaConfig } from "../decoder.ts";
import { initialise } from "../parameters.ts";
import { CachedDecoder } from "./cached-decoder.ts";
import { nextChunk, usableWidths } from "./chunks.ts";
import { type GenerateModel, type GenerateOptions, generate, generateText, generateUncached } from "./generate.ts";

const device = openDevice("cpu", { threads: 1 });
const size = { vocab: 41, width: 24, layers: 2, heads: 4, context: 32 } as const;
const configs: Record<string, DecoderConfig> = {
  gpt2: { ...gpt2Config(size), deviation: 0.3 },
  "llama, grouped queries, window": { ...llamaConfig({ ...size, kvHeads: 2 }), window: 9, deviation: 0.3 },
};
const modelOf = async (c: DecoderConfig, seed = "model"): Promise<GenerateModel> => ({
  config: c,
  device,
  parameters: await initialise(decoderSpec(c), device, seed),
});
const tokensOf = (seed: string, n: number): number[] => {
  const r = random(seed);
  return Array.from({ length: n }, () => r.below(size.vocab));
};
async function collect<T, R>(steps: AsyncGenerator<T, R, undefined>): Promise<{ items: T[]; end: R }> {
  const items: T[] = [];
  for (;;) {
    const { value, done } = await steps.next();
    if (done) return { items, end: value };
    items.push(value);
  }
}

test("chunks cover a sequence: they stay in the slot, go on, and end at its end", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.array(fc.integer({ min: 1, max: 64 }), { maxLength: 3 }),
      fc.nat(),
      (room, given, n) => {
        const widths = usableWidths(given, room);
        const known = 1 + (n % room);
        for (let computed = 0; computed < known; ) {
          const { start, count, width } = nextChunk(computed, known, widths, room);
          expect(start).toBeGreaterThanOrEqual(0);
          expect(start).toBeLessThanOrEqual(computed);
          expect(start + width).toBeLessThanOrEqual(room);
          expect(count).toBeLessThanOrEqual(width);
          expect(start + count).toBeGreaterThan(computed);
          expect(start + count).toBeLessThanOrEqual(known);
          computed = start + count;
        }
      },
    ),
    { seed: 5, numRuns: 500 },
  );
});

for (const [name, c] of Object.entries(configs)) {
  test(`${name}: cached generation = uncached, greedy and sampled, for prompts of any length`, async () => {
    const model = await modelOf(c);
    const decoder = await CachedDecoder.open(c, device, { slots: 2, widths: [4, 8] });
    for (const length of [1, 2, 4, 5, 13, 27, 32]) {
      const prompt = tokensOf(`${name} ${length}`, length);
      for (const sampling of [{ temperature: 0 }, { temperature: 0.9, topP: 0.95, repetitionPenalty: 1.1 }]) {
        const o: GenerateOptions = { sampling, seed: length, maxTokens: 9 };
        const cached = await collect(generate(model, prompt, { ...o, decoder }));
        expect(cached).toEqual(await collect(generateUncached(model, prompt, o)));
        expect(cached.items.length).toBe(Math.min(9, size.context - length));
      }
    }
    decoder.dispose();
  });

  test(`${name}: a slot's logits are the same bits whatever its neighbours hold and do`, async () => {
    const { parameters } = await modelOf(c);
    const slots = 5;
    const mine = tokensOf("mine", 20);
    const run = async (slot: number, company: string | undefined): Promise<Float32Array[]> => {
      const decoder = await CachedDecoder.open(c, device, { slots, widths: [4, 8] });
      const noise = random(company ?? "");
      const at = new Int32Array(slots);
      const rows: Float32Array[] = [];
      const keep = (r: { row(i: number): Float32Array; release(): void }, row: number) => {
        rows.push(r.row(row).slice());
        r.release();
      };
      if (company)
        for (let s = 0; s < slots; s++) {
          if (s === slot) continue;
          const theirs = tokensOf(`${company} ${s}`, 2 + noise.below(7));
          const chunk = nextChunk(0, theirs.length, decoder.widths, decoder.room);
          (await decoder.prefill(parameters, s, theirs, chunk)).release();
          at[s] = theirs.length;
        }
      keep(await decoder.prefill(parameters, slot, mine.slice(0, 11), { start: 0, count: 8, width: 8 }), 0);
      keep(await decoder.prefill(parameters, slot, mine.slice(0, 11), { start: 8, count: 3, width: 4 }), 0);
      for (let i = 11; i < mine.length; i++) {
        const tokens = Int32Array.from(at, (_, s) => (s === slot ? mine[i]! : company ? noise.below(size.vocab) : 0));
        const positions = Int32Array.from(at, (p, s) => (s === slot ? i : p));
        keep(await decoder.decode(parameters, tokens, positions), slot);
        if (company) for (let s = 0; s < slots; s++) at[s]!++;
      }
      decoder.dispose();
      return rows;
    };
    const alone = await run(0, undefined);
    for (const [slot, company] of [
      [0, "busy"],
      [3, "others"],
      [4, undefined],
    ] as const)
      expect(await run(slot, company)).toEqual(alone);
  });
}

for (const [name, c] of Object.entries({ ...configs, "llama, one head": llamaConfig({ ...size, heads: 1, width: 16 }) }))
  test(`${name}: a token's logits are the same bits in every program: chunks of any width from anywhere, and steps`, async () => {
    const { parameters } = await modelOf(c);
    const decoder = await CachedDecoder.open(c, device, { slots: 3, widths: [2, 4, 8, 16, 32] });
    const tokens = tokensOf(`bits ${name}`, 30);
    const cuts = random(`cuts ${name}`);
    const seen = new Map<number, Float32Array>();
    for (let round = 0; round < 12; round++)
      for (let computed = 0; computed < tokens.length; ) {
        const width = [1, 2, 4, 8, 16, 32][cuts.below(6)]!;
        const count = Math.min(1 + cuts.below(width), tokens.length - computed);
        if (computed + width > decoder.room) continue;
        const at = (value: number) => Int32Array.from({ length: 3 }, (_, s) => (s === 1 ? value : 0));
        const rows =
          width === 1
            ? await decoder.decode(parameters, at(tokens[computed]!), at(computed))
            : await decoder.prefill(parameters, 1, tokens, { start: computed, count, width });
        computed += count;
        const row = rows.row(width === 1 ? 1 : 0).slice();
        rows.release();
        if (seen.has(computed)) expect(row).toEqual(seen.get(computed));
        else seen.set(computed, row);
      }
    expect(seen.size).toBeGreaterThan(20);
    decoder.dispose();
  });

test("the seed and the choice select the answer; the same ones repeat it", async () => {
  const model = await modelOf(configs.gpt2!);
  const decoder = await CachedDecoder.open(model.config, device);
  const answer = async (o: GenerateOptions) =>
    (await collect(generate(model, [1, 2, 3], { ...o, maxTokens: 12, decoder }))).items.join(" ");
  const [a, b, c, d] = [
    await answer({ seed: 1 }),
    await answer({ seed: 1 }),
    await answer({ seed: 2 }),
    await answer({ seed: 1, choice: 1 }),
  ];
  expect(b).toBe(a);
  expect(new Set([a, c, d]).size).toBe(3);
  decoder.dispose();
});

test("a stop token ends the answer and is not part of it", async () => {
  const model = await modelOf(configs.gpt2!);
  const o = { sampling: { temperature: 0 }, maxTokens: 12 };
  const free = await collect(generate(model, [7, 8], o));
  expect(free.end).toBe("length");
  const stop = free.items[5]!;
  const stopped = await collect(generate(model, [7, 8], { ...o, stopTokens: [stop] }));
  expect(stopped).toEqual({ items: free.items.slice(0, free.items.indexOf(stop)), end: "stop" });
});

test("text ends before a stop string that lies across tokens", async () => {
  const model = await modelOf(configs.gpt2!);
  const o = { sampling: { temperature: 0 }, maxTokens: 12 };
  const letters = () => ({ push: (id: number) => `<${id}>`, end: () => "" });
  const whole = (await collect(generateText(model, letters(), [7, 8], o))).items.join("");
  // from the middle of the third token to the middle of the fourth
  const third = whole.indexOf(">", whole.indexOf(">", whole.indexOf(">") + 1) + 1);
  const stop = whole.slice(third - 1, third + 2);
  const cut = await collect(generateText(model, letters(), [7, 8], { ...o, stop: [stop] }));
  expect(cut.end).toBe("stop");
  expect(cut.items.join("")).toBe(whole.slice(0, whole.indexOf(stop)));
});

test("a slot whose numbers broke down is clean again after clear", async () => {
  const { config, parameters } = await modelOf(configs.gpt2!);
  const bad = await initialise(decoderSpec(config), device, "bad");
  await bad.norm.weight.write(new Float32Array(config.width));
  await bad.token.write(new Float32Array(config.vocab * config.width).fill(Number.NaN));
  const decoder = await CachedDecoder.open(config, device, { slots: 2, widths: [8] });
  const first = async () => {
    const rows = await decoder.prefill(parameters, 1, [1, 2, 3], { start: 0, count: 3, width: 8 });
    const row = rows.row(0).slice();
    rows.release();
    return row;
  };
  const want = await first();
  for (const from of [0, 8, 16]) (await decoder.prefill(bad, 1, tokensOf("bad", 24), { start: from, count: 8, width: 8 })).release();
  expect((await first()).every(Number.isNaN)).toBe(true);
  await decoder.clear(1);
  expect(await first()).toEqual(want);
  decoder.dispose();
});

test("what cannot be generated from is refused with its place and value", async () => {
  const model = await modelOf(configs.gpt2!);
  const first = (prompt: number[], o: GenerateOptions = {}) => generate(model, prompt, o).next();
  await expect(first([])).rejects.toThrow("generate.tokens: expected at least one token to go on from, got none.");
  await expect(first([1, 41])).rejects.toThrow("generate.tokens: expected token ids below 41, got 41.");
  await expect(first(tokensOf("long", 33))).rejects.toThrow("generate.tokens: expected at most 32 tokens, got 33. Shorten the prompt.");
  await expect(first([1], { maxTokens: -1 })).rejects.toThrow("generate.maxTokens: expected a whole number from 0, got -1.");
  await expect(first([1], { sampling: { topP: 7 } })).rejects.toThrow("sampling.topP");
  await expect(CachedDecoder.open(model.config, device, { room: 33 })).rejects.toThrow("cache.room: expected 1 to the context 32, got 33.");
});
