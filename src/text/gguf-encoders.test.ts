/**
 * WordPiece and Unigram in GGUF files: what llama.cpp's converter makes of a tokenizer.json (written out below) is read as that tokenizer.
 */
import { expect, test } from "vitest";
import { random } from "../base/index.ts";
import { ggufTokenizer } from "./gguf.ts";
import { loadTokenizer } from "./load.ts";

const specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const added = specials.map((content, id) => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
}));
const around = (before: string | undefined, after: string, ids: readonly (readonly [string, number])[]) => ({
  type: "TemplateProcessing",
  single: [
    ...(before ? [{ SpecialToken: { id: before, type_id: 0 } }] : []),
    { Sequence: { id: "A", type_id: 0 } },
    { SpecialToken: { id: after, type_id: 0 } },
  ],
  pair: [],
  special_tokens: Object.fromEntries(ids.map(([token, id]) => [token, { id: token, ids: [id], tokens: [token] }])),
});
const bert = (words: readonly string[], lowercase: boolean) =>
  loadTokenizer({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: { type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: around("[CLS]", "[SEP]", [
      ["[CLS]", 2],
      ["[SEP]", 3],
    ]),
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries([...specials, ...words].map((token, id) => [token, id])),
    },
  });
/** The converter's form: words begin with a space, what goes on has lost its "##". */
const phantom = (words: readonly string[]) =>
  new Map<string, unknown>([
    ["tokenizer.ggml.model", "bert"],
    ["tokenizer.ggml.pre", "default"],
    ["tokenizer.ggml.token_type_count", 2],
    ["tokenizer.ggml.tokens", [...specials, ...words.map(w => (w.startsWith("##") ? w.slice(2) : `\u2581${w}`))]],
    ["tokenizer.ggml.token_type", Int32Array.from([...specials.map(() => 3), ...words.map(() => 1)])],
    ["tokenizer.ggml.unknown_token_id", 1],
    ["tokenizer.ggml.cls_token_id", 2],
    ["tokenizer.ggml.seperator_token_id", 3],
  ]);
// the last is a capital letter to Unicode, and has no small form: BERT has it in its uncased vocabulary too
const lower = ["the", "un", "##aff", "##able", "##s", "play", "##ing", "!", ",", "a", "b", "##a", "##b", "über", "uber", "\u211D"];
const texts = ["The unaffable plays!", "PLAYING, über", "xyz [MASK] abba", "", "  a\tb  ", "中a"];

test("WordPiece: every text has the ids of the tokenizer.json that the file was made of", () => {
  const [want, got] = [bert(lower, true), ggufTokenizer(phantom(lower), "m.gguf").tokenizer];
  const r = random("word piece");
  const letters = ["a", "b", "A", " ", "s", "!", "ü"];
  const drawn = Array.from({ length: 300 }, () => Array.from({ length: r.below(12) }, () => letters[r.below(letters.length)]!).join(""));
  for (const text of [...texts, ...drawn]) {
    expect([...got.encode(text)], text).toEqual([...want.encode(text)]);
    expect(got.decode(got.encode(text))).toBe(want.decode(want.encode(text)));
  }
  expect([...got.encode("the unaffable")].map(id => got.tokenOf(id))).toEqual(["[CLS]", "the", "un", "##aff", "##able", "[SEP]"]);
});

test("WordPiece: capital letters in the vocabulary say that case counts", () => {
  const cased = [...lower, "The"];
  const [want, got] = [bert(cased, false), ggufTokenizer(phantom(cased), "m.gguf").tokenizer];
  for (const text of texts) expect([...got.encode(text)], text).toEqual([...want.encode(text)]);
  expect(got.encode("The")).not.toEqual(got.encode("the"));
});

test("WordPiece: a file that says whether case and accents count is believed", () => {
  const said = (lowercase: boolean, accents: boolean) =>
    ggufTokenizer(
      new Map([
        ...phantom(lower),
        ["tokenizer.ggml.normalizer.lowercase", lowercase],
        ["tokenizer.ggml.normalizer.strip_accents", accents],
      ] as const),
      "m.gguf",
    ).tokenizer;
  const words = (t: ReturnType<typeof said>, text: string) => Array.from(t.encode(text), id => t.tokenOf(id));
  expect(words(said(true, true), "The über")).toEqual(["[CLS]", "the", "uber", "[SEP]"]);
  expect(words(said(true, false), "The über")).toEqual(["[CLS]", "the", "über", "[SEP]"]);
  expect(words(said(false, false), "The über")).toEqual(["[CLS]", "[UNK]", "über", "[SEP]"]);
});

