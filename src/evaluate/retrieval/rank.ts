/**
 * The ranking that scores give: where what answers stands, and the first of all. Scores come a portion at a time and none is kept but the first ones: each is
 * counted between the scores of what answers, so a query costs a comparison or two a document, and no sorting of all.
 */
import type { RankedGain } from "./found.ts";

/** Documents of a ranking that are kept by their names. */
const shownDocuments = 10;

export interface Ranking {
  /** Of what answers, the best first, and the numbers of those documents. */
  readonly found: readonly RankedGain[];
  readonly order: readonly number[];
  /** Numbers of the first documents, the earliest of equals first, and their scores. */
  readonly first: readonly number[];
  readonly firstScores: readonly number[];
}

export interface OpenRanking {
  /** The scores of the documents from `first` on, `count` of them from `from` in the list. Documents come in order, each once. */
  readonly take: (first: number, scores: Float64Array, from: number, count: number) => void;
  /** Of all that came. */
  readonly ranking: () => Ranking;
}

/** `gains`: document -> what finding it is worth, above 0; `scoreOf` gives the scores of those. `left` is no candidate. */
export function openRanking(gains: ReadonlyMap<number, number>, scoreOf: (document: number) => number, left?: number): OpenRanking {
  const answers = [...gains]
    .filter(([document]) => document !== left)
    .map(([document, gain]) => ({ document, gain, score: scoreOf(document) }))
    .sort((a, b) => b.score - a.score || b.gain - a.gain || a.document - b.document);
  // from the least on: documents of such a score, and those between it and the one below; the last number is of those above all
  const levels = Float64Array.from(new Set(answers.map(a => a.score))).sort();
  const [equal, between] = [new Float64Array(levels.length), new Float64Array(levels.length + 1)];
  const [firstScores, firstDocuments] = [new Float64Array(shownDocuments), new Int32Array(shownDocuments)];
  let size = 0;
  const lowest = levels[0] ?? Number.POSITIVE_INFINITY;

  function count(score: number): void {
    let [low, high] = [0, levels.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (levels[middle]! < score) low = middle + 1;
      else high = middle;
    }
    if (levels[low] === score) equal[low]!++;
    else between[low]!++;
  }
  /** Behind its equals, which came before it. */
  function enter(document: number, score: number): void {
    let at = size < shownDocuments ? size++ : shownDocuments - 1;
    for (; at > 0 && firstScores[at - 1]! < score; at--) {
      firstScores[at] = firstScores[at - 1]!;
      firstDocuments[at] = firstDocuments[at - 1]!;
    }
    firstScores[at] = score;
    firstDocuments[at] = document;
  }

  return {
    take(first, scores, from, many) {
      for (let i = 0; i < many; i++) {
        const score = scores[from + i]!;
        if (first + i === left) continue;
        if (score >= lowest) count(score);
        if (size < shownDocuments || score > firstScores[shownDocuments - 1]!) enter(first + i, score);
      }
    },
    ranking() {
      const before = new Map<number, readonly [before: number, tied: number]>();
      let above = between[levels.length]!;
      for (let level = levels.length - 1; level >= 0; level--) {
        before.set(levels[level]!, [above, equal[level]!]);
        above += equal[level]! + between[level]!;
      }
      return {
        found: answers.map(({ gain, score }): RankedGain => [gain, ...before.get(score)!]),
        order: answers.map(a => a.document),
        first: [...firstDocuments.subarray(0, size)],
        firstScores: [...firstScores.subarray(0, size)],
      };
    },
  };
}

/** Of the scores of all documents. */
export function rankingOf(scores: Float64Array, gains: ReadonlyMap<number, number>, left?: number): Ranking {
  const open = openRanking(gains, document => scores[document]!, left);
  open.take(0, scores, 0, scores.length);
  return open.ranking();
}
