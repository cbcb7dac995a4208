import { inflateRawSync } from "node:zlib";
import { decompress } from "fzstd";
import { expect, test } from "vitest";
import { random, zstdLibrary } from "../../base/index.ts";
import { buildDictionary } from "./dictionary.ts";
import { gzipBaseline, lastBytes, windowBytes } from "./gzip.ts";
import { utf8Bytes } from "./score.ts";
import { zstdBaseline } from "./zstd.ts";

/** Letters of random phrases: documents share phrases, not whole passages. */
function corpus(seed: number, n: number): string[] {
  const phrases = random(77);
  const list = Array.from({ length: 80 }, () => Array.from({ length: 6 }, () => `w${phrases.below(4000)}`).join(" "));
  const draw = random(seed);
  return Array.from({ length: n }, () => Array.from({ length: 30 }, () => list[draw.below(80)]).join(". "));
}
const [train, heldOut] = [corpus(1, 300), corpus(2, 15)];

test("gzip's last 32 KB are the last 32 KB", () => {
  expect(lastBytes(["abc", "dé"], 1000).toString()).toBe("abc\n\ndé\n\n");
  expect(lastBytes(["abc", "dé"], 4).toString()).toBe("é\n\n");
  expect(lastBytes([], 4).length).toBe(0);
  const all = Buffer.from(train.map(t => `${t}\n\n`).join(""));
  expect(lastBytes(train, windowBytes).equals(all.subarray(-windowBytes))).toBe(true);
});

test("scores are bits over UTF-8 bytes, the same on every run, and better with a train side than without", async () => {
  const [with1, with2, without] = [gzipBaseline(train, heldOut), gzipBaseline(train, heldOut), gzipBaseline([], heldOut)];
  expect(with1.bits).toBe(with2.bits);
  expect(with1.bytes).toBe(utf8Bytes(heldOut));
  expect(with1.bitsPerByte).toBe(with1.bits / with1.bytes);
  expect(with1.bits).toBeLessThan(without.bits);
  const zstd = await zstdBaseline(train, heldOut);
  const bare = await zstdBaseline([], heldOut);
  expect((await zstdBaseline(train, heldOut)).bits).toBe(zstd.bits);
  expect(zstd.bits).toBeLessThan(bare.bits);
  expect(zstd.bits).toBeLessThan(with1.bits);
});

test("what is counted can be decoded again from the same dictionary", async () => {
  const { compressUsingDict, createCCtx, createDCtx, decompressUsingDict } = await zstdLibrary();
  const dictionary = buildDictionary(train, 20_000);
  const [coder, decoder] = [createCCtx(), createDCtx()];
  for (const text of heldOut) {
    const coded = compressUsingDict(coder, Buffer.from(text), dictionary, 19);
    expect(Buffer.from(decompressUsingDict(decoder, coded, dictionary)).toString()).toBe(text);
  }
  const { deflateRawSync } = await import("node:zlib");
  const window = lastBytes(train, windowBytes);
  const coded = deflateRawSync(heldOut[0]!, { level: 9, dictionary: window });
  expect(inflateRawSync(coded, { dictionary: window }).toString()).toBe(heldOut[0]);
});

test("whoever asks for the compressor, at once or later, has the one of the process, and what it writes is read by another's decoder", async () => {
  const asked = [zstdLibrary(), zstdLibrary()];
  await zstdBaseline(train, heldOut);
  const bytes = Buffer.from(train.join("\n"));
  const { compress, compressUsingDict, createCCtx, freeCCtx } = await zstdLibrary();
  expect(new Set(await Promise.all([...asked, zstdLibrary()])).size).toBe(1);
  const context = createCCtx();
  const dictionary = buildDictionary(train, 20_000);
  const sizes = [compress(bytes, 3), compressUsingDict(context, bytes, dictionary, 3)].map(coded => coded.length);
  freeCCtx(context);
  // long enough for a start of the library to end, were one begun
  await new Promise(resolve => setTimeout(resolve, 200));
  expect(Buffer.from(decompress(compress(bytes, 3))).equals(bytes)).toBe(true);
  await zstdBaseline(train, heldOut);
  const after = createCCtx();
  expect([compress(bytes, 3), compressUsingDict(after, bytes, dictionary, 3)].map(coded => coded.length)).toEqual(sizes);
  freeCCtx(after);
});

test("a dictionary fits its size, is made of train text, and leads with what many documents share", () => {
  const shared = "This passage stands at the foot of every single mail of the list, and is therefore worth having at hand. ".repeat(3);
  const draw = random(3);
  const noise = () => Array.from({ length: 120 }, () => draw.u32().toString(36)).join(" ");
  const texts = Array.from({ length: 200 }, () => `${noise()} ${shared}${noise()}`);
  const dictionary = buildDictionary(texts, 8192);
  expect(dictionary.length).toBeLessThanOrEqual(8192);
  expect(dictionary.equals(buildDictionary(texts, 8192))).toBe(true);
  // The best passage stands last.
  expect(dictionary.subarray(-256).toString()).toContain("of the list, and is therefore worth having at hand.");
  const all = texts.map(t => `${t}\n`).join("");
  for (let at = 0; at + 256 <= dictionary.length; at += 256) expect(all).toContain(dictionary.subarray(at, at + 256).toString());
});

test("a chosen dictionary beats one cut anywhere from the same text", async () => {
  const { compressUsingDict, createCCtx } = await zstdLibrary();
  const context = createCCtx();
  const cost = (dictionary: Buffer) => heldOut.reduce((n, t) => n + compressUsingDict(context, Buffer.from(t), dictionary, 19).length, 0);
  const size = 4096;
  const anywhere = lastBytes(train, size);
  expect(cost(buildDictionary(train, size))).toBeLessThan(cost(anywhere));
});

test("a train side smaller than the dictionary is taken whole", () => {
  expect(buildDictionary(["one", "two"], 100).toString()).toBe("one\ntwo\n");
  expect(buildDictionary([], 100).length).toBe(0);
});
