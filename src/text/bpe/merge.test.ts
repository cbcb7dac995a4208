import { expect, test } from "vitest";
import { rounds } from "../../../test/support/deep.ts";
import { type Random, random } from "../../base/index.ts";
import { Merger } from "./merge.ts";
import { MergeRanks, type MergeRule } from "./ranks.ts";

const seed = 77;

/** The definition: again and again the pair of lowest rank, leftmost first. */
function byDefinition(symbols: readonly number[], rules: readonly MergeRule[]): number[] {
  const s = [...symbols];
  for (;;) {
    let best = rules.length;
    let at = -1;
    for (let i = 0; i + 1 < s.length; i++) {
      const rank = rules.findIndex(r => r.left === s[i] && r.right === s[i + 1]);
      if (rank >= 0 && rank < best) [best, at] = [rank, i];
    }
    if (at < 0) return s;
    s.splice(at, 2, rules[best]!.merged);
  }
}

/** Random rules over few letters, so that they overlap and compete; every token is made of earlier ones. */
function randomRules(draw: Random, letters: number, count: number): MergeRule[] {
  const rules: MergeRule[] = [];
  const seen = new Set<string>();
  while (rules.length < count) {
    const most = letters + rules.length;
    const [left, right] = [draw.below(most), draw.below(most)];
    if (seen.has(`${left},${right}`)) continue;
    seen.add(`${left},${right}`);
    rules.push({ left, right, merged: most });
  }
  return rules;
}

test(`short and long pieces merge by the definition, and widths add up (seed ${seed})`, () => {
  const draw = random(seed);
  for (let i = 0; i < rounds(400); i++) {
    const letters = 1 + draw.below(4);
    const rules = randomRules(draw, letters, 1 + draw.below(20));
    const merger = new Merger(new MergeRanks(rules));
    // Both sides of the border between the scan and the heap.
    const symbols = Array.from({ length: 1 + draw.below(i % 2 === 0 ? 30 : 150) }, () => draw.below(letters));
    const merged = Int32Array.from(symbols);
    const widths = new Int32Array(symbols.length).fill(1);
    const n = merger.merge(merged, symbols.length, widths);
    expect([...merged.subarray(0, n)], JSON.stringify({ symbols, rules })).toEqual(byDefinition(symbols, rules));
    const width = (id: number): number => (id < letters ? 1 : width(rules[id - letters]!.left) + width(rules[id - letters]!.right));
    expect([...widths.subarray(0, n)]).toEqual([...merged.subarray(0, n)].map(width));
  }
});

test(`long pieces in which every pair of twelve tokens has a rule merge by rank (seed ${seed})`, () => {
  const draw = random(seed + 1);
  const [letters, tokens] = [3, 12];
  for (let i = 0; i < 8; i++) {
    const all = Array.from(draw.permutation(tokens ** 2), at => [Math.floor(at / tokens), at % tokens] as const);
    // Pairs of letters first: they make the other tokens. Each merge then has two neighbours with a rule, more pairs than symbols.
    const isFirst = (pair: readonly number[]) => pair.every(id => id < letters);
    const pairs = [...all.filter(isFirst), ...all.filter(pair => !isFirst(pair))];
    const rules = pairs.map(([left, right], rank) => ({ left, right, merged: letters + rank }));
    const symbols = Array.from({ length: 65 + draw.below(200) }, () => draw.below(letters));
    const merged = Int32Array.from(symbols);
    const n = new Merger(new MergeRanks(rules)).merge(merged, symbols.length);
    expect([...merged.subarray(0, n)], JSON.stringify({ symbols, rules })).toEqual(byDefinition(symbols, rules));
  }
});

test("a million of one letter is merged with at most a few heap entries a letter", () => {
  // Tokens of 2, 4, 8, ... letters: every level merges all there is.
  const rules = Array.from({ length: 12 }, (_, i) => ({ left: i, right: i, merged: i + 1 }));
  const merger = new Merger(new MergeRanks(rules));
  const n = 1_000_000;
  const symbols = new Int32Array(n);
  const left = merger.merge(symbols, n);
  expect(symbols.subarray(0, left).reduce((sum, id) => sum + 2 ** id, 0)).toBe(n);
  expect(left).toBe(Math.floor(n / 4096) + 2); // 1,000,000 = 244 * 4096 + 512 + 64
  // Each merge looks at no more than its two neighbours, so entries are below n + 2 * merges.
  expect(merger.numPopped).toBeLessThan(3 * n);
});

test("of a pair that stands twice the later rule holds", () => {
  const merger = new Merger(
    new MergeRanks([
      { left: 0, right: 0, merged: 1 },
      { left: 0, right: 0, merged: 2 },
    ]),
  );
  const symbols = Int32Array.of(0, 0);
  expect(merger.merge(symbols, 2)).toBe(1);
  expect(symbols[0]).toBe(2);
});
