import { expect, test } from "vitest";
import { type MapLeaves, random, treePaths } from "../base/index.ts";
import { compile, constant, type DeviceArray, grad, openDevice, type Tensor } from "../tensor/index.ts";
import { type CachePage, cachePages, pageShape } from "./cache-pages.ts";
import {
  type Decoder,
  type DecoderCache,
  type DecoderConfig,
  type DecoderSpec,
  decoderLogits,
  decoderSpec,
  decoderStep,
  gpt2Config,
  llamaConfig,
} from "./decoder.ts";
import { crossEntropy } from "./losses.ts";
import { type ArraysOf, initialise } from "./parameters.ts";

const device = openDevice("cpu", { threads: 1 });
const size = { vocab: 37, width: 24, layers: 2, heads: 4, context: 16 } as const;
const configs: Record<string, DecoderConfig> = {
  gpt2: gpt2Config(size),
  llama: llamaConfig(size),
  "llama with grouped queries, query-key norm and a window": {
    ...llamaConfig({ ...size, kvHeads: 2 }),
    qkNorm: true,
    window: 5,
    logitCap: 15,
  },
  "gemma with a window in one layer of two, angles of its own there, capped scores and norms behind": {
    ...llamaConfig({ ...size, kvHeads: 2 }),
    activation: "geglu",
    window: 3,
    windowLayers: [0],
    windowRotaryBase: 50,
    rotaryFactors: [4, 2, 1],
    rotaryScale: 1.1,
    scoreScale: 0.3,
    scoreCap: 2,
    embeddingScale: 4,
    postNorm: true,
    deviation: 0.3,
  },
};
type Parameters = ArraysOf<DecoderSpec>;

const ints = (list: readonly number[], shape: readonly number[]) => device.array(Int32Array.from(list), "i32", shape);
const tokensOf = (seed: string, b: number, t: number) => {
  const r = random(seed);
  return Array.from({ length: b * t }, () => r.below(size.vocab));
};
const close = async (a: DeviceArray, b: DeviceArray, tolerance = 2e-5) => {
  const [x, y] = [await a.numbers(), await b.numbers()];
  expect(x.length).toBe(y.length);
  expect(Math.max(...x.map((v, i) => Math.abs(v - y[i]!)))).toBeLessThan(tolerance);
};

