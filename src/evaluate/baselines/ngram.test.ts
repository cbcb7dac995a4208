import fc from "fast-check";
import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { discountsOf, ngramBaseline, trainNgram } from "./ngram.ts";

/**
 * The same model by its definition: n-grams as texts in maps, counts by going over every position, probabilities by recursion.
 * Slow, and written from the formulas of Chen & Goodman, not from the code under test.
 */
function reference(order: number, vocabulary: number, documents: readonly (readonly number[])[]) {
  const [end, begin] = [vocabulary, -1];
  /** Occurrences of every n-gram of 1..order tokens that does not end in the begin mark. */
  const raw = Array.from({ length: order + 1 }, () => new Map<string, number>());
  for (const d of documents) {
    const tokens = [begin, ...d, end];
    for (let i = 1; i < tokens.length; i++)
      for (let n = 1; n <= order && i - n + 1 >= 0; n++) {
        const gram = tokens.slice(i - n + 1, i + 1).join(" ");
        raw[n]!.set(gram, (raw[n]!.get(gram) ?? 0) + 1);
      }
  }
  const counts = raw.map((grams, n) => {
    if (n === order || n === 0) return grams;
    const left = new Map<string, number>();
    for (const longer of raw[n + 1]!.keys()) {
      const gram = longer.slice(longer.indexOf(" ") + 1);
      left.set(gram, (left.get(gram) ?? 0) + 1);
    }
    for (const [gram, c] of grams) if (gram.startsWith("-1 ")) left.set(gram, c);
    return left;
  });
  const discounts = counts.map(c => {
    const n = [1, 2, 3, 4].map(k => [...c.values()].filter(v => v === k).length);
    return discountsOf(n as unknown as [number, number, number, number]);
  });
  const at = (n: number, c: number) => (c === 0 ? 0 : discounts[n]![Math.min(c, 3) - 1]!);
  const probability = (context: readonly number[], token: number): number => {
    const n = context.length + 1;
    const lower = n === 1 ? 1 / (vocabulary + 1) : probability(context.slice(1), token);
    const prefix = context.join(" ");
    const following = [...counts[n]!].filter(([g]) => (n === 1 ? true : g.slice(0, g.lastIndexOf(" ")) === prefix));
    const total = following.reduce((s, [, c]) => s + c, 0);
    if (total === 0) return lower;
    const mass = following.reduce((s, [, c]) => s + at(n, c), 0);
    const count = counts[n]!.get([...context, token].join(" ")) ?? 0;
    return (count - at(n, count) + mass * lower) / total;
  };
  return (context: readonly number[], token: number) => probability([begin, ...context].slice(-(order - 1)), token);
}

const vocabulary = 5;
const documents = fc.array(fc.array(fc.nat(vocabulary - 1), { maxLength: 12 }), { minLength: 1, maxLength: 8 });

test("a worked example: two documents, bigrams, by hand", () => {
  // Documents "a b" and "a a" over {a, b}. Bigrams: ^a 2, ab 1, b$ 1, aa 1, a$ 1, so one discount D = 4 / (4 + 2) = 2/3.
  // Continuations: a after {^, a}, b after {a}, $ after {b, a}: 2, 1, 2 with D = 1 / (1 + 4) = 1/5; so P(a) = .4, P(b) = .2, P($) = .4.
  const model = trainNgram(2, 2, [
    [0, 1],
    [0, 0],
  ]);
  expect(model.probability([], 0)).toBeCloseTo((2 - 2 / 3 + (2 / 3) * 0.4) / 2, 12);
  expect(model.probability([0], 1)).toBeCloseTo((1 - 2 / 3 + 2 * 0.2) / 3, 12);
  expect(model.probability([0, 1], model.end)).toBeCloseTo(1 - 2 / 3 + (2 / 3) * 0.4, 12);
  expect(model.bits([0, 1])).toBeCloseTo(-Math.log2(0.8 * (11 / 45) * 0.6), 10);
});

