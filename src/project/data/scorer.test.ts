import { afterAll, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { modelBits } from "../../evaluate/index.ts";
import { decoderSpec, initialise, llamaConfig } from "../../nn/index.ts";
import { rowWidth, rowWidths } from "../../serve/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { decoderScorer } from "./scorer.ts";

const device = openDevice("cpu", { threads: 1 });
const end = 256;
const config = { ...llamaConfig({ vocab: 257, width: 32, layers: 2, heads: 2, context: 48 }), deviation: 0.3 };
const parameters = await initialise(decoderSpec(config), device, "scorer");
/** Bytes as tokens. */
const tokenizer = { encode: (text: string) => new Uint8Array(Buffer.from(text)) };
const scorer = decoderScorer({ device, config, parameters, tokenizer, end });
afterAll(() => scorer[Symbol.dispose]());

const draw = random("scorer texts");
const texts = [
  "",
  "a",
  "Grüße",
  ...Array.from({ length: 14 }, (_, i) => Array.from({ length: i * 17 }, () => "ab c"[draw.below(4)]!).join("")),
];

test("a text's bits are the same to the last bit, alone and beside any others", async () => {
  const together = await scorer.score(texts);
  for (const [i, text] of texts.entries()) expect((await scorer.score([text]))[0]).toEqual(together[i]);
  const turned = await scorer.score(texts.toReversed());
  expect(turned.toReversed()).toEqual(together);
});

test("bits are those that evaluation counts, windows and end mark included, and bytes are UTF-8", async () => {
  const found = await scorer.score(texts);
  const { perDocument } = await modelBits({ device, config, parameters, documents: texts.map(t => tokenizer.encode(t)), end, rows: 4 });
  for (const [i, { bits, bytes }] of found.entries()) {
    expect(Math.abs(bits - perDocument[i]!)).toBeLessThan(1e-4 * (1 + perDocument[i]!));
    expect(bytes).toBe(Buffer.byteLength(texts[i]!));
  }
});

test("a signal stops scoring between batches", async () => {
  const stop = new AbortController();
  using stopped = decoderScorer({ device, config, parameters, tokenizer, end, signal: stop.signal });
  stop.abort(new Error("enough"));
  await expect(stopped.score(["text"])).rejects.toThrow("enough");
});

test("the narrowest row that holds a window is taken, and the longest is as long as the model reads", () => {
  for (const longest of [5, 16, 48, 256, 1000]) {
    const widths = rowWidths(longest);
    expect(widths.at(-1)).toBe(longest);
    for (let size = 1; size <= longest; size++) {
      const width = rowWidth(widths, size);
      expect(width).toBeGreaterThanOrEqual(size);
      expect(width === longest || width === 16 || width < 2 * size).toBe(true);
    }
  }
});
