/** Measures of rankings against trec_eval (`bench/peers/golden/embedding_tasks.py`), and their meaning where scores are equal. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { measureOf } from "../results/measures.ts";
import { ndcgAt, type PlaceFigure, placeFigures, rankingOf, recallAt, reciprocalRank } from "./index.ts";
import { openRanking } from "./rank.ts";

interface Golden {
  readonly rankings: readonly {
    readonly scores: readonly number[];
    readonly gains: readonly number[];
    readonly figures: Readonly<Record<string, number>>;
  }[];
}
const golden: Golden = JSON.parse(readFileSync(new URL("../embedding/embedding-tasks.golden.json", import.meta.url), "utf8"));

const gainsOf = (gains: readonly number[]) => new Map([...gains.entries()].filter(([, g]) => g > 0));
const foundIn = (scores: readonly number[], gains: readonly number[]) => rankingOf(Float64Array.from(scores), gainsOf(gains)).found;

test("every measure by its name is trec_eval's, at every k", () => {
  for (const [i, { scores, gains, figures }] of golden.rankings.entries()) {
    const item = { found: foundIn(scores, gains) };
    for (const [name, want] of Object.entries(figures)) {
      const measure = measureOf(name, { task: "golden", output: "retrieval" });
      expect(measure.value(item as never), `ranking ${i}: ${name}`).toBeCloseTo(want, 12);
    }
  }
});

function* orders(list: readonly number[]): Generator<number[]> {
  if (list.length === 0) yield [];
  for (const [i, x] of list.entries()) for (const rest of orders(list.toSpliced(i, 1))) yield [x, ...rest];
}

/** Seven documents, few scores. */
const tied = fc
  .record({
    scores: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 7, maxLength: 7 }),
    gains: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 7, maxLength: 7 }),
  })
  .filter(r => r.gains.some(g => g > 0));

test("of equal scores, a measure is its mean over all orders that they may stand in", () => {
  fc.assert(
    fc.property(tied, fc.integer({ min: 1, max: 8 }), ({ scores, gains }, k) => {
      const sums = new Map<PlaceFigure, number>();
      let count = 0;
      const own = foundIn(scores, gains);
      // an order of all seven that goes with the scores
      for (const order of orders([0, 1, 2, 3, 4, 5, 6])) {
        if (order.some((d, i) => i > 0 && scores[d]! > scores[order[i - 1]!]!)) continue;
        count++;
        const strict = scores.map((_, d) => -order.indexOf(d));
        for (const name of Object.keys(placeFigures) as PlaceFigure[])
          sums.set(name, (sums.get(name) ?? 0) + placeFigures[name](foundIn(strict, gains), k));
      }
      for (const [name, sum] of sums) expect(placeFigures[name](own, k), name).toBeCloseTo(sum / count, 10);
    }),
    { numRuns: 15 },
  );
});

/** What one order of all documents is worth, from the definitions. */
const plainly = {
  ndcg: (gains: readonly number[], k: number) => {
    const sum = (list: readonly number[]) => list.slice(0, k).reduce((total, gain, place) => total + gain / Math.log2(place + 2), 0);
    return sum(gains) / sum(gains.toSorted((a, b) => b - a));
  },
  recall: (gains: readonly number[], k: number) => gains.slice(0, k).filter(g => g > 0).length / gains.filter(g => g > 0).length,
  reciprocal: (gains: readonly number[]) => 1 / (gains.findIndex(g => g > 0) + 1),
};

test("from the scores of all candidates too: gain, recall and reciprocal rank are means over the orders of equal scores", () => {
  fc.assert(
    fc.property(tied, fc.integer({ min: 1, max: 8 }), ({ scores, gains }, k) => {
      let [ndcg, recall, reciprocal, count] = [0, 0, 0, 0];
      for (const order of orders([0, 1, 2, 3, 4, 5, 6])) {
        if (order.some((d, i) => i > 0 && scores[d]! > scores[order[i - 1]!]!)) continue;
        count++;
        const ordered = order.map(d => gains[d]!);
        ndcg += plainly.ndcg(ordered, k);
        recall += plainly.recall(ordered, k);
        reciprocal += plainly.reciprocal(ordered);
      }
      expect(ndcgAt({ scores, gains }, k)).toBeCloseTo(ndcg / count, 10);
      expect(recallAt({ scores, gains }, k)).toBeCloseTo(recall / count, 10);
      expect(reciprocalRank({ scores, gains })).toBeCloseTo(reciprocal / count, 10);
    }),
    { numRuns: 15 },
  );
});

test("a document that is left out is no candidate: the others stand as if it were not there", () => {
  const scores = Float64Array.of(0.9, 0.4, 0.9, 0.1);
  const all = rankingOf(scores, new Map([[2, 1]]));
  expect([all.found, all.first]).toEqual([[[1, 0, 2]], [0, 2, 1, 3]]);
  const { found, first } = rankingOf(
    scores,
    new Map([
      [0, 3],
      [2, 1],
    ]),
    0,
  );
  expect([found, first]).toEqual([[[1, 0, 1]], [2, 1, 3]]);
});

test("scores that come in portions rank as when sorted at once: the first ten, and where what answers stands", () => {
  const score = fc.integer({ min: -2, max: 4 });
  fc.assert(
    fc.property(
      fc.array(fc.array(score, { maxLength: 9 }), { minLength: 1, maxLength: 6 }),
      fc.dictionary(fc.constantFrom("0", "3", "4", "11", "17"), fc.integer({ min: 1, max: 3 })),
      fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }),
      (portions, worth, left) => {
        const all = portions.flat();
        const gains = new Map(Object.entries(worth).map(([d, gain]) => [Number(d), gain] as const));
        for (const d of gains.keys()) if (d >= all.length) gains.delete(d);
        const open = openRanking(gains, d => all[d]!, left);
        // each portion lies behind others in its list
        let first = 0;
        for (const portion of portions) {
          open.take(first, Float64Array.of(9, 9, ...portion, 9), 2, portion.length);
          first += portion.length;
        }
        const { found, order, first: shown, firstScores } = open.ranking();
        const candidates = [...all.keys()].filter(d => d !== left);
        const sorted = candidates.toSorted((a, b) => all[b]! - all[a]! || a - b);
        expect(shown).toEqual(sorted.slice(0, 10));
        expect(firstScores).toEqual(sorted.slice(0, 10).map(d => all[d]));
        const answers = candidates
          .filter(d => gains.has(d))
          .toSorted((a, b) => all[b]! - all[a]! || gains.get(b)! - gains.get(a)! || a - b);
        expect(order).toEqual(answers);
        const count = (is: (score: number) => boolean) => candidates.filter(d => is(all[d]!)).length;
        expect(found).toEqual(answers.map(d => [gains.get(d)!, count(s => s > all[d]!), count(s => s === all[d])]));
      },
    ),
    { seed: 6, numRuns: 500 },
  );
});
