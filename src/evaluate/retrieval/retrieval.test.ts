/** Rankings against scikit-learn (`bench/peers/golden/retrieval.py`), and what holds of any. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ndcgAt, recallAt, reciprocalRank } from "./index.ts";

const golden: {
  readonly cases: readonly { readonly scores: number[]; readonly gains: number[]; readonly ndcg: Readonly<Record<string, number>> }[];
} = JSON.parse(readFileSync(new URL("retrieval.golden.json", import.meta.url), "utf8"));

test("discounted gain is scikit-learn's, with ties and without", () => {
  for (const [i, { ndcg, ...ranked }] of golden.cases.entries())
    for (const [k, want] of Object.entries(ndcg)) expect(ndcgAt(ranked, Number(k)), `case ${i} at ${k}`).toBeCloseTo(want, 12);
});

test("the order in which candidates lie decides nothing, and all of them at once recall all", () => {
  for (const { scores, gains } of golden.cases) {
    const turned = { scores: scores.toReversed(), gains: gains.toReversed() };
    for (const k of [1, 3, 12]) {
      expect(ndcgAt(turned, k)).toBeCloseTo(ndcgAt({ scores, gains }, k), 12);
      if (gains.some(g => g > 0)) expect(recallAt(turned, k)).toBeCloseTo(recallAt({ scores, gains }, k), 12);
    }
    if (gains.some(g => g > 0)) expect(recallAt({ scores, gains }, 12)).toBeCloseTo(1, 12);
    else expect(recallAt({ scores, gains }, 12)).toBeNaN();
    expect(reciprocalRank(turned)).toBe(reciprocalRank({ scores, gains }));
  }
});

test("a model that gives all candidates one score is worth what chance is, not a first place", () => {
  const same = { scores: [1, 1, 1, 1], gains: [1, 0, 0, 0] };
  expect(recallAt(same, 1)).toBe(0.25);
  // any of four places, one as likely as the other
  expect(reciprocalRank(same)).toBeCloseTo((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4, 12);
  expect(ndcgAt(same, 1)).toBe(0.25);
  expect([recallAt({ scores: [3, 2, 1], gains: [0, 1, 1] }, 2), reciprocalRank({ scores: [3, 2, 1], gains: [0, 1, 1] })]).toEqual([
    0.5, 0.5,
  ]);
});
