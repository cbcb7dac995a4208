import fc from "fast-check";
import { expect, test } from "vitest";
import { bagSimilarity, countOf, countWords, emptyCounts, joinAlike, rarestWords, wordBag } from "./short-texts.ts";
import { unionFind } from "./union-find.ts";

/** Few words, so that texts share many and words are repeated. */
const text = fc.array(fc.nat(9), { maxLength: 14 }).map(words => words.map(w => `w${w}`).join(" "));
const threshold = fc.constantFrom(0.3, 0.5, 0.6, 0.7, 0.9, 1);

/** Jaccard similarity of two multisets of words, by the definition. */
function similarity(a: string, b: string): number {
  const counts = (t: string) => {
    const all = new Map<string, number>();
    for (const w of t.split(" ").filter(w => w !== "")) all.set(w, (all.get(w) ?? 0) + 1);
    return all;
  };
  const [x, y] = [counts(a), counts(b)];
  let [both, either] = [0, 0];
  for (const w of new Set([...x.keys(), ...y.keys()])) {
    both += Math.min(x.get(w) ?? 0, y.get(w) ?? 0);
    either += Math.max(x.get(w) ?? 0, y.get(w) ?? 0);
  }
  return either === 0 ? 0 : both / either;
}

test("the similarity of two bags is that of the multisets of words, or undefined below the threshold", () => {
  fc.assert(
    fc.property(text, text, threshold, (a, b, t) => {
      const want = similarity(a, b);
      expect(bagSimilarity(wordBag(a, 14), wordBag(b, 14), t)).toBe(want >= t ? want : undefined);
    }),
  );
  expect([wordBag("one two three", 3).length, wordBag("one two three", 2).length, wordBag("one", 0).length]).toEqual([3, 0, 0]);
  expect(wordBag("b a, A", 9)).toEqual(wordBag("A! a B", 9));
});

test("two texts that are alike share one of their rarest words, whatever the counts", () => {
  fc.assert(
    fc.property(text, text, threshold, fc.array(text, { maxLength: 8 }), (a, b, t, others) => {
      const [x, y] = [wordBag(a, 14), wordBag(b, 14)];
      if (similarity(a, b) < t) return;
      const counts = emptyCounts(16);
      for (const other of others) countWords(wordBag(other, 14), counts);
      const rare = new Set(rarestWords(x, t, counts));
      expect([...rarestWords(y, t, counts)].some(w => rare.has(w))).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test("counts are never too small, and rare words come first", () => {
  const counts = emptyCounts(1000);
  for (let i = 0; i < 9; i++) countWords(wordBag("common often", 9), counts);
  countWords(wordBag("rare", 9), counts);
  const [rare] = wordBag("rare", 9);
  expect(countOf(rare!, counts)).toBeGreaterThanOrEqual(1);
  expect([...rarestWords(wordBag("often rare common", 9), 0.9, counts)]).toEqual([rare]);
});

test("joined are all that are alike, by brute force over all pairs", () => {
  fc.assert(
    fc.property(fc.array(text, { minLength: 2, maxLength: 60 }), threshold, (texts, t) => {
      const [found, wanted] = [unionFind(texts.length), unionFind(texts.length)];
      joinAlike(
        texts.map(one => wordBag(one, 14)),
        t,
        found,
      );
      for (const [i, a] of texts.entries()) for (let j = 0; j < i; j++) if (similarity(a, texts[j]!) >= t) wanted.union(i, j);
      expect(texts.map((_, i) => found.find(i))).toEqual(texts.map((_, i) => wanted.find(i)));
    }),
  );
});
