import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { toRegExp } from "../pattern.ts";
import { gpt2Pattern, splitGpt2 } from "../split/gpt2.ts";
import { trainMerges } from "./train.ts";
import { WordCounts } from "./words.ts";

const seed = 4096;
const byteIds = Int32Array.from({ length: 256 }, (_, b) => b);
const train = (words: WordCounts, numMerges: number, minFrequency = 1) =>
  trainMerges(words, { byteIds, firstId: 256, numMerges, minFrequency }).map(r => [r.left, r.right]);

/** The definition: count all pairs, merge the greatest (ties by the lesser ids) everywhere, left to right; again. */
function byDefinition(texts: readonly string[], numMerges: number, minFrequency = 1): number[][] {
  const expression = toRegExp(gpt2Pattern, "test");
  const words = texts.flatMap(t => t.match(expression) ?? []).map(w => [...Buffer.from(w)]);
  const merges: number[][] = [];
  while (merges.length < numMerges) {
    const counts = new Map<string, number>();
    for (const w of words)
      for (let i = 0; i + 1 < w.length; i++) counts.set(`${w[i]},${w[i + 1]}`, (counts.get(`${w[i]},${w[i + 1]}`) ?? 0) + 1);
    const [best] = [...counts]
      .map(([pair, count]) => ({ pair: pair.split(",").map(Number), count }))
      .sort((x, y) => y.count - x.count || x.pair[0]! - y.pair[0]! || x.pair[1]! - y.pair[1]!);
    if (!best || best.count < minFrequency) break;
    for (const w of words)
      for (let i = 0; i + 1 < w.length; i++) if (w[i] === best.pair[0] && w[i + 1] === best.pair[1]) w.splice(i, 2, 256 + merges.length);
    merges.push(best.pair);
  }
  return merges;
}

test(`incremental counts give the merges of counting anew each time (seed ${seed})`, () => {
  const draw = random(seed);
  for (let round = 0; round < 40; round++) {
    const letters = "abc d".slice(0, 2 + draw.below(4));
    const texts = Array.from({ length: 1 + draw.below(20) }, () =>
      Array.from({ length: draw.below(30) }, () => letters[draw.below(letters.length)]!).join(""),
    );
    // Runs of one letter overlap themselves: the hard case of counting.
    texts.push("a".repeat(draw.below(20)));
    const words = new WordCounts();
    for (const t of texts) words.add(t, splitGpt2);
    expect(train(words, 40, 2), JSON.stringify(texts)).toEqual(byDefinition(texts, 40, 2));
  }
});

test(`words are counted once each, whatever their length, through the growth of the table (seed ${seed})`, () => {
  const draw = random(seed);
  const counts = new Map<string, number>();
  const words = new WordCounts();
  for (let i = 0; i < 3000; i++) {
    const texts = Array.from({ length: 40 }, () =>
      Array.from({ length: 1 + draw.below(i % 10 === 0 ? 40 : 6) }, () => "etaoinshr"[draw.below(9)]!).join(""),
    );
    words.add(texts.join(" "), splitGpt2);
    for (const [k, t] of texts.entries()) {
      const piece = k === 0 ? t : ` ${t}`;
      if (piece.length > 1) counts.set(piece, (counts.get(piece) ?? 0) + 1);
    }
  }
  const found = new Map<string, number>();
  for (let w = 0; w < words.size; w++)
    found.set(Buffer.from(words.arena.subarray(words.starts[w]!, words.starts[w + 1]!)).toString(), words.counts[w]!);
  expect(words.size).toBeGreaterThan(40_000);
  expect(found).toEqual(counts);
});

test("a pair that may not be merged is passed over and the next one taken", () => {
  const words = new WordCounts();
  words.add("ababab abab cd cd", splitGpt2);
  const merges = trainMerges(words, { byteIds, firstId: 256, numMerges: 2, minFrequency: 1, allows: left => left !== 97 });
  expect(merges[0]).toEqual({ left: 98, right: 97, merged: 256 });
});
