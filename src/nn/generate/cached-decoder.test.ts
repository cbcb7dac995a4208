import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { type CachePage, cachePages, cacheViews, pageShape, positionsOf, rowPositions } from "../cache-pages.ts";
import { type DecoderConfig, decoderSpec, gpt2Config, llamaConfig } from "../decoder.ts";
import { initialise } from "../parameters.ts";
import { CachedDecoder, type LogitRows } from "./cached-decoder.ts";
import { type CacheArrays, SlotCopy } from "./slot-copy.ts";
import { isUniform, uniformity } from "./uniform.ts";

const device = openDevice("cpu", { threads: 1 });
const size = { vocab: 41, width: 24, layers: 2, heads: 4, context: 40 } as const;
const configs: Record<string, DecoderConfig> = {
  gpt2: { ...gpt2Config(size), deviation: 0.3 },
  "llama, grouped queries": { ...llamaConfig({ ...size, kvHeads: 2 }), deviation: 0.3 },
};
const tokensOf = (seed: string, n: number): number[] => {
  const r = random(seed);
  return Array.from({ length: n }, () => r.below(size.vocab));
};
const keep = (rows: LogitRows, row: number): Float32Array => {
  const copy = rows.row(row).slice();
  rows.release();
  return copy;
};

for (const [name, c] of Object.entries(configs)) {
  test(`${name}: a slot that took a prefix over goes on with the bits of the slot it came from`, async () => {
    const parameters = await initialise(decoderSpec(c), device, name);
    const decoder = await CachedDecoder.open(c, device, { slots: 3, widths: [8, 32] });
    const tokens = tokensOf(name, 20);
    const step = async (slot: number, token: number, position: number) => {
      const at = (value: number) => Int32Array.from({ length: 3 }, (_, s) => (s === slot ? value : s === 0 && slot !== 0 ? 30 : 0));
      return keep(await decoder.decode(parameters, at(token), at(position)), slot);
    };
    (await decoder.prefill(parameters, 0, tokens, { start: 0, count: 20, width: 32 })).release();
    // half of it first, then what is left, as a beam that follows another one does
    await decoder.copy({ from: 0, to: 2, start: 0, end: 11 });
    await decoder.copy({ from: 0, to: 2, start: 11, end: 20 });
    const copied = [await step(2, 7, 20), await step(2, 8, 21)];
    expect(copied).toEqual([await step(0, 7, 20), await step(0, 8, 21)]);
    decoder.dispose();
  });

  test(`${name}: guesses are verified with the bits of single steps, and wrong ones leave no trace`, async () => {
    const parameters = await initialise(decoderSpec(c), device, name);
    const decoder = await CachedDecoder.open(c, device, { slots: 2, widths: [8, 32], verifyWidth: 5 });
    const tokens = tokensOf(`v ${name}`, 26);
    const steps = async (from: number): Promise<Float32Array[]> => {
      const rows: Float32Array[] = [];
      for (let i = from; i < tokens.length; i++)
        rows.push(keep(await decoder.decode(parameters, Int32Array.of(0, tokens[i]!), Int32Array.of(39, i)), 1));
      return rows;
    };
    const begin = async () => (await decoder.prefill(parameters, 1, tokens, { start: 0, count: 20, width: 32 })).release();
    await begin();
    const want = await steps(20);
    await begin();
    const rows = await decoder.verify(parameters, 1, tokens.slice(0, 25), 20);
    expect(Array.from({ length: 5 }, (_, i) => rows.row(i).slice())).toEqual(want.slice(0, 5));
    rows.release();
    await begin();
    const wrong = tokens.slice(0, 25).map((t, i) => (i > 21 ? (t + 1) % size.vocab : t));
    (await decoder.verify(parameters, 1, wrong, 20)).release();
    expect(await steps(22)).toEqual(want.slice(2));
    await expect(decoder.verify(parameters, 1, tokens, 20)).rejects.toThrow("verify.start: expected 1 to 5 tokens with 5 positions left");
    decoder.dispose();
  });

  test(`${name}: a round gives each slot the bits of its single steps, also where it repeats its last token`, async () => {
    const parameters = await initialise(decoderSpec(c), device, name);
    const decoder = await CachedDecoder.open(c, device, { slots: 3, widths: [8, 32], roundWidth: 4 });
    const texts = [tokensOf(`r0 ${name}`, size.context), tokensOf(`r1 ${name}`, 20), tokensOf(`r2 ${name}`, 12)];
    // the first ends with the room itself, the second has one token to say, the third is idle
    const known = [size.context - 3, 19, 12];
    const begin = async () => {
      for (const [slot, n] of known.entries())
        (await decoder.prefill(parameters, slot, texts[slot]!.slice(0, n), { start: n - 8, count: 8, width: 8 })).release();
    };
    await begin();
    const steps: Float32Array[][] = [[], []];
    for (const slot of [0, 1])
      for (let at = known[slot]!; at < texts[slot]!.length; at++) {
        const of = (value: (s: number) => number) => Int32Array.from({ length: 3 }, (_, s) => value(s));
        const rows = await decoder.decode(
          parameters,
          of(s => (s === slot ? texts[s]![at]! : 0)),
          of(s => (s === slot ? at : s === 2 ? 12 : size.context - 1)),
        );
        steps[slot]!.push(keep(rows, slot));
      }
    await begin();
    const rows = await decoder.decode(
      parameters,
      Int32Array.of(...texts[0]!.slice(-3), texts[0]!.at(-1)!, ...new Array(4).fill(texts[1]![19]), 0, 0, 0, 0),
      Int32Array.of(37, 38, 39, 39, 19, 19, 19, 19, 12, 12, 12, 12),
    );
    const row = (i: number) => rows.row(i).slice();
    expect([row(0), row(1), row(2), row(3)]).toEqual([...steps[0]!, steps[0]![2]]);
    for (const i of [4, 5, 6, 7]) expect(row(i)).toEqual(steps[1]![0]);
    rows.release();
    await expect(decoder.decode(parameters, new Int32Array(6), new Int32Array(6))).rejects.toThrow(
      "decode.tokens: expected 1 or 4 of each of 3",
    );
    decoder.dispose();
  });

  test(`${name}: the programs are found to agree to the bit`, async () => {
    const parameters = await initialise(decoderSpec(c), device, name);
    for (const options of [
      { slots: 2, widths: [4, 16] },
      { slots: 4, roundWidth: 5 },
      { slots: 2, room: 13, widths: [5, 8] },
    ]) {
      const decoder = await CachedDecoder.open(c, device, options);
      expect(await isUniform(decoder, parameters)).toBe(true);
      decoder.dispose();
    }
  });
}

