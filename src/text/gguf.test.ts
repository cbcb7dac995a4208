import { expect, test } from "vitest";
import { rounds } from "../../test/support/deep.ts";
import { isLoamError, random } from "../base/index.ts";
import { byteChars } from "./byte-chars.ts";
import { ggufMetadata, ggufTokenizer } from "./gguf.ts";
import { loadTokenizer } from "./load.ts";

const bytes = [...byteChars].sort();
const merges = ["h e", "l l", "he ll", "hell o", "Ġ hello", "1 2", "12 3", "a b", "ab c"];
const joined = merges.map(m => m.replace(" ", ""));
const tokens = ["<|end|>", "<|im_start|>", "<|im_end|>", ...bytes, ...joined, "<tool>"];
const types = tokens.map((_, i) => (i < 3 ? 3 : i === tokens.length - 1 ? 4 : 1));
const byteLevel = (more: Readonly<Record<string, unknown>> = {}) =>
  new Map<string, unknown>([
    ["general.architecture", "llama"],
    ["tokenizer.ggml.model", "gpt2"],
    ["tokenizer.ggml.pre", "smollm"],
    ["tokenizer.ggml.tokens", tokens],
    ["tokenizer.ggml.token_type", Int32Array.from(types)],
    ["tokenizer.ggml.merges", merges],
    ["tokenizer.ggml.bos_token_id", 1],
    ["tokenizer.ggml.eos_token_id", 2],
    ...Object.entries(more).map(([key, value]) => [`tokenizer.${key}`, value] as const),
  ]);
const idsOf = (metadata: ReadonlyMap<string, unknown>, text: string): string[] => {
  const { tokenizer } = ggufTokenizer(metadata, "m.gguf");
  return Array.from(tokenizer.encode(text), id => tokenizer.tokenOf(id)!);
};

test("byte-level: control tokens are special, added ones are found, the rest is merged, digits stand alone where the file says so", () => {
  const { tokenizer, stopTokens, bosToken, eosToken, chatTemplate } = ggufTokenizer(
    byteLevel({ chat_template: "{{ bos_token }}" }),
    "m.gguf",
  );
  expect([...tokenizer.specials.keys()]).toEqual(["<|end|>", "<|im_start|>", "<|im_end|>"]);
  expect({ stopTokens, bosToken, eosToken, chatTemplate }).toEqual({
    stopTokens: [2],
    bosToken: "<|im_start|>",
    eosToken: "<|im_end|>",
    chatTemplate: "{{ bos_token }}",
  });
  expect(idsOf(byteLevel(), "hello hello<|im_end|><tool>123")).toEqual(["hello", "Ġhello", "<|im_end|>", "<tool>", "1", "2", "3"]);
  expect(idsOf(byteLevel({ "ggml.pre": "gpt-2" }), "123")).toEqual(["123"]);
  expect(tokenizer.decode(tokenizer.encode("hello wörld 😀 123"))).toBe("hello wörld 😀 123");
  expect(tokenizer.vocabSize).toBe(tokens.length);
});

test("tokens around a text are put there as the file says, and as its pre-tokenizer's models do where it is silent", () => {
  expect(idsOf(byteLevel({ "ggml.add_bos_token": true, "ggml.add_eos_token": true }), "abc")).toEqual([
    "<|im_start|>",
    "abc",
    "<|im_end|>",
  ]);
  expect(idsOf(byteLevel({ "ggml.pre": "llama-bpe" }), "abc")).toEqual(["<|im_start|>", "abc"]);
  expect(idsOf(byteLevel({ "ggml.pre": "llama-bpe", "ggml.add_bos_token": false }), "abc")).toEqual(["abc"]);
  // pieces that are tokens whole are not merged: no merges lead to this one
  const odd = { "ggml.tokens": [...tokens, "cab"], "ggml.token_type": [...types, 1], "ggml.add_bos_token": false };
  expect(idsOf(byteLevel({ ...odd, "ggml.pre": "llama-bpe" }), "cab")).toEqual(["cab"]);
  expect(idsOf(byteLevel({ ...odd, "ggml.pre": "qwen2" }), "cab")).toEqual(["c", "ab"]);
});

