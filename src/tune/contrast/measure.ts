/** What vectors are worth: each anchor as a query among all texts of its part, and similarities beside people's scores. */
import { ndcgAt, recallAt, reciprocalRank } from "../../evaluate/index.ts";
import { bootstrap, drawnSpearman } from "../../statistics/index.ts";
import type { Related, ScoredPair } from "./pairs.ts";

/** The vector of a text, of length 1. */
export type VectorOf = (text: string) => Float64Array;

/** One anchor's measures. */
export interface AnchorScores {
  /** Nats of its positive among all candidates. */
  readonly loss: number;
  readonly ndcg10: number;
  readonly recall1: number;
  readonly recall10: number;
  readonly mrr: number;
}
export const foundNames = ["ndcg10", "recall1", "recall10", "mrr"] as const;

const cosine = (a: Float64Array, b: Float64Array): number => {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i]! * b[i]!;
  return total;
};

/** Every anchor among the positives and negatives of all: what belongs to it counts 1. The anchor itself is no candidate. */
export function anchorScores(related: readonly Related[], vectorOf: VectorOf, temperature: number): AnchorScores[] {
  const candidates = [...new Set(related.flatMap(r => (r.negative === undefined ? [r.positive] : [r.positive, r.negative])))];
  const belongs = new Map<string, Set<string>>();
  for (const r of related) belongs.set(r.anchor, (belongs.get(r.anchor) ?? new Set()).add(r.positive));
  return [...belongs].map(([anchor, positives]) => {
    const own = vectorOf(anchor);
    const others = candidates.filter(c => c !== anchor);
    const scores = others.map(c => cosine(own, vectorOf(c)));
    const gains = others.map(c => (positives.has(c) ? 1 : 0));
    const wrong = scores.filter((_, i) => gains[i] === 0);
    const losses = scores
      .filter((_, i) => gains[i] === 1)
      .map(score => Math.log(1 + wrong.reduce((s, w) => s + Math.exp((w - score) / temperature), 0)));
    const ranked = { scores, gains };
    return {
      loss: losses.reduce((a, b) => a + b, 0) / Math.max(1, losses.length),
      ndcg10: ndcgAt(ranked, 10),
      recall1: recallAt(ranked, 1),
      recall10: recallAt(ranked, 10),
      mrr: reciprocalRank(ranked),
    };
  });
}

/** Similarities of scored pairs. */
export const similarities = (pairs: readonly ScoredPair[], vectorOf: VectorOf): number[] =>
  pairs.map(p => cosine(vectorOf(p.first), vectorOf(p.second)));

interface Range {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}
const confidence = 0.95;
const draws = 1000;
const rangeOf = (count: number, statistic: (items: Int32Array) => number): Range => {
  const { value, low, high } = bootstrap(count, statistic, { draws, confidence });
  return Number.isNaN(low) ? { value, low: value, high: value } : { value, low, high };
};
/** A measure of the base and of the tuned model on the same items, and the paired difference. */
export interface BeforeAfter {
  readonly base: Range;
  readonly tuned: Range;
  readonly gain: Range;
}
const compared = (count: number, statistic: (side: "base" | "tuned", items: Int32Array) => number): BeforeAfter => ({
  base: rangeOf(count, items => statistic("base", items)),
  tuned: rangeOf(count, items => statistic("tuned", items)),
  gain: rangeOf(count, items => statistic("tuned", items) - statistic("base", items)),
});

export interface EmbedReport {
  readonly confidence: number;
  /** On the part that chose which values are kept, so it flatters. */
  readonly retrieval: { readonly queries: number } & Readonly<Record<(typeof foundNames)[number], BeforeAfter>>;
  /** On pairs that nothing was trained on or chosen by; absent without a file of them. */
  readonly scored?: { readonly pairs: number; readonly spearman: BeforeAfter };
}

/** Measures of both with bootstrap intervals, over anchors and over pairs. */
export function embedReport(
  found: { readonly base: readonly AnchorScores[]; readonly tuned: readonly AnchorScores[] },
  scored: { readonly scores: readonly number[]; readonly base: readonly number[]; readonly tuned: readonly number[] },
): EmbedReport {
  const mean = (side: readonly AnchorScores[], name: (typeof foundNames)[number], items: Int32Array) =>
    items.reduce((s, i) => s + side[i]![name], 0) / items.length;
  const { scores } = scored;
  const [base, tuned] = [drawnSpearman(scored.base, scores), drawnSpearman(scored.tuned, scores)];
  return {
    confidence,
    retrieval: {
      queries: found.base.length,
      ...(Object.fromEntries(
        foundNames.map(name => [name, compared(found.base.length, (side, items) => mean(found[side], name, items))]),
      ) as Record<(typeof foundNames)[number], BeforeAfter>),
    },
    ...(scores.length > 2
      ? {
          scored: {
            pairs: scores.length,
            spearman: compared(scores.length, (side, items) => (side === "base" ? base : tuned)(items)),
          },
        }
      : {}),
  };
}