test("programs that do not agree are found out: a cache of one slot decodes single rows", async () => {
  const c: DecoderConfig = { ...llamaConfig({ ...size, width: 192, heads: 2 }), deviation: 0.1 };
  const parameters = await initialise(decoderSpec(c), device, "single");
  const decoder = await CachedDecoder.open(c, device, { slots: 1, widths: [40] });
  const agree = await isUniform(decoder, parameters);
  const tokens = tokensOf("single", 20);
  const chunk = async () => keep(await decoder.prefill(parameters, 0, tokens, { start: 0, count: 20, width: 40 }), 0);
  const want = await chunk();
  (await decoder.prefill(parameters, 0, tokens, { start: 0, count: 10, width: 40 })).release();
  let last = want;
  for (let i = 10; i < 20; i++) last = keep(await decoder.decode(parameters, Int32Array.of(tokens[i]!), Int32Array.of(i)), 0);
  const differ = last.some((x, i) => x !== want[i]);
  expect(agree).toBe(!differ);
  decoder.dispose();
});

test("pages hold every position once, and views grow to all of them", () => {
  for (const [room, rows] of [
    [144, 256],
    [256, 256],
    [320, 256],
    [512, 256],
    [2048, 256],
    [40, 8],
    [41, 6],
  ] as const) {
    const pages = cachePages({ headSize: 64 }, room, rows);
    const seen = [...rowPositions(pages)].filter(p => p < room);
    expect(seen).toEqual(Array.from({ length: room }, (_, i) => i));
    expect(Math.max(...pages.map(p => p.rows))).toBeLessThan(pages.length === 1 ? 2 * rows : rows + 1);
    const views = cacheViews(pages);
    expect(views).toEqual([...new Set(views)].sort((a, b) => a - b));
    expect(positionsOf(pages, views.at(-1)!)).toBe(room);
  }
  expect(cacheViews(cachePages({ headSize: 64 }, 2048))).toEqual([1, 3, 9]);
  expect(cacheViews(cachePages({ headSize: 64 }, 5000))).toEqual([1, 3, 9, 20]);
  expect([16, 32, 64, 96, 128, 256].map(headSize => cachePages({ headSize }, 4096)[0]!.rows)).toEqual([1024, 512, 256, 128, 128, 128]);
});