/** SentencePiece's BPE by its definition: merge the two neighbours whose token has the greatest score, the leftmost of equals. */
function bySentencePiece(text: string, scores: ReadonlyMap<string, number>): string[] {
  const parts = [...`\u2581${text.replaceAll(" ", "\u2581")}`];
  for (;;) {
    let best = -1;
    for (let i = 0; i + 1 < parts.length; i++) {
      const score = scores.get(parts[i]! + parts[i + 1]!);
      if (score !== undefined && (best < 0 || score > scores.get(parts[best]! + parts[best + 1]!)!)) best = i;
    }
    if (best < 0) return parts;
    parts.splice(best, 2, parts[best]! + parts[best + 1]!);
  }
}

const seed = 5;
test(`SentencePiece's BPE: 2,000 random texts are merged as its definition says, over random vocabularies (seed ${seed})`, () => {
  const r = random(seed);
  for (let round = 0; round < 20; round++) {
    const pieces = new Set(["\u2581", "a", "b", "c"]);
    while (pieces.size < 40) pieces.add(Array.from({ length: 1 + r.below(5) }, () => "abc\u2581"[r.below(4)]).join(""));
    const plain = [...pieces];
    const list = [
      "<unk>",
      "<s>",
      "</s>",
      ...Array.from({ length: 256 }, (_, b) => `<0x${b.toString(16).toUpperCase().padStart(2, "0")}>`),
      ...plain,
    ];
    const scores = list.map((_, i) => (i < 259 ? 0 : -(i - 259)));
    const metadata = new Map<string, unknown>([
      ["tokenizer.ggml.model", "llama"],
      ["tokenizer.ggml.tokens", list],
      ["tokenizer.ggml.scores", Float32Array.from(scores)],
      ["tokenizer.ggml.token_type", Int32Array.from(list, (_, i) => (i === 0 ? 2 : i < 3 ? 3 : i < 259 ? 6 : 1))],
      ["tokenizer.ggml.bos_token_id", 1],
      ["tokenizer.ggml.eos_token_id", 2],
      ["tokenizer.ggml.unknown_token_id", 0],
    ]);
    const { tokenizer } = ggufTokenizer(metadata, "m.gguf");
    const known = new Map(plain.map(p => [p, scores[list.indexOf(p)]!]));
    for (let i = 0; i < 100; i++) {
      const text = Array.from({ length: 1 + r.below(12) }, () => "abc "[r.below(4)]).join("");
      const got = Array.from(tokenizer.encode(text, { addSpecialTokens: false }), id => tokenizer.tokenOf(id)!);
      expect(got, JSON.stringify(text)).toEqual(bySentencePiece(text, known));
      expect(tokenizer.decode(tokenizer.encode(text), { skipSpecialTokens: true })).toBe(text);
      // cut anywhere, a beginning and what goes on from it are the text
      const ids = [...tokenizer.encode(text, { addSpecialTokens: false })];
      const cut = 1 + r.below(ids.length);
      const rest = tokenizer.decode(ids.slice(cut), { isContinuation: true });
      expect(tokenizer.decode(ids.slice(0, cut)) + rest, JSON.stringify(text)).toBe(text);
    }
    // what is in no token is its bytes
    expect(Array.from(tokenizer.encode("é"), id => tokenizer.tokenOf(id)!)).toEqual(["<s>", "\u2581", "<0xC3>", "<0xA9>"]);
    expect(tokenizer.decode(tokenizer.encode("é a"), { skipSpecialTokens: true })).toBe("é a");
  }
});

test("the tokenizer.json that comes out is one: it is read again to the same tokens", () => {
  const { tokenizer } = ggufTokenizer(byteLevel(), "m.gguf");
  const again = loadTokenizer(JSON.stringify(tokenizer.toJSON()));
  expect(again.encode("hello <|im_end|> 123 ab")).toEqual(tokenizer.encode("hello <|im_end|> 123 ab"));
});