test("WordPiece: special tokens around a text are left out where the file says so, and ids beyond the tokens are refused", () => {
  const bare = new Map([...phantom(lower), ["tokenizer.ggml.add_bos_token", false], ["tokenizer.ggml.add_sep_token", false]] as const);
  expect([...ggufTokenizer(bare, "m.gguf").tokenizer.encode("a")]).toEqual([specials.length + lower.indexOf("a")]);
  const beyond = new Map([...phantom(lower), ["tokenizer.ggml.cls_token_id", 99]] as const);
  expect(() => ggufTokenizer(beyond, "m.gguf")).toThrow(/cls_token_id: expected the id of a token, got 99/);
  const nothing = new Map([...phantom(lower), ["tokenizer.ggml.unknown_token_id", 99]] as const);
  expect(() => ggufTokenizer(nothing, "m.gguf")).toThrow(/unknown_token_id: expected an id below 21, got 99/);
});

const pieces: readonly (readonly [string, number])[] = [
  ["<pad>", 0],
  ["</s>", 0],
  ["<unk>", 0],
  ["\u2581", -2],
  ["\u2581a", -3],
  ["b", -3.5],
  ["a", -3.2],
  ["ab", -4],
  ["\u2581ab", -4.5],
  ["c", -6],
];
const unigram = (more: readonly (readonly [string, unknown])[] = []) =>
  new Map<string, unknown>([
    ["tokenizer.ggml.model", "t5"],
    ["tokenizer.ggml.pre", "default"],
    ["tokenizer.ggml.tokens", pieces.map(([p]) => p)],
    ["tokenizer.ggml.scores", Float32Array.from(pieces, ([, s]) => s)],
    ["tokenizer.ggml.token_type", Int32Array.from(pieces, (_, i) => (i === 2 ? 2 : i < 2 ? 3 : 1))],
    ["tokenizer.ggml.add_space_prefix", true],
    ["tokenizer.ggml.remove_extra_whitespaces", true],
    ["tokenizer.ggml.eos_token_id", 1],
    ["tokenizer.ggml.unknown_token_id", 2],
    ["tokenizer.ggml.padding_token_id", 0],
    ["tokenizer.ggml.add_bos_token", false],
    ["tokenizer.ggml.add_eos_token", true],
    ...more,
  ]);

test("Unigram: the cut of greatest score among all cuts, between spaces that are joined, with the end behind", () => {
  const { tokenizer, stopTokens } = ggufTokenizer(unigram(), "m.gguf");
  const ids = new Map(pieces.map(([p], id) => [p, id]));
  /** Of all cuts into tokens the best, by trying every one. */
  const best = (word: string): number => {
    if (word === "") return 0;
    let most = Number.NEGATIVE_INFINITY;
    for (let end = 1; end <= word.length; end++) {
      const id = ids.get(word.slice(0, end));
      if (id !== undefined && id > 2) most = Math.max(most, Math.fround(pieces[id]![1]) + best(word.slice(end)));
    }
    return most;
  };
  const r = random("unigram");
  for (let n = 0; n < 200; n++) {
    const text = Array.from({ length: 1 + r.below(9) }, () => ["a", "b", "c", " "][r.below(4)]!).join("");
    const words = text.trim().split(/ +/).filter(Boolean);
    const got = [...tokenizer.encode(text)];
    expect(got.at(-1)).toBe(1);
    const scored = got.slice(0, -1).reduce((sum, id) => sum + Math.fround(pieces[id]![1]), 0);
    expect(scored, text).toBeCloseTo(
      words.reduce((sum, word) => sum + best(`\u2581${word}`), 0),
      5,
    );
    expect(tokenizer.decode(got.slice(0, -1))).toBe(words.join(" "));
  }
  expect(stopTokens).toEqual([1]);
  expect([...tokenizer.encode("xa")]).toContain(2);
});

test("Unigram: scores that are missing are an error with their key", () => {
  const without = new Map(unigram());
  without.delete("tokenizer.ggml.scores");
  expect(() => ggufTokenizer(without, "m.gguf")).toThrow(/tokenizer\.ggml\.scores: expected 10 numbers, one a token, got none/);
});
