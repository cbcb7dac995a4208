/** The laws of our own tokenizers, byte-level and trained by us. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { rounds } from "../../test/support/deep.ts";
import { isLoamError, random } from "../base/index.ts";
import { loadTokenizer } from "./load.ts";
import { endToken } from "./part.ts";
import type { Encoding } from "./tokenizer.ts";
import { bpeTrainer, trainBpe } from "./train.ts";

const seed = 8;
const golden = JSON.parse(readFileSync(new URL("./hugging-face.golden.json", import.meta.url), "utf8")) as {
  cases: { name: string; tokenizer: Record<string, unknown>; rows: { text: string }[] }[];
};
const corpus = golden.cases[0]!.rows.map(r => r.text);
const trained = trainBpe(corpus, { vocab: 500, minFrequency: 1 });
const plain = loadTokenizer(trained.toJSON(), { plain: true });

/** Random bytes as text and random code points, lone surrogates among them. */
const noise = (draw: ReturnType<typeof random>): string =>
  draw.below(2) === 0
    ? Buffer.from(Array.from({ length: draw.below(60) }, () => draw.below(256))).toString("latin1")
    : String.fromCodePoint(...Array.from({ length: draw.below(30) }, () => draw.below(draw.below(3) === 0 ? 0x110000 : 0x3000)));

test(`decoding gives the text back, whatever it is (seed ${seed})`, () => {
  const draw = random(seed);
  for (let i = 0; i < rounds(3000); i++) {
    const text = noise(draw);
    expect(trained.decode(trained.encode(text))).toBe(Buffer.from(text).toString());
  }
});

test(`the fast way over bytes and the way piece by piece give the same ids and places (seed ${seed})`, () => {
  const draw = random(seed);
  for (let i = 0; i < rounds(3000); i++) {
    const text = draw.below(2) === 0 ? noise(draw) : corpus[draw.below(corpus.length)]! + noise(draw);
    const [fast, slow] = [trained.encodeWithOffsets(text), plain.encodeWithOffsets(text)];
    const flat = (e: Encoding) => [...e.ids, ...e.starts, ...e.ends].join();
    if (flat(fast) !== flat(slow) || fast.ids.join() !== trained.encode(text).join()) expect(fast, JSON.stringify(text)).toEqual(slow);
  }
});

test(`what is remembered of pieces never changes an id, through all evictions (seed ${seed})`, () => {
  // More different pieces, short and long, than the caches hold; each text twice, so that what was kept is used.
  const draw = random(seed);
  const word = () => Array.from({ length: 2 + draw.below(19) }, () => "abcdefgh"[draw.below(8)]!).join("");
  const texts = Array.from({ length: 300 }, () => Array.from({ length: 400 }, word).join(" "));
  for (const text of [...texts, ...texts]) {
    const ids = trained.encode(text);
    expect(trained.decode(ids)).toBe(text);
    if (draw.below(150) === 0) expect(ids).toEqual(loadTokenizer(trained.toJSON()).encode(text));
  }
}, 60_000);

test("a million of one letter is one piece and comes out in pieces of the longest token", () => {
  const long = trainBpe(["aaaaaaaa ".repeat(50)], { vocab: 270, minFrequency: 1 });
  const ids = long.encode("a".repeat(1_000_000));
  expect(new Set(ids)).toEqual(new Set([long.idOf("aaaaaaaa")]));
  expect(ids).toHaveLength(125_000);
});

test(`places of byte-level tokens cut the text without gap or overlap, and tokens in one character share its place (seed ${seed})`, () => {
  const draw = random(seed);
  for (let i = 0; i < rounds(2000); i++) {
    const text = noise(draw);
    const { starts, ends } = trained.encodeWithOffsets(text);
    let at = 0;
    let isWhole = true;
    for (let k = 0; k < starts.length; k++) {
      // A token may start in the middle of a character, of at most two units, that the one before it began.
      isWhole &&= starts[k]! <= at && starts[k]! >= at - 2 && ends[k]! >= at && ends[k]! > starts[k]!;
      at = ends[k]!;
    }
    expect(isWhole && at === text.length, JSON.stringify(text)).toBe(true);
  }
});