const refused: readonly (readonly [claim: string, more: Readonly<Record<string, unknown>>, sentence: RegExp])[] = [
  ["another kind", { "ggml.model": "rwkv" }, /tokenizer\.ggml\.model: expected a tokenizer among gpt2, llama, bert, t5, got "rwkv"/],
  [
    "another pre-tokenizer",
    { "ggml.pre": "smolm" },
    /tokenizer\.ggml\.pre: expected a pre-tokenizer among .*, got "smolm"\. Did you mean "smollm"\?/,
  ],
  ["a key that nobody knows", { "ggml.lowercase": true }, /tokenizer\.ggml.*lowercase/],
  ["types of another length", { "ggml.token_type": [1, 2] }, /token_type: expected \d+ numbers, one a token, got 2/],
  ["no merges", { "ggml.merges": undefined }, /merges: expected a list of merges, got none/],
  ["merges of tokens that are not there", { "ggml.merges": ["q z"] }, /merges\[0\]: expected a token of the vocabulary, got "qz"/],
  ["a last token that is not there", { "ggml.eos_token_id": 9999 }, /eos_token_id: expected an id below \d+, got 9999/],
  [
    "a first token that is not there",
    { "ggml.add_bos_token": true, "ggml.bos_token_id": undefined },
    /bos_token_id: expected the id of a token, got undefined/,
  ],
  ["a template that is no text", { chat_template: 5 }, /chat_template: expected a text, got number/],
  ["scores of another length", { "ggml.model": "llama", "ggml.scores": [1] }, /scores: expected \d+ numbers, one a token, got 1/],
];
for (const [claim, more, sentence] of refused)
  test(`refused by name: ${claim}`, () => {
    expect(() => ggufTokenizer(byteLevel(more), "m.gguf")).toThrow(sentence);
  });

test(`damaged vocabularies end in a tokenizer or an error of ours (seed ${seed})`, () => {
  const r = random(seed);
  const odd: readonly unknown[] = ["", "\uFFFF", null, -1, 2 ** 40, 1.5, [], {}, true, "h"];
  const whole: readonly unknown[] = [...odd, 2n ** 63n, new BigInt64Array(3), Float32Array.of(Number.NaN)];
  const pick = (from = odd) => from[r.below(from.length)];
  for (let i = 0; i < rounds(2000); i++) {
    const metadata = byteLevel();
    const keys = [...metadata.keys()];
    for (let n = 1 + r.below(3); n > 0; n--) {
      const key = keys[r.below(keys.length)]!;
      const value = metadata.get(key);
      if (Array.isArray(value) && value.length > 0 && r.below(3)) {
        const copy = [...(value as unknown[])];
        copy[r.below(copy.length)] = r.below(2) ? pick() : copy[r.below(copy.length)];
        metadata.set(key, copy);
      } else if (r.below(4) === 0) metadata.delete(key);
      else metadata.set(key, pick(whole));
    }
    try {
      ggufTokenizer(metadata, "m.gguf").tokenizer.encode("hello <|im_end|> 123");
    } catch (error) {
      if (!isLoamError(error)) throw error;
    }
  }
});

test("padding of a vocabulary is no token: unused ones, and `[PAD<id>]` of earlier converters", () => {
  const at = tokens.length;
  const padded = (type: number) =>
    byteLevel({
      "ggml.tokens": [...tokens.slice(0, 5), "[PAD5]", ...tokens.slice(6), `[PAD${at}]`, `[PAD${at + 1}]`],
      "ggml.token_type": Int32Array.from([...types.slice(0, 5), type, ...types.slice(6), type, type]),
    });
  for (const type of [4, 5]) {
    const { tokenizer } = ggufTokenizer(padded(type), "m.gguf");
    expect([tokenizer.vocabSize, tokenizer.tokenOf(5), tokenizer.tokenOf(6)]).toEqual([at, undefined, tokens[6]]);
    expect(Array.from(tokenizer.encode("[PAD5]"))).not.toContain(5);
  }
  // a text of somebody's own is one
  const own = byteLevel({ "ggml.tokens": [...tokens.slice(0, -1), "[PAD7]"] });
  expect(ggufTokenizer(own, "m.gguf").tokenizer.tokenOf(at - 1)).toBe("[PAD7]");
});

test("a tokenizer written for a model of more rows is padded with unused tokens, and read back without them", () => {
  const { tokenizer } = ggufTokenizer(byteLevel(), "m.gguf");
  const { tokens: written, types: kinds, merges: pairs, pre } = ggufMetadata(tokenizer, tokenizer.vocabSize + 3);
  expect(written.slice(-3)).toEqual([0, 1, 2].map(i => `[PAD${tokens.length + i}]`));
  expect(kinds.slice(-3)).toEqual([5, 5, 5]);
  const more = { "ggml.tokens": written, "ggml.token_type": Int32Array.from(kinds), "ggml.merges": pairs, "ggml.pre": pre };
  const again = ggufTokenizer(byteLevel(more), "m.gguf").tokenizer;
  expect(again.vocabSize).toBe(tokenizer.vocabSize);
  expect(again.encode("hello [PAD7]")).toEqual(tokenizer.encode("hello [PAD7]"));
});
