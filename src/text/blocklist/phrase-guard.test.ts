/** The guard against a scan of the whole text: whatever the tokens, both always agree, at every end. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { rounds } from "../../../test/support/deep.ts";
import { parsePattern } from "./pattern-parse.ts";
import { type PhraseGuard, phraseGuard } from "./phrase-guard.ts";
import { type Blocklist, readBlocklist } from "./read-blocklist.ts";
import { BlocklistScan } from "./scan.ts";

const listOf = (words: readonly string[], more: { patterns?: readonly string[]; wholeWords?: boolean } = {}): Promise<Blocklist> =>
  readBlocklist(
    { words, files: [], patterns: more.patterns ?? [], wholeWords: more.wholeWords ?? true },
    ".",
    "list",
    (place, expected, received) => new Error(`${place}: expected ${expected}, got ${received}`),
  );

const isBlocked = ({ finders }: Blocklist, text: string): boolean => {
  const scan = new BlocklistScan(finders, { behind: undefined, ignored: 0, form: "text" });
  scan.push(text);
  return scan.end();
};

/** Tokens are given as bytes: id i stands for the i-th. */
function guardOver(list: Blocklist, tokens: readonly (Uint8Array | string)[], prompt = 0, stops: readonly string[] = []): PhraseGuard {
  const bytes = tokens.map(t => (typeof t === "string" ? new TextEncoder().encode(t) : t));
  return phraseGuard({ list, bytesOf: id => bytes[id], stops, prompt: Array.from({ length: prompt }, (_, i) => i) });
}

/** How many tokens come before the first that is refused. */
function taken(list: Blocklist, tokens: readonly (Uint8Array | string)[], prompt = 0, stops: readonly string[] = []): number {
  let at: PhraseGuard | undefined = guardOver(list, tokens, prompt, stops);
  for (let i = prompt; i < tokens.length; i++) {
    at = at.next(i);
    if (!at) return i - prompt;
  }
  return tokens.length - prompt;
}

const words = ["bomb", "project nightfall", "cat", "a b"];
const pieces = [
  ..."abcomtnigh fl.,-*4@0\\u",
  " ",
  "bo",
  "mb",
  "BOMB",
  "ｂｏｍｂ",
  "b0mb",
  "b.o.m.b",
  "bоmb",
  "proj",
  "ect ",
  "night",
  "fall",
  "concat",
  "Ym9tYg==",
  "626f6d62",
  "%62omb",
  "\u200b",
  "é",
  "\ud83d\ude00",
  "\n",
  "I ",
  "boooomb",
  "xbombx",
];

const text = fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 14 }).map(p => p.join(""));
/** The text's bytes, cut anywhere. */
const cutText = text.chain(t => {
  const bytes = new TextEncoder().encode(t);
  return fc.array(fc.integer({ min: 1, max: Math.max(1, bytes.length) }), { maxLength: 12 }).map(cuts => {
    const places = [...new Set([0, ...cuts.filter(c => c < bytes.length), bytes.length])].sort((a, b) => a - b);
    return places.slice(1).map((end, i) => bytes.slice(places[i], end));
  });
});

const lossy = (parts: readonly Uint8Array[]): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(Buffer.concat(parts));

test.each([
  { name: "whole words", more: {} },
  { name: "parts of words", more: { wholeWords: false } },
  { name: "patterns", more: { patterns: ["wire\\s+transfer", "^ab", "c.*t$", "\\d{4}"] } },
])("$name: a token comes exactly where no end of the text so far is blocked, whatever the cuts", async ({ more }) => {
  const list = await listOf(words, more);
  fc.assert(
    fc.property(cutText, tokens => {
      const free = tokens.findIndex((_, i) => isBlocked(list, lossy(tokens.slice(0, i + 1))) || (i >= 0 && hasWithin(list, tokens, i)));
      expect(taken(list, tokens)).toBe(free < 0 ? tokens.length : free);
    }),
    { numRuns: rounds(3000, 400) },
  );
});

/** With escapes of JSON read, as arguments of tools are. */
function hasWithin({ finders }: Blocklist, tokens: readonly Uint8Array[], i: number): boolean {
  const said = lossy(tokens.slice(0, i + 1));
  if (!said.includes("\\")) return false;
  const scan = new BlocklistScan(finders, { behind: undefined, ignored: 0, form: "json" });
  scan.push(said);
  return scan.end();
}

test("a long text is judged as a short one: what is past does not matter", async () => {
  const list = await listOf(words);
  const filler = Array.from({ length: 3_000 }, (_, i) => ["the ", "dog ", "is ", "a ", "I "][i % 5]!);
  expect(taken(list, [...filler, "bo", "mb"])).toBe(3_001);
  expect(taken(list, [...filler, "bo", "at"])).toBe(3_002);
});

test("a phrase that begins in the prompt is not ended by the answer, and one that stands in the prompt refuses nothing", async () => {
  const list = await listOf(words);
  for (let cut = 1; cut < 17; cut++) {
    const phrase = "project nightfall";
    expect(taken(list, [`x ${phrase.slice(0, cut)}`, phrase.slice(cut)], 1)).toBe(0);
  }
  expect(taken(list, ["the bomb is", " here"], 1)).toBe(1);
  expect(taken(list, ["x", "bomb"], 1)).toBe(0);
});

test("a stop string never leaves a blocked word at the end", async () => {
  const list = await listOf(words);
  expect(taken(list, ["bombshell"])).toBe(1);
  expect(taken(list, ["bombshell"], 0, ["shell"])).toBe(0);
  expect(taken(list, ["bombsh"], 0, ["shell"])).toBe(0);
});

test("tokens without text part what is shown by itself, and join what is not", async () => {
  const list = await listOf(words);
  expect(taken(list, ["x", "", "bomb"])).toBe(2);
  expect(taken(list, ["bo", "", "mb"])).toBe(2);
  expect(taken(list, ["x", "", "bombastic"])).toBe(3);
});

test("bytes that are no character end a word", async () => {
  const list = await listOf(words);
  expect(taken(list, ["bom", new Uint8Array([0xc3]), "x"])).toBe(3);
  expect(taken(list, ["bombx", new Uint8Array([0xff]), "bomb"])).toBe(2);
});

test("escapes of JSON are read as arguments of tools are", async () => {
  const list = await listOf(words);
  expect(taken(list, ['{"a":"', "\\u0062", "omb"])).toBe(2);
});

test("a state is a value: what goes on from it twice is judged twice alike", async () => {
  const list = await listOf(words);
  const at = guardOver(list, ["bo", "mb", "at", "mbx"]).next(0)!;
  for (let i = 0; i < 3; i++) expect([at.next(1), at.next(2) !== undefined, at.next(3) !== undefined]).toEqual([undefined, true, true]);
});

test("a list without words, and a pattern that is none, are refused with their place", async () => {
  await expect(listOf([])).rejects.toThrow("list: expected words, files or patterns");
  await expect(listOf(["\u200b"])).rejects.toThrow("list.words[0]");
  await expect(listOf(["x"], { patterns: ["(a"] })).rejects.toThrow("list.patterns[0]");
  expect(parsePattern("a")).toBeDefined();
});
