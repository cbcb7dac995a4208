import { expect, test } from "vitest";
import { loadTokenizer } from "./index.ts";

/** A small SentencePiece-like file: byte tokens, a mark for spaces, the first space of a text stripped. */
const sentencePiece = {
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: [
    { id: 0, content: "<s>", single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
    { id: 1, content: "<tool>", single_word: false, lstrip: false, rstrip: false, normalized: false, special: false },
  ],
  normalizer: {
    type: "Sequence",
    normalizers: [
      { type: "Prepend", prepend: "▁" },
      { type: "Replace", pattern: { String: " " }, content: "▁" },
    ],
  },
  pre_tokenizer: null,
  post_processor: null,
  decoder: {
    type: "Sequence",
    decoders: [
      { type: "Replace", pattern: { String: "▁" }, content: " " },
      { type: "ByteFallback" },
      { type: "Fuse" },
      { type: "Strip", content: " ", start: 1, stop: 0 },
    ],
  },
  model: {
    type: "BPE",
    unk_token: "<s>",
    fuse_unk: true,
    byte_fallback: true,
    vocab: { "<s>": 0, "<tool>": 1, "<0xE2>": 2, "<0x82>": 3, "<0xAC>": 4, "▁": 5, a: 6, b: 7, "▁a": 8, é: 9 },
    merges: ["▁ a"],
  },
};

test("bytes of tokens, joined, are the bytes of the text behind its beginning", () => {
  const tokenizer = loadTokenizer(sentencePiece);
  const text = (id: number) => tokenizer.bytesOf(id) && Buffer.from(tokenizer.bytesOf(id)!).toString("latin1");
  expect([0, 1, 2, 5, 8, 9, 99].map(text)).toEqual([undefined, "<tool>", "\xe2", " ", " a", "\xc3\xa9", undefined]);
  const ids = [6, 2, 3, 4, 8, 5, 7, 9];
  expect(Buffer.concat(ids.map(id => tokenizer.bytesOf(id)!)).toString("utf8")).toBe(tokenizer.decode(ids));
});