const longSize = { ...size, layers: 1, width: 128, context: 700 };
for (const [name, c, count] of [
  ["grouped heads of 64", { ...llamaConfig({ ...longSize, heads: 2, kvHeads: 1 }), deviation: 0.1 }, 3],
  ["a head of 128", { ...gpt2Config({ ...longSize, heads: 1 }), deviation: 0.1 }, 6],
] as const satisfies readonly (readonly [string, DecoderConfig, number])[])
  test(`${name}: steps, verification and chunks give the same bits over several pages, and one page's numbers`, async () => {
    const parameters = await initialise(decoderSpec(c), device, "pages");
    const tokens = tokensOf("pages", 620);
    const open = (pageRows: object) => CachedDecoder.open(c, device, { slots: 2, widths: [16, 64], ...pageRows });
    const [paged, flat] = [await open({}), await open({ pageRows: 1024 })];
    expect([paged.pages.length, flat.pages.length]).toEqual([count, 1]);
    const read = async (decoder: CachedDecoder, end: number) => {
      for (let start = 0; start < end; start += 64)
        (await decoder.prefill(parameters, 1, tokens, { start, count: Math.min(64, end - start), width: 64 })).release();
    };
    // over the end of a page, twice, and far behind; the other slot is idle and long
    for (const at of [250, 505, 610]) {
      const found: Float32Array[][] = [];
      for (const decoder of [paged, flat]) {
        await read(decoder, at);
        const rows: Float32Array[] = [];
        for (let i = at; i < at + 8; i++) {
          const [t, p] = [Int32Array.of(0, tokens[i]!), Int32Array.of(699, i)];
          rows.push(keep(await decoder.decode(parameters, t, p, undefined, i + 1), 1));
        }
        const verified = await decoder.verify(parameters, 1, tokens.slice(0, at + 8), at);
        rows.push(...Array.from({ length: 8 }, (_, i) => verified.row(i).slice()));
        verified.release();
        rows.push(keep(await decoder.prefill(parameters, 1, tokens, { start: at - 8, count: 16, width: 16 }), 0));
        found.push(rows);
      }
      const [own, want] = found as [Float32Array[], Float32Array[]];
      expect(own.slice(8, 16)).toEqual(own.slice(0, 8));
      expect(own[16]).toEqual(own[7]);
      for (const [i, row] of own.entries()) for (const [v, x] of row.entries()) expect(Math.abs(x - want[i]![v]!)).toBeLessThan(1e-4);
    }
    expect(await uniformity(paged, parameters)).toMatchObject({ isUniform: true, isPagedSame: true });
    paged.dispose();
    flat.dispose();
  });

test("pages whose sums have other bits are found out", async () => {
  const c: DecoderConfig = { ...llamaConfig({ ...longSize, heads: 2, kvHeads: 1 }), deviation: 0.1 };
  const parameters = await initialise(decoderSpec(c), device, "pages");
  const decoder = await CachedDecoder.open(c, device, { slots: 2, widths: [16], pageRows: 100 });
  const { isPagedSame } = await uniformity(decoder, parameters);
  expect(isPagedSame).toBe(false);
  decoder.dispose();
});

test("moving bytes and the program that moves rows give the same cache, in one page and in several", async () => {
  const c = configs["llama, grouped queries"]!;
  for (const [room, pageRows] of [
    [40, 256],
    [20, 256],
    [40, 8],
  ] as const) {
    const pages = cachePages(c, room, pageRows);
    const copy = new SlotCopy(c, device, pages);
    const caches = await Promise.all(
      [0, 1].map(async () => {
        const r = random("cache");
        const array = (page: CachePage) => {
          const shape = pageShape(c, 3, page);
          return device.array(
            Float32Array.from({ length: shape[0] * shape[1] }, () => r.normal()),
            "f32",
            shape,
          );
        };
        const arrays: { keys: Awaited<ReturnType<typeof array>>; values: Awaited<ReturnType<typeof array>> }[] = [];
        for (const page of pages) arrays.push({ keys: await array(page), values: await array(page) });
        return { layers: [{ pages: arrays }] };
      }),
    );
    const [host, program] = caches as [(typeof caches)[number], (typeof caches)[number]];
    const end = room - 3;
    // slot 2 begins as slot 0, which is what a span from the middle stands on
    const spans = [
      { from: 0, to: 2, start: 0, end: 12 },
      { from: 0, to: 2, start: 12, end },
    ];
    let moved: CacheArrays = program;
    for (const span of spans) {
      expect(copy.onHost(host, span)).toBe(true);
      moved = await copy.onDevice(device, moved, span);
    }
    for (const which of ["keys", "values"] as const) {
      const row = (cache: CacheArrays, slot: number, head: number, position: number) => {
        const at = pages.findIndex(p => position < p.first + p.positions);
        const { first, rows } = pages[at]!;
        const from = ((slot * c.kvHeads + head) * rows + position - first) * c.headSize;
        return (cache.layers[0]!.pages[at]![which].view() as Float32Array).slice(from, from + c.headSize);
      };
      for (let head = 0; head < c.kvHeads; head++)
        for (let position = 0; position < room - 1; position++) {
          if (position < end) {
            expect(row(moved, 2, head, position)).toEqual(row(host, 2, head, position));
            expect(row(host, 2, head, position)).toEqual(row(host, 0, head, position));
          }
          for (const slot of [0, 1]) expect(row(moved, slot, head, position)).toEqual(row(host, slot, head, position));
        }
    }
    copy.dispose();
  }
});
