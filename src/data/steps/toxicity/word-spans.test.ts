import fc from "fast-check";
import { expect, test } from "vitest";
import { foldedString, foldedText, isDisguised } from "../../../text/index.ts";
import { WordMemory } from "./word-memory.ts";
import { eachWord, hashOfWord, wordPattern } from "./word-spans.ts";

const unit = fc.oneof(
  fc.integer({ min: 0, max: 0xffff }).map(c => String.fromCharCode(c)),
  fc.integer({ min: 0, max: 0x10ffff }).map(c => String.fromCodePoint(c)),
  fc.constantFrom(..."abzé019@$!+*€'’-_ \n\ud800\udc00.,", "ｂ", "о", "\u0301", "𝐛", "aaa", "\u200b"),
);
const anyText = fc.array(unit, { maxLength: 40 }).map(parts => parts.join(""));

test("words by their places are the words of the pattern, whatever the UTF-16", () => {
  fc.assert(
    fc.property(anyText, text => {
      const words: string[] = [];
      eachWord(text, ({ from, to, hash, beginning, isPlain }) => {
        const word = text.slice(from, to);
        words.push(word);
        expect([hash, beginning]).toEqual([hashOfWord(word), hashOfWord(word.slice(0, 3))]);
        if (isPlain) expect([word, isDisguised([...word].map(c => c.codePointAt(0)!))]).toEqual([word, false]);
        // "aa" may be a letter drawn out
        const runs = Array.from(word.matchAll(/(.)\1*/gsu), m => m[0].length / m[1]!.length);
        expect(isPlain).toBe(/^[a-z]+$/.test(word) && runs.includes(1) && runs.every(n => n < 3));
      });
      expect(words).toEqual(text.match(wordPattern) ?? []);
    }),
    { numRuns: 3000 },
  );
});

test("a text folded without places is the text folded with them", () => {
  fc.assert(
    fc.property(anyText, text => {
      expect(foldedString(text)).toBe(foldedText(text).text);
    }),
    { numRuns: 1000 },
  );
});

test("a memory of words tells what it was told, of words with one hash too, and forgets when it is full", () => {
  const memory = new WordMemory<{ readonly n: number }>(3_000);
  const words = Array.from({ length: 3_000 }, (_, n) => `word${n}`);
  for (const [n, word] of words.entries()) memory.set(word, hashOfWord(word), { n });
  const found = words.map(word => memory.find(`so ${word} it`, 3, 3 + word.length, hashOfWord(word))?.n);
  for (const [n, own] of found.entries()) expect([n, undefined]).toContain(own);
  expect(found.filter(n => n !== undefined).length).toBeGreaterThan(2_900);
  expect(memory.find("word1x", 0, 6, hashOfWord("word1"))).toBeUndefined();
  const few = new WordMemory<{ readonly n: number }>(2);
  for (const [n, word] of words.slice(0, 3).entries()) few.set(word, n, { n });
  expect([0, 1, 2].map(n => few.find(`word${n}`, 0, 5, n))).toEqual([undefined, undefined, { n: 2 }]);
  const same = new WordMemory<{ readonly n: number }>(1_000);
  for (const [n, word] of words.slice(0, 100).entries()) same.set(word, 7, { n });
  for (const [n, word] of words.slice(0, 100).entries()) expect([n, undefined]).toContain(same.find(word, 0, word.length, 7)?.n);
  expect(same.find("word3", 0, 5, 7)).toEqual({ n: 3 });
});