test(`a stream gives what decoding the whole gives, never half a character, for any ids (seed ${seed})`, () => {
  const draw = random(seed);
  for (const { tokenizer, name } of [{ tokenizer: trained.toJSON(), name: "ours" }, ...golden.cases]) {
    const t = loadTokenizer(tokenizer);
    const known = Array.from({ length: t.vocabSize }, (_, id) => id).filter(id => t.tokenOf(id) !== undefined);
    for (let i = 0; i < 100; i++) {
      const ids = Array.from({ length: draw.below(25) }, () => known[draw.below(known.length)]!);
      const options = { skipSpecialTokens: draw.below(2) === 0 };
      const stream = t.stream(options);
      const parts = [...ids.map(id => stream.push(id)), stream.end()];
      expect(parts.join(""), `${name} ${ids}`).toBe(t.decode(ids, options));
      expect(parts.some(part => /\p{Cs}/u.test(part))).toBe(false);
    }
  }
});

test("a stream gives a character when its last byte has come, not before", () => {
  // é is C3 A9, whose byte characters are Ã and ©.
  const [first, second] = [trained.idOf("Ã")!, trained.idOf("©")!];
  const stream = trained.stream();
  expect([stream.push(first), stream.push(second), stream.push(first), stream.end()]).toEqual(["", "é", "", "\ufffd"]);
});

test("special tokens are read in text, or are ordinary text where the text is not trusted", () => {
  const end = trained.specials.get(endToken)!;
  expect([...trained.encode(`a${endToken}`)].at(-1)).toBe(end);
  const untrusted = trained.encode(`a${endToken}`, { readSpecialTokens: false });
  expect(untrusted).not.toContain(end);
  expect(trained.decode(untrusted)).toBe(`a${endToken}`);
  expect(trained.decode([end, ...trained.encode("b"), end], { skipSpecialTokens: true })).toBe("b");
});

test("the same texts give the same tokenizer in any order and cut into any number of texts at piece borders", () => {
  const shuffled = [...random(seed).permutation(corpus.length)].map(i => corpus[i]!);
  expect(trainBpe(shuffled, { vocab: 500, minFrequency: 1 }).toJSON()).toEqual(trained.toJSON());
});

test("ids are special tokens, bytes, merges; a small corpus gives fewer than asked for", () => {
  const small = trainBpe(["abab abab"], { vocab: 10_000, specialTokens: ["<s>"] });
  expect(small.idOf("<s>")).toBe(0);
  expect(small.tokenOf(1)).toBe("!");
  expect(small.vocabSize).toBe(1 + 256 + 2); // ab and abab; " abab" comes once only
});

test("no merge spells a special token", () => {
  const t = trainBpe(["STOP STOP STOP"], { vocab: 300, specialTokens: ["STOP", "ST"], minFrequency: 1 });
  expect(t.idOf("STOP")).toBe(0);
  const ids = t.encode("STOP", { readSpecialTokens: false });
  expect(ids).not.toContain(0);
  expect(ids).not.toContain(1);
  expect(t.decode(ids)).toBe("STOP");
});

test("training refuses what cannot be by value", () => {
  expect(() => trainBpe(["a"], { vocab: 100 })).toThrow("tokenizer.vocab: expected a whole number from 260");
  expect(() => trainBpe(["a"], { vocab: 300, specialTokens: ["<s>", "<s>"] })).toThrow('got "<s>"');
  expect(() => trainBpe([], { vocab: 300 })).toThrow("tokenizer.train: expected a corpus with text, got an empty one");
  expect(() => trainBpe(["", ""], { vocab: 300 })).toThrow("an empty one");
});

test("a corpus of one letter, of one long run and of bytes that are no text trains", () => {
  expect(trainBpe(["a"], { vocab: 300 }).vocabSize).toBe(260);
  expect(trainBpe(["x".repeat(300_000)], { vocab: 300 }).decode(trainBpe(["x".repeat(300_000)], { vocab: 300 }).encode("xxx"))).toBe("xxx");
  const trainer = bpeTrainer({ vocab: 300 });
  trainer.add("\ud800\0\uffff".repeat(10));
  expect(trainer.numBytes).toBe(70);
  expect(trainer.train().decode(trainer.train().encode("\ud800"))).toBe("\ufffd");
});