for (const [name, c] of Object.entries(configs)) {
  test(`${name}: a token's logits do not depend on later tokens`, async () => {
    const p: Parameters = await initialise(decoderSpec(c), device, name);
    const logits = compile((q: Decoder, t: Tensor) => decoderLogits(c, q, t), { device });
    const tokens = tokensOf(name, 1, 10);
    const changed = tokens.map((t, i) => (i < 6 ? t : (t + 1) % size.vocab));
    const [a, b] = [await logits(p, await ints(tokens, [1, 10])), await logits(p, await ints(changed, [1, 10]))];
    const [x, y] = [await a.numbers(), await b.numbers()];
    expect([...x.subarray(0, 6 * size.vocab)]).toEqual([...y.subarray(0, 6 * size.vocab)]);
    expect(x.at(-1)).not.toBe(y.at(-1));
  });

  if (c.window === undefined)
    test(`${name}: texts that share their beginnings get the logits that each has alone`, async () => {
      const p: Parameters = await initialise(decoderSpec(c), device, `${name} branches`);
      const whole = compile((q: Decoder, t: Tensor) => decoderLogits(c, q, t), { device });
      const tree = compile(
        (q: Decoder, t: Tensor, positions: Tensor, enter: Tensor, exit: Tensor) =>
          decoderLogits(c, q, t, { positions, branches: { enter, exit }, attentionBlock: 4 }),
        { device },
      );
      // a trunk of 3, a branch of 2 on it with two twigs of 1, another branch of 2, and a text of 3 of its own
      const tokens = tokensOf(`${name} branches`, 1, 12);
      const nodes = [0, 0, 0, 1, 1, 2, 3, 4, 4, 5, 5, 5];
      const exits = [5, 4, 3, 4, 5, 6];
      const positions = [0, 1, 2, 3, 4, 5, 5, 3, 4, 0, 1, 2];
      const got = await (
        await tree(
          p,
          await ints(tokens, [1, 12]),
          await ints(positions, [1, 12]),
          await ints(nodes, [1, 12]),
          await ints(
            nodes.map(n => exits[n]!),
            [1, 12],
          ),
        )
      ).numbers();
      for (const path of [
        [0, 1, 2, 3, 4, 5],
        [0, 1, 2, 3, 4, 6],
        [0, 1, 2, 7, 8],
        [9, 10, 11],
      ]) {
        const own = path.map(i => tokens[i]!);
        const want = await (await whole(p, await ints(own, [1, own.length]))).numbers();
        path.forEach((at, i) => {
          for (let v = 0; v < size.vocab; v++) expect(Math.abs(got[at * size.vocab + v]! - want[i * size.vocab + v]!)).toBeLessThan(2e-5);
        });
      }
    });

  test(`${name}: cached steps give the logits of the whole sequence, in any slot`, async () => {
    const p: Parameters = await initialise(decoderSpec(c), device, name);
    const [slots, room, prompt, total] = [3, 16, 5, 9];
    // a page holds 3 positions: what is seen lies in several
    const pages = cachePages(c, room, 4);
    const tokens = tokensOf(`${name} cached`, 1, total);
    const whole = compile((q: Decoder, t: Tensor) => decoderLogits(c, q, t), { device });
    const want = await (await whole(p, await ints(tokens, [1, total]))).numbers();
    const step = compile(
      (q: Decoder, cache: DecoderCache, t: Tensor, positions: Tensor, slot: Tensor) =>
        decoderStep(c, q, cache, { tokens: t, positions, slots: slot }, pages),
      { device, donate: [1] },
    );
    // rows of other slots hold noise: they must not leak
    const noise = (page: CachePage) => device.full(pageShape(c, slots, page), 7.5);
    const layer = async () => ({ pages: await Promise.all(pages.map(async p => ({ keys: await noise(p), values: await noise(p) }))) });
    let cache: MapLeaves<DecoderCache, Tensor, DeviceArray> = { layers: await Promise.all(Array.from({ length: c.layers }, layer)) };
    const slot = await ints([2], [1]);
    let at = 0;
    for (const width of [prompt, 1, 1, 1, 1]) {
      const out = await step(
        p,
        cache,
        await ints(tokens.slice(at, at + width), [1, width]),
        await ints(
          Array.from({ length: width }, (_, i) => at + i),
          [1, width],
        ),
        slot,
      );
      cache = out.cache;
      at += width;
      const got = await out.logits.numbers();
      const row = want.subarray((at - 1) * size.vocab, at * size.vocab);
      expect(Math.max(...got.map((v, i) => Math.abs(v - row[i]!)))).toBeLessThan(2e-5);
    }
  });

  test(`${name}: packed documents give the logits of each document alone`, async () => {
    const p: Parameters = await initialise(decoderSpec(c), device, name);
    const tokens = tokensOf(`${name} packed`, 1, 11);
    const packed = compile(
      (q: Decoder, t: Tensor, s: Tensor, pos: Tensor) => decoderLogits(c, q, t, { segments: s, positions: pos, attentionBlock: 11 }),
      { device },
    );
    const alone = compile((q: Decoder, t: Tensor) => decoderLogits(c, q, t), { device });
    const cut = 4;
    const all = await packed(
      p,
      await ints(tokens, [1, 11]),
      await ints(
        tokens.map((_, i) => (i < cut ? 0 : 1)),
        [1, 11],
      ),
      await ints(
        tokens.map((_, i) => (i < cut ? i : i - cut)),
        [1, 11],
      ),
    );
    const [a, b] = [
      await alone(p, await ints(tokens.slice(0, cut), [1, cut])),
      await alone(p, await ints(tokens.slice(cut), [1, 11 - cut])),
    ];
    const want = Float64Array.of(...(await a.numbers()), ...(await b.numbers()));
    const got = await all.numbers();
    expect(Math.max(...got.map((v, i) => Math.abs(v - want[i]!)))).toBeLessThan(2e-5);
  });

  test(`${name}: blocks of queries and recomputed blocks change no loss and no gradient`, async () => {
    const p: Parameters = await initialise(decoderSpec(c), device, name);
    const [b, t] = [2, 12];
    const tokens = await ints(tokensOf(`${name} blocks`, b, t), [b, t]);
    const targets = await ints(tokensOf(`${name} targets`, b, t), [b, t]);
    const gradientOf = (options: object) =>
      compile(
        (q: Decoder, x: Tensor, y: Tensor) =>
          grad((r: Decoder) =>
            crossEntropy(decoderLogits(c, r, x, options), y, constant(new Float32Array(b * t).fill(1), "f32", [b, t]), 1 / (b * t)),
          )(q),
        { device },
      )(p, tokens, targets);
    const plain = treePaths<DeviceArray>(await gradientOf({}));
    for (const options of [{ attentionBlock: 4 }, { rematerialise: true }, { attentionBlock: 6, rematerialise: true }]) {
      const other = treePaths<DeviceArray>(await gradientOf(options));
      expect(other.map(([path]) => path)).toEqual(plain.map(([path]) => path));
      for (const [i, [, g]] of other.entries()) await close(g, plain[i]![1], 1e-6);
    }
  });
}

