import fc from "fast-check";
import { expect, test } from "vitest";
import { rounds } from "../../../../test/support/deep.ts";
import { random } from "../../../base/index.ts";
import {
  candidateProbability,
  estimateSimilarity,
  hashSet,
  jaccard,
  leaksAgainst,
  minHasher,
  plainMinHasher,
  type Sketches,
  shingles,
  similarGroups,
  sketchAll,
  survivors,
} from "./index.ts";
import { keyTable } from "./key-table.ts";
import { nearDuplicateOptions } from "./options.ts";
import { plainShingles, shingleHashes } from "./shingles.ts";
import { unionFind } from "./union-find.ts";
import { mixHash, wordHashes } from "./words.ts";

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

/** Whether two texts have a key in common. */
const share = (sketches: Sketches, i: number, j: number) =>
  Array.from({ length: options.bands }, (_, b) => b).some(b => sketches.key(i, b) === sketches.key(j, b));

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
      expect(new Set(got).size).toBe(got.length);
    }),
  );
});

/** The definition of words as a pattern: characters of scripts without spaces, and runs of whatever else is no space, sign or mark. */
const alone = "\\u3040-\\u9fff\\u0e00-\\u0eff\\u1000-\\u109f\\u1780-\\u17ff";
const isAlone = new RegExp(`^[${alone}]$`);
const signs =
  "\\u0000-\\u002f\\u003a-\\u0040\\u005b-\\u0060\\u007b-\\u00a9\\u00ab-\\u00b4\\u00b6-\\u00b9\\u00bb-\\u00bf\\u00d7\\u00f7\\u2000-\\u2bff\\u3000-\\u303f\\uff00-\\uff0f\\ufffd";
const unitWordRuns = new RegExp(`[${alone}]|[^${signs}${alone}]+`, "g");

test("words are found alike in bytes, in code units and by the pattern that defines them", () => {
  // The definition, for texts without scripts that write no spaces.
  const hash = (word: string) => mixHash([...word].reduce((h, c) => Math.imul(h ^ c.charCodeAt(0), 0x01000193), 0x811c9dc5));
  const piece = fc.constantFrom("a", "Z", "09", " ", "\n", "-", "_", "\0", "~", "é", "Ä", "\u00a0", "…", "ß", "word");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), pieces => {
      const text = pieces.join("");
      const expected = (text.toLowerCase().match(/[a-z0-9éäß]+/g) ?? []).map(hash);
      expect([...wordHashes(text)]).toEqual(expected);
    }),
  );
});

test("any text has the shingles of the definition: words by units in lower case, characters where no spaces are written", () => {
  const piece = fc.oneof(
    fc.constantFrom("a", "Z", "0", " ", "\n", "-", "é", "Ä", "…", "“", "ß", "Σ", "ΟΔΟΣ", "İ", "\u212a", "ﬁ", "\ufffd", "word"),
    fc.constantFrom("Москва", "日本", "かな", "ไทย", "한국어", "🙂", "\ud800", "\u0301", "\u3000", "ａ", "(", "中"),
    fc.string({ unit: "binary", maxLength: 4 }),
  );
  const lower = (c: string) => (c.toLowerCase().length === 1 ? c.toLowerCase() : c);
  const mark = (word: string) => [...Array(word.length).keys()].reduce((h, i) => Math.imul(h ^ word.charCodeAt(i), 0x01000193), 0x811c9dc5);
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), fc.integer({ min: 1, max: 6 }), (pieces, n) => {
      const text = pieces.join("");
      const units = Array.from({ length: text.length }, (_, i) => lower(text[i]!)).join("");
      const words = (units.match(unitWordRuns) ?? []).map(w => mixHash(isAlone.test(w) ? w.charCodeAt(0) : mark(w)));
      expect([...wordHashes(text)]).toEqual(words);
      expect([...shingleHashes(text, n)]).toEqual([...plainShingles(text, n)]);
    }),
    { numRuns: 300 },
  );
});

test("shingles that repeat in the worst way are still distinct", () => {
  for (const text of ["a b ".repeat(4000), "x ".repeat(5000), "a b c d e f g ".repeat(900), "one two three four five"]) {
    const got = shingles(text, 5);
    expect([...got]).toEqual([...new Set(got)]);
    expect(got.length).toBeLessThanOrEqual(7);
  }
});

test("signatures through vectors are the plain ones, bit for bit, whatever the number of functions and shingles", () => {
  const draw = random(4);
  for (const [bands, rows] of [
    [1, 1],
    [14, 8],
    [3, 5],
    [20, 13],
    [9, 32],
  ] as const) {
    const [vector, plain] = [minHasher({ bands, rows }), plainMinHasher({ bands, rows })];
    for (const n of [0, 1, 2, 3, 63, 1000, 70_000 / rows]) {
      const set = Uint32Array.from({ length: n }, () => draw.u32());
      expect([...vector(set)], `${bands} x ${rows}, ${n} shingles`).toEqual([...plain(set)]);
    }
  }
});