const bad = (change: Record<string, unknown>) => () => loadTokenizer({ ...(golden.cases[0]!.tokenizer as object), ...change });
test.each([
  [
    "a component that we do not have",
    { normalizer: { type: "NFZ" } },
    "text/unknownComponent",
    "normalizer.type: expected a normalizer of",
  ],
  ["a misspelt component", { decoder: { type: "Wordpiece" } }, "text/unknownComponent", 'Did you mean "WordPiece"?'],
  ["a decoder we left out", { decoder: { type: "CTC", pad_token: "x" } }, "text/unknownComponent", 'got "CTC"'],
  ["an unknown key of the file", { modle: {} }, "base/unknownKey", 'Did you mean "model"?'],
  [
    "an unknown key of a component",
    { pre_tokenizer: { type: "Digits", individual_digits: true, x: 1 } },
    "base/unknownKey",
    "pre_tokenizer",
  ],
  ["no model", { model: undefined }, "text/unknownComponent", "model.type"],
  [
    "a merge of unknown tokens",
    { model: { type: "BPE", vocab: { a: 0 }, merges: ["a b"] } },
    "text/brokenTokenizer",
    'merges[0]: expected a token of the vocabulary, got "b"',
  ],
  ["two tokens with one id", { model: { type: "BPE", vocab: { a: 0, b: 0 }, merges: [] } }, "text/brokenTokenizer", 'got 0, which "a" has'],
  ["an id that would fill the memory", { model: { type: "BPE", vocab: { a: 4e9 }, merges: [] } }, "text/brokenTokenizer", "4000000000"],
  [
    "an id far beyond the tokens",
    { added_tokens: [{ id: 2 ** 21, content: "x" }] },
    "text/brokenTokenizer",
    "at most 65536 ids without a token",
  ],
  [
    "components in components without end",
    { normalizer: JSON.parse(`${'{"type":"Sequence","normalizers":['.repeat(9000)}${"]}".repeat(9000)}`) },
    "text/brokenTokenizer",
    "normalizer: expected at most 64 levels",
  ],
  [
    "a value nested too deeply to print",
    { normalizer: { type: JSON.parse("[".repeat(60) + "]".repeat(60)) } },
    "text/unknownComponent",
    "[[[[",
  ],
  ["a merge that is no pair", { model: { type: "BPE", vocab: { a: 0 }, merges: [7] } }, "text/brokenTokenizer", "two tokens, got 7"],
  ["dropout", { model: { type: "BPE", dropout: 0.1, vocab: {}, merges: [] } }, "text/unsupported", "dropout"],
  [
    "a template without the text",
    { post_processor: { type: "TemplateProcessing", single: [], pair: [], special_tokens: {} } },
    "text/unsupported",
    "holds the text once",
  ],
  ["an added token with another token's id", { added_tokens: [{ id: 7, content: "zzz" }] }, "text/brokenTokenizer", "added_tokens[0].id"],
  [
    "a character map that is none",
    { normalizer: { type: "Precompiled", precompiled_charsmap: "AAAA" } },
    "text/brokenTokenizer",
    "character map",
  ],
])("%s is an error by name", (_, change, code, sentence) => {
  try {
    bad(change)();
    expect.unreachable();
  } catch (error) {
    expect(isLoamError(error, code), String(error)).toBe(true);
    expect(String(error)).toContain(sentence);
  }
});

test("text that is no JSON and ids that are not in the vocabulary are errors by value", () => {
  expect(() => loadTokenizer("{", { place: "my/tokenizer.json" })).toThrow("my/tokenizer.json: expected JSON");
  expect(() => trained.decode([1, 9999])).toThrow(`decode: expected an id of the vocabulary, 0 to ${trained.vocabSize - 1}, got 9999`);
  expect(() => trained.stream().push(-1)).toThrow("got -1");
});
