import fc from "fast-check";
import { expect, test } from "vitest";
import { random } from "../../../base/index.ts";
import {
  candidateProbability,
  estimate,
  groups,
  jaccard,
  leaks,
  minHasher,
  nearDuplicateOptions,
  shingles,
  sketcher,
  survivors,
} from "./index.ts";
import { unionFind } from "./union-find.ts";

const options = nearDuplicateOptions.parse({});
const words = "time year people way day man thing woman life child world school state family student group country problem hand part".split(
  " ",
);

/** Texts in families: originals of random words, and copies with a few words changed. */
function corpus(seed: number, families: number, copies: number): string[] {
  const draw = random(seed);
  const word = () => `${words[draw.below(words.length)]}${draw.below(40)}`;
  return Array.from({ length: families }, () => Array.from({ length: 60 + draw.below(60) }, word)).flatMap(original => [
    original.join(" "),
    ...Array.from({ length: draw.below(copies + 1) }, () => original.map(w => (draw.uniform() < 0.02 ? word() : w)).join(" ")),
  ]);
}

test("the curve of 14 x 8 bands is FineWeb's: 56, 77, 92 and 98.8 % at .70, .75, .80 and .85", () => {
  const at = [0.7, 0.75, 0.8, 0.85].map(s => candidateProbability(s, options));
  expect(at.map(p => Math.round(p * 1000) / 10)).toEqual([56.5, 77.2, 92.4, 98.8]);
});

test("shingles are the set of word runs, whatever the case, punctuation and spacing", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("one", "two", "Three", "four5"), { maxLength: 12 }), fc.integer({ min: 1, max: 4 }), (list, n) => {
      const runs = new Set<string>();
      for (let i = 0; i + n <= list.length; i++)
        runs.add(
          list
            .slice(i, i + n)
            .join(" ")
            .toLowerCase(),
        );
      const got = shingles(list.join(" "), n);
      expect(got.length).toBe(runs.size);
      expect(shingles(`  ${list.join(",\n ").toUpperCase()}!`, n)).toEqual(got);
      expect([...got].every((h, i) => i === 0 || got[i - 1]! < h)).toBe(true);
    }),
  );
});

test("scripts without spaces are compared by character, and numbers count", () => {
  expect(shingles("日本語の文章です", 5).length).toBe(4);
  expect(shingles("order 1 is ready now", 5)).not.toEqual(shingles("order 2 is ready now", 5));
});

test("the estimate of 1,000 hashes is within four deviations of the true similarity", () => {
  const sign = minHasher({ bands: 1000, rows: 1 });
  const draw = random(7);
  for (let round = 0; round < 60; round++) {
    const shared = draw.below(300);
    const set = (own: number) =>
      Uint32Array.from(
        new Set([...Array.from({ length: shared }, (_, i) => i * 977), ...Array.from({ length: own }, () => draw.u32())]),
      ).sort();
    const [a, b] = [set(1 + draw.below(200)), set(1 + draw.below(200))];
    const s = jaccard(a, b);
    const deviation = Math.sqrt(Math.max(s * (1 - s), 0.001) / 1000);
    expect(Math.abs(estimate(sign(a), sign(b)) - s), `round ${round}, similarity ${s}`).toBeLessThan(4 * deviation + 0.005);
  }
});

test("similarity is 1 to itself, symmetric, and 0 for texts too short to compare", () => {
  const [a, b, none] = [shingles("a b c d e f g", 5), shingles("a b c d e f h", 5), shingles("a b", 5)];
  expect(jaccard(a, a)).toBe(1);
  expect(jaccard(a, b)).toBe(jaccard(b, a));
  expect(jaccard(a, b)).toBeCloseTo(2 / 4);
  expect(jaccard(none, none)).toBe(0);
});

test("every text that goes is like the one that stays, and no two that stay share a band and are alike", () => {
  const texts = corpus(3, 60, 4);
  const sketches = texts.map(sketcher(options));
  const order = texts.map((_, i) => i);
  const twins = survivors(sketches, order, options);
  expect(twins.size).toBeGreaterThan(20);
  for (const [i, { survivor, similarity }] of twins) {
    expect(twins.has(survivor)).toBe(false);
    expect(similarity).toBeGreaterThanOrEqual(options.threshold);
    expect(jaccard(sketches[i]!.shingles, sketches[survivor]!.shingles)).toBe(similarity);
  }
  const stay = order.filter(i => !twins.has(i));
  for (const i of stay)
    for (const j of stay)
      if (i < j && sketches[i]!.keys.some((k, b) => k === sketches[j]!.keys[b]))
        expect(jaccard(sketches[i]!.shingles, sketches[j]!.shingles)).toBeLessThan(options.threshold);
});

test("groups do not depend on the order of texts", () => {
  const texts = corpus(5, 40, 4);
  const partition = (list: readonly string[]) => {
    const sets = groups(list.map(sketcher(options)), options);
    const by = new Map<number, string[]>();
    for (const [i, t] of list.entries()) by.set(sets.find(i), [...(by.get(sets.find(i)) ?? []), t]);
    return [...by.values()].map(g => g.sort().join("|")).sort();
  };
  const shuffled = [...random(1).permutation(texts.length)].map(i => texts[i]!);
  expect(partition(shuffled)).toEqual(partition(texts));
  expect(partition(texts).length).toBeLessThan(texts.length);
});

test("leaks are exactly the pairs that brute force finds", () => {
  const texts = corpus(9, 30, 3);
  const sketches = texts.map(sketcher(options));
  const held = texts.flatMap((_, i) => (i % 3 === 0 ? [i] : []));
  const train = texts.flatMap((_, i) => (i % 3 === 0 ? [] : [i]));
  for (const threshold of [0.2, 0.7]) {
    const expected = train.flatMap(t =>
      held.filter(h => jaccard(sketches[t]!.shingles, sketches[h]!.shingles) >= threshold).map(h => `${h} ${t}`),
    );
    expect(expected.length).toBeGreaterThan(0);
    expect(
      leaks(sketches, held, train, threshold)
        .map(l => `${l.heldOut} ${l.train}`)
        .sort(),
    ).toEqual(expected.sort());
  }
});

test("disjoint sets: joined means connected, and the root is the smallest member", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(19), fc.nat(19)), { maxLength: 30 }), edges => {
      const sets = unionFind(20);
      for (const [a, b] of edges) sets.union(a, b);
      const label = Array.from({ length: 20 }, (_, i) => i);
      for (let round = 0; round < 20; round++) for (const [a, b] of edges) label[a] = label[b] = Math.min(label[a]!, label[b]!);
      expect(label.map((_, i) => sets.find(i))).toEqual(label);
    }),
  );
});