test("the curve is what happens: pairs of a known similarity become candidates as often as P(s) says", () => {
  const shape = { words: 1, bands: 14, rows: 8 };
  const draw = random(12);
  const pairs = rounds(200, 80);
  for (const s of [0.6, 0.75, 0.9]) {
    // 200 members in all, a share of s of them in both sets.
    const both = Math.round(200 * s);
    let hits = 0;
    for (let round = 0; round < pairs; round++) {
      const name = (i: number) => `w${round}x${i}y${draw.below(2 ** 30)}`;
      const common = Array.from({ length: both }, (_, i) => name(i));
      const own = (from: number) => Array.from({ length: (200 - both) / 2 }, (_, i) => name(from + i));
      const sketches = sketchAll([[...common, ...own(1000)].join(" "), [...common, ...own(2000)].join(" ")], shape);
      expect(jaccard(sketches.shingles(0), sketches.shingles(1))).toBeCloseTo(s, 2);
      if (share(sketches, 0, 1)) hits++;
    }
    const p = candidateProbability(s, shape);
    // The draws are fixed, so two and a half standard errors never alarm by chance; of 80 pairs half the bands are
    // always seen, a row less in 60 % of draws (of 200: 97 %).
    expect(Math.abs(hits / pairs - p), `s = ${s}, P = ${p}, seen ${hits / pairs}`).toBeLessThan(
      2.5 * Math.sqrt((p * (1 - p)) / pairs) + 0.005,
    );
  }
});

test("a similarity is given exactly where it reaches the threshold", () => {
  const set = fc.uniqueArray(fc.nat(30), { maxLength: 20 }).map(a => Uint32Array.from(a));
  const table = hashSet();
  fc.assert(
    fc.property(set, set, fc.constantFrom(0.1, 1 / 3, 0.5, 0.6, 0.7, 2 / 3, 0.75, 0.9, 1), (a, b, threshold) => {
      const common = a.filter(x => b.includes(x)).length;
      const s = a.length + b.length === 0 ? 0 : common / (a.length + b.length - common);
      table.load(a.slice());
      expect(table.similarityFrom(b, threshold)).toBe(s >= threshold ? s : undefined);
      expect(jaccard(a, b)).toBe(s);
    }),
  );
});

test("taking a set in leaves its distinct hashes in front, whatever they are and whatever was there before", () => {
  const table = hashSet();
  const hashes = fc.array(fc.oneof(fc.nat(5), fc.nat(2 ** 32 - 1), fc.constantFrom(0, 2 ** 31, 2 ** 32 - 1)), { maxLength: 300 });
  fc.assert(
    fc.property(hashes, list => {
      const values = Uint32Array.from(list);
      const n = table.load(values);
      expect([...values.subarray(0, n)]).toEqual([...new Set(list)]);
      expect(table.similarityFrom(values.subarray(0, n), 1)).toBe(n === 0 ? undefined : 1);
    }),
  );
});

test("a table of keys gives every entry of a key, in the order of insertion", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9), { maxLength: 60 }), keys => {
      // Multiples of a large power of two: all meet in one slot.
      const table = keyTable(keys.length, e => keys[e]! * 2 ** 20);
      for (const [e, k] of keys.entries()) table.insert(k * 2 ** 20, e);
      for (let k = 0; k < 10; k++) {
        const got: number[] = [];
        table.visit(k * 2 ** 20, e => got.push(e));
        expect(got).toEqual(keys.flatMap((x, e) => (x === k ? [e] : [])));
      }
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
    expect(Math.abs(estimateSimilarity(sign(a), sign(b)) - s), `round ${round}, similarity ${s}`).toBeLessThan(4 * deviation + 0.005);
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
  const sketches = sketchAll(texts, options);
  const order = texts.map((_, i) => i);
  const { twins, linked } = survivors(sketches, order, options);
  expect(twins.size).toBeGreaterThan(20);
  for (const [i, { survivor, similarity }] of twins) {
    expect(twins.has(survivor)).toBe(false);
    expect(similarity).toBeGreaterThanOrEqual(options.threshold);
    expect(linked.find(i)).toBe(linked.find(survivor));
    expect(jaccard(sketches.shingles(i), sketches.shingles(survivor))).toBe(similarity);
  }
  // What is linked on the way is linked by the closure too.
  const closed = similarGroups(sketches, options);
  for (const i of order) for (const j of order) if (linked.find(i) === linked.find(j)) expect(closed.find(i)).toBe(closed.find(j));
  const stay = order.filter(i => !twins.has(i));
  for (const i of stay)
    for (const j of stay)
      if (i < j && share(sketches, i, j)) expect(jaccard(sketches.shingles(i), sketches.shingles(j))).toBeLessThan(options.threshold);
});

test("groups do not depend on the order of texts", () => {
  const texts = corpus(5, 40, 4);
  const partition = (list: readonly string[]) => {
    const sets = similarGroups(sketchAll(list, options), options);
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
  const held = sketchAll(
    texts.filter((_, i) => i % 3 === 0),
    options,
  );
  const train = sketchAll(
    texts.filter((_, i) => i % 3 !== 0),
    options,
  );
  const numbers = (s: Sketches) => Array.from({ length: s.size }, (_, i) => i);
  for (const threshold of [0.2, 0.7]) {
    const expected = numbers(train).flatMap(t =>
      numbers(held)
        .filter(h => jaccard(train.shingles(t), held.shingles(h)) >= threshold)
        .map(h => `${h} ${t}`),
    );
    expect(expected.length).toBeGreaterThan(0);
    expect(
      leaksAgainst(
        held,
        threshold,
      )(train)
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
