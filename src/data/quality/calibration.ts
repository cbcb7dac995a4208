/**
 * From margins to probabilities that come true, learnt on texts that were held out from learning: a sigmoid of two numbers (Platt 1999, with the
 * softened targets and the Newton steps of Lin, Lin & Weng 2007), or a rising staircase (isotonic regression by pooling neighbours that are in
 * the wrong order, Ayer et al. 1955; Zadrozny & Elkan 2002), which needs a thousand texts and more.
 */
import { z } from "zod";
import { logistic } from "./logistic.ts";

export const calibrationSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("platt"), slope: z.number(), shift: z.number() }),
  z.strictObject({
    kind: z.literal("isotonic"),
    /** Margins in rising order, and the probability at each; between them a straight line. */
    margins: z.array(z.number()).min(1),
    scores: z.array(z.number().min(0).max(1)).min(1),
  }),
]);
export type QualityCalibration = z.output<typeof calibrationSchema>;

export interface LabelledMargin {
  readonly margin: number;
  readonly isGood: boolean;
}

/** The probability of good at a margin. */
export function calibratedQuality(c: QualityCalibration, margin: number): number {
  if (c.kind === "platt") return logistic(c.slope * margin + c.shift);
  const { margins, scores } = c;
  let [low, high] = [0, margins.length - 1];
  if (margin <= margins[low]!) return scores[low]!;
  if (margin >= margins[high]!) return scores[high]!;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (margins[middle]! <= margin) low = middle;
    else high = middle;
  }
  const span = margins[high]! - margins[low]!;
  return scores[low]! + ((scores[high]! - scores[low]!) * (margin - margins[low]!)) / span;
}

/** Platt's sigmoid: Newton's method with a line search on the cross-entropy. */
export function plattCalibration(margins: readonly LabelledMargin[]): QualityCalibration {
  const good = margins.reduce((n, m) => n + Number(m.isGood), 0);
  const bad = margins.length - good;
  // Targets that a finite sample allows: nobody is certain after so few.
  const [high, low] = [(good + 1) / (good + 2), 1 / (bad + 2)];
  const loss = (a: number, b: number) => {
    let sum = 0;
    for (const { margin, isGood } of margins) {
      const z = a * margin + b;
      const t = isGood ? high : low;
      sum += z > 0 ? (1 - t) * z + Math.log1p(Math.exp(-z)) : -t * z + Math.log1p(Math.exp(z));
    }
    return sum;
  };
  let [slope, shift] = [0, Math.log((good + 1) / (bad + 1))];
  let value = loss(slope, shift);
  for (let step = 0; step < 100; step++) {
    let [ga, gb, haa, hab, hbb] = [0, 0, 1e-12, 0, 1e-12];
    for (const { margin, isGood } of margins) {
      const p = logistic(slope * margin + shift);
      const error = p - (isGood ? high : low);
      const curve = p * (1 - p);
      ga += error * margin;
      gb += error;
      haa += curve * margin * margin;
      hab += curve * margin;
      hbb += curve;
    }
    if (Math.abs(ga) < 1e-9 * margins.length && Math.abs(gb) < 1e-9 * margins.length) break;
    const det = haa * hbb - hab * hab;
    const [da, db] = [(-hbb * ga + hab * gb) / det, (hab * ga - haa * gb) / det];
    let size = 1;
    let next = loss(slope + da, shift + db);
    for (; size > 1e-10 && !(next < value + 1e-4 * size * (ga * da + gb * db)); next = loss(slope + size * da, shift + size * db))
      size /= 2;
    if (size <= 1e-10) break;
    slope += size * da;
    shift += size * db;
    value = next;
  }
  return { kind: "platt", slope, shift };
}

/** The rising staircase nearest to the truths, its steps joined by straight lines from middle to middle. */
export function isotonicCalibration(margins: readonly LabelledMargin[]): QualityCalibration {
  const sorted = [...margins].sort((a, b) => a.margin - b.margin);
  const blocks: { n: number; good: number; margin: number }[] = [];
  for (const { margin, isGood } of sorted) {
    blocks.push({ n: 1, good: Number(isGood), margin });
    for (
      let last = blocks.at(-1)!, before = blocks.at(-2);
      before && before.good * last.n >= last.good * before.n;
      before = blocks.at(-2)
    ) {
      blocks.pop();
      before.margin = (before.margin * before.n + last.margin * last.n) / (before.n + last.n);
      before.n += last.n;
      before.good += last.good;
      last = before;
    }
  }
  return { kind: "isotonic", margins: blocks.map(b => b.margin), scores: blocks.map(b => b.good / b.n) };
}
