/** Tiles beside one pair after the other, and rankings of portions beside a sorting of all scores. */
import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { openRanking, rankingOf } from "../retrieval/index.ts";
import { embeddingRows, tileCosines } from "./tile.ts";
import { cosines, type Embedding, embeddingOf } from "./vectors.ts";

const draw = random("tiles");
const vectors = (n: number, size: number): Embedding[] =>
  Array.from({ length: n }, () => embeddingOf(Array.from({ length: size }, () => draw.uniform() - 0.5))!);

test("a tile's cosines are bit for bit those of its pairs, whatever the number of rows", () => {
  for (const [q, d, size] of [
    [1, 1, 1],
    [3, 5, 7],
    [8, 4, 384],
    [9, 64, 33],
  ] as const) {
    const [queries, documents] = [vectors(q, size), vectors(d, size)];
    const [rows, columns] = [embeddingRows(queries), embeddingRows(documents)];
    const across = columns.lengths.length;
    const all = new Float64Array(rows.lengths.length * across);
    tileCosines(rows, columns, all);
    for (const [i, query] of queries.entries())
      expect([...all.subarray(i * across, i * across + d)]).toEqual([...cosines(query, documents)]);
    expect([rows.count, columns.count]).toEqual([q, d]);
  }
});

/** By sorting all: where each answer stands, and the first ten. */
function plain(scores: readonly number[], gains: ReadonlyMap<number, number>, left: number | undefined) {
  const sorted = [...scores.keys()].filter(d => d !== left).sort((a, b) => scores[b]! - scores[a]! || a - b);
  const order = [...gains.keys()].filter(d => d !== left).sort((a, b) => scores[b]! - scores[a]! || gains.get(b)! - gains.get(a)! || a - b);
  const found = order.map(d => [
    gains.get(d)!,
    sorted.filter(x => scores[x]! > scores[d]!).length,
    sorted.filter(x => scores[x] === scores[d]).length,
  ]);
  const first = sorted.slice(0, 10);
  return { found, order, first, firstScores: first.map(d => scores[d]!) };
}

test("a ranking of portions is that of all scores sorted: places, ties, the first ten, without what is no candidate", () => {
  for (let round = 0; round < 200; round++) {
    const n = 1 + draw.below(60);
    const levels = round % 3 === 0 ? 3 : 1e6;
    const scores = Float64Array.from({ length: n }, () => Math.round(draw.uniform() * levels) / levels - 0.5);
    const gains = new Map(Array.from({ length: 1 + draw.below(5) }, () => [draw.below(n), 1 + draw.below(2)] as const));
    const left = round % 2 ? draw.below(n) : undefined;
    const open = openRanking(gains, d => scores[d]!, left);
    for (let at = 0; at < n; ) {
      const many = Math.min(n - at, 1 + draw.below(20));
      // as a row of a tile lies: not at the list's beginning
      open.take(at, Float64Array.of(9, ...scores.subarray(at, at + many), 9), 1, many);
      at += many;
    }
    const want = plain([...scores], gains, left);
    expect(open.ranking()).toEqual(want);
    expect(rankingOf(scores, gains, left)).toEqual(want);
  }
});