test("discounts are Chen & Goodman's, and one for all where a corpus is too small", () => {
  // n1..n4 = 100, 40, 20, 10: Y = 100 / 180.
  const y = 100 / 180;
  expect(discountsOf([100, 40, 20, 10])).toEqual([1 - (2 * y * 40) / 100, 2 - (3 * y * 20) / 40, 3 - (4 * y * 10) / 20]);
  expect(discountsOf([4, 1, 0, 0])).toEqual([2 / 3, 2 / 3, 2 / 3]);
  expect(discountsOf([0, 0, 0, 0])).toEqual([0.5, 0.5, 0.5]);
});

test("the model equals its definition on small corpora, for every order and context", () => {
  const query = fc.array(fc.nat(vocabulary - 1), { maxLength: 6 });
  fc.assert(
    fc.property(documents, fc.integer({ min: 2, max: 5 }), query, (docs, order, context) => {
      const model = trainNgram(order, vocabulary, docs);
      const expected = reference(order, vocabulary, docs);
      for (let token = 0; token <= vocabulary; token++) expect(model.probability(context, token)).toBeCloseTo(expected(context, token), 10);
    }),
    { numRuns: 150 },
  );
});

test("probabilities of all tokens and the end sum to 1 after any context, seen or not", () => {
  const draw = random(5);
  const V = 300;
  const docs = Array.from({ length: 60 }, () => Array.from({ length: draw.below(80) }, () => Math.floor(V * draw.uniform() ** 3)));
  for (const order of [2, 3, 5]) {
    const model = trainNgram(order, V, docs);
    for (let k = 0; k < 20; k++) {
      const from = docs[draw.below(docs.length)]!;
      const context = k % 3 === 0 ? Array.from({ length: draw.below(6) }, () => draw.below(V)) : from.slice(0, draw.below(from.length + 1));
      let sum = 0;
      for (let token = 0; token <= V; token++) sum += model.probability(context, token);
      expect(sum, `order ${order}, context ${context.slice(-4)}`).toBeCloseTo(1, 9);
    }
  }
});

test("a document's bits are its tokens' and its end's", () => {
  fc.assert(
    fc.property(documents, fc.array(fc.nat(vocabulary - 1), { maxLength: 9 }), (docs, d) => {
      const model = trainNgram(4, vocabulary, docs);
      let bits = -Math.log2(model.probability(d, model.end));
      for (const [i, token] of d.entries()) bits -= Math.log2(model.probability(d.slice(0, i), token));
      expect(model.bits(d)).toBeCloseTo(bits, 9);
      expect(model.bits(Uint32Array.from(d))).toBe(model.bits(d));
    }),
  );
});

test("nothing learned is the uniform distribution", () => {
  const model = trainNgram(3, 7, []);
  expect(model.bits([1, 2])).toBeCloseTo(3 * 3, 10);
  const empty = trainNgram(3, 7, [[]]);
  expect(empty.probability([], empty.end)).toBeGreaterThan(0.5);
});

test("a longer order does better on text that repeats itself", () => {
  const draw = random(2);
  const phrases = Array.from({ length: 30 }, () => Array.from({ length: 8 }, () => draw.below(50)));
  const text = (n: number) => Array.from({ length: n }, () => Array.from({ length: 10 }, () => phrases[draw.below(30)]!).flat());
  const [train, heldOut] = [text(200), text(20)];
  const [two, four] = [2, 4].map(order => ngramBaseline({ order, vocabulary: 50, train, heldOut, bytes: 1600 }));
  // In a phrase the next token is nearly certain; between phrases there are 30 choices: about 80 x log2(30) / 8 bits a document.
  expect(four!.bits).toBeLessThan(two!.bits);
  expect(four!.bits).toBeGreaterThan(20 * 10 * Math.log2(30) * 0.9);
  expect(four!.bits).toBeLessThan(20 * 10 * Math.log2(30) * 1.4);
});

test("tokens beyond the vocabulary and orders below two are refused", () => {
  expect(() => trainNgram(2, 3, [[3]])).toThrow("expected a token below 3, got 3");
  expect(() => trainNgram(2, 3, [[0]]).bits([-1])).toThrow(RangeError);
  expect(() => trainNgram(1, 3, [])).toThrow("order of 2 or more");
});
