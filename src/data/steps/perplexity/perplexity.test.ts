import { expect, test } from "vitest";
import { noResources, type Scorer } from "../../resources.ts";
import { perplexity } from "./perplexity.ts";

/** Costs a letter of the alphabet its place in it, in bits. */
const scorer: Scorer = {
  score: async texts => texts.map(t => ({ bits: [...t].reduce((n, c) => n + c.charCodeAt(0) - 96, 1), bytes: Buffer.byteLength(t) })),
};
const document = (text: string) => ({ id: text, text, source: "s", attributes: {} });
const tag = (texts: readonly string[], given: object) =>
  perplexity.tag(texts.map(document), perplexity.options.parse({ model: "m", ...given }), scorer);

test("every document gets its bits per byte, in order, whatever the batch", async () => {
  const texts = ["aaa", "zz", "", "abc"];
  const all = await tag(texts, {});
  expect(all.map(a => a.attributes!.bitsPerByte)).toEqual([1.3333, 26.5, 1, 2.3333]);
  for (const [i, text] of texts.entries()) expect((await tag([text], {}))[0]).toEqual(all[i]);
});

test("bounds judge on both sides, each can be off, and the default keeps all and stores the values", async () => {
  const [low, middle, high] = await tag(["aaaa", "cccc", "zzzz"], { minBitsPerByte: 2, maxBitsPerByte: 10 });
  expect([low, middle, high].map(a => a!.verdicts!.map(v => v.keep))).toEqual([
    [false, true],
    [true, true],
    [true, false],
  ]);
  expect(low!.verdicts![0]).toEqual({ rule: "min-bits-per-byte", keep: false, value: 1.25, threshold: 2 });
  expect((await tag(["zzzz"], {}))[0]!.verdicts).toEqual([{ rule: "min-bits-per-byte", keep: true, value: 26.25, threshold: 0 }]);
  expect((await tag(["zzzz"], { minBitsPerByte: null }))[0]!.verdicts).toEqual([]);
});

test("buckets follow their bounds", async () => {
  const found = await tag(["aaaa", "cccc", "zzzz"], { buckets: [2, 4] });
  expect(found.map(a => a.attributes!.perplexity)).toEqual(["head", "middle", "tail"]);
});

test("the model is what it needs; impossible bounds are refused", async () => {
  const options = perplexity.options.parse({ model: "mail-small@1" });
  expect(perplexity.needs!(options)).toEqual([{ kind: "scorer", model: "mail-small@1" }]);
  expect(await perplexity.prepare!(options, { ...noResources, scorer: async () => scorer })).toBe(scorer);
  await expect(perplexity.prepare!(options, noResources)).rejects.toThrow("mail-small@1: expected a scorer");
  expect(() => perplexity.options.parse({})).toThrow();
  expect(() => perplexity.options.parse({ model: "m", minBitsPerByte: 3, maxBitsPerByte: 2 })).toThrow("at least minBitsPerByte");
  expect(() => perplexity.options.parse({ model: "m", buckets: [3, 2] })).toThrow("the lower bound first");
});