test("the cap and the scale of scores, the scale of embeddings, and the layers of a window each change the logits", async () => {
  const c = Object.entries(configs).find(([name]) => name.startsWith("gemma"))![1];
  const p: Parameters = await initialise(decoderSpec(c), device, "choices");
  const tokens = await ints(tokensOf("choices", 1, 10), [1, 10]);
  const logitsOf = async (changed: Partial<DecoderConfig>) => {
    const program = compile((q: Decoder, t: Tensor) => decoderLogits({ ...c, ...changed }, q, t), { device });
    return [...(await (await program(p, tokens)).numbers())];
  };
  const base = await logitsOf({});
  const changes: Partial<DecoderConfig>[] = [
    { scoreCap: 1 },
    { scoreScale: 0.5 },
    { embeddingScale: 1 },
    { windowLayers: [1] },
    { windowRotaryBase: 10_000 },
    { rotaryScale: 1 },
  ];
  for (const change of changes) {
    const other = await logitsOf(change);
    expect(Math.max(...other.map((x, i) => Math.abs(x - base[i]!))), JSON.stringify(change)).toBeGreaterThan(1e-3);
  }
});

test("attention weights on request are what attention used: rows sum to one and respect the order", async () => {
  const c = configs.gpt2!;
  const p: Parameters = await initialise(decoderSpec(c), device, 1);
  const weights = compile(
    (q: Decoder, t: Tensor) => {
      const seen: Tensor[] = [];
      decoderLogits(c, q, t, { onAttention: (_, w) => seen.push(w) });
      return seen;
    },
    { device },
  );
  const [first] = await weights(p, await ints(tokensOf("weights", 1, 6), [1, 6]));
  const values = await first!.numbers();
  for (let row = 0; row < 4 * 6; row++) {
    const r = values.subarray(row * 6, row * 6 + 6);
    expect(r.reduce((a, x) => a + x, 0)).toBeCloseTo(1, 5);
    expect(r.slice((row % 6) + 1).every(x => x === 0)).toBe(true);
  }
});

test("a width that the heads do not divide is refused with a way out", () => {
  expect(() => gpt2Config({ ...size, width: 256, heads: 6 })).toThrow("model.heads: expected a divisor of width 256, got 6. Try 4 or 8.");
});

test("a decoder that tells classes has no output table, and continuing texts with it is refused by name", async () => {
  const c = { ...configs.llama!, classifier: { labels: ["ham", "spam"], kind: "one" as const } };
  expect(Object.keys(decoderSpec(c))).toEqual(["token", "blocks", "norm", "classifier"]);
  const logits = compile((q: Decoder, t: Tensor) => decoderLogits(c, q, t), { device });
  const p = (await initialise(decoderSpec(c), device, 1)) as Parameters;
  await expect(logits(p, await ints(tokensOf("classes", 1, 6), [1, 6]))).rejects.toThrow(
    "decoder: expected a decoder that continues texts, got a classifier (ham, spam)",
  );
  expect(() => decoderSpec({ ...c, classifier: { ...c.classifier, pooling: "first" } })).toThrow(
    "model.classifier.pooling: expected last or mean",
  );
});
