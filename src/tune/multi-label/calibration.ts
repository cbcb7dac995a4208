/**
 * Calibration of a label's logits and the threshold at which it holds, both fitted on the validation set. Platt's map with his smoothed targets (1999; Newton's
 * method as in Lin, Lin and Weng 2007), or its slope alone (a temperature). With costs the threshold is Elkan's (2001): FP / (FP + FN).
 */
import type { LabelScale } from "../../nn/index.ts";
import { curveOf } from "../../statistics/index.ts";
import type { MultiLabelOptions, ThresholdRule } from "./options.ts";

/** Outputs for texts whose truth is known. */
export interface KnownOutputs {
  readonly outputs: readonly number[];
  readonly holds: readonly boolean[];
}

const identity: LabelScale = { slope: 1, offset: 0 };
const logistic = (x: number): number => 1 / (1 + Math.exp(-x));
const steps = 100;
/** Steeper maps say 0 or 1, which no number of validation texts shows. */
const [leastSlope, mostSlope] = [0.01, 100];

/** The map of least cross-entropy; identity where logits do not rise with the truth, or one side is missing. */
export function fitScale({ outputs, holds }: KnownOutputs, kind: MultiLabelOptions["calibration"]): LabelScale {
  const positives = holds.filter(Boolean).length;
  const negatives = holds.length - positives;
  if (kind === "none" || positives === 0 || negatives === 0) return identity;
  const [high, low] = [(positives + 1) / (positives + 2), 1 / (negatives + 2)];
  const targets = holds.map(h => (h ? high : low));
  const lossOf = (slope: number, offset: number): number =>
    outputs.reduce((sum, x, i) => {
      const z = slope * x + offset;
      return sum + Math.max(z, 0) - z * targets[i]! + Math.log1p(Math.exp(-Math.abs(z)));
    }, 0);
  const isFlat = kind === "temperature";
  let slope = 1;
  let offset = 0;
  let loss = lossOf(slope, offset);
  for (let step = 0; step < steps; step++) {
    // ridge: two logits that are one have no second slope
    let [gs, go, hss, hso, hoo] = [0, 0, 1e-9, 0, 1e-9];
    for (const [i, x] of outputs.entries()) {
      const p = logistic(slope * x + offset);
      const [error, curvature] = [p - targets[i]!, p * (1 - p)];
      gs += error * x;
      go += error;
      hss += curvature * x * x;
      hso += curvature * x;
      hoo += curvature;
    }
    const determinant = hss * hoo - hso * hso;
    const [ds, dof] = isFlat ? [-gs / hss, 0] : [-(hoo * gs - hso * go) / determinant, -(hss * go - hso * gs) / determinant];
    let size = 1;
    while (size > 1e-10 && !(lossOf(slope + size * ds, offset + size * dof) < loss)) size /= 2;
    if (size <= 1e-10) break;
    slope += size * ds;
    offset += size * dof;
    const now = lossOf(slope, offset);
    if (loss - now < 1e-12 * Math.abs(loss)) break;
    loss = now;
  }
  if (!Number.isFinite(slope) || !Number.isFinite(offset) || slope < leastSlope) return identity;
  return { slope: Math.min(slope, mostSlope), offset };
}

/** The probability from which on the label holds; null: never. */
export function chooseThreshold(rule: ThresholdRule, { outputs: probabilities, holds }: KnownOutputs): number | null {
  if (typeof rule === "number") return rule;
  if (rule !== "f1" && "falsePositive" in rule) return rule.falsePositive / (rule.falsePositive + rule.falseNegative);
  const positives = holds.filter(Boolean).length;
  if (positives === 0 || positives === holds.length) return 0.5;
  const { thresholds, truePositives, falsePositives, negatives } = curveOf({ positive: holds, score: probabilities });
  let best = -1;
  let bestF1 = 0;
  for (let i = 0; i < thresholds.length; i++) {
    if (rule !== "f1") {
      if (falsePositives[i]! / negatives > rule.falseAlarms) break;
      best = i;
      continue;
    }
    const f1 = (2 * truePositives[i]!) / (truePositives[i]! + falsePositives[i]! + positives);
    if (f1 > bestF1) [best, bestF1] = [i, f1];
  }
  // between two scores, so that the last digit of one decides nothing; with none allowed, above the highest
  if (best < 0) {
    const above = (1 + thresholds[0]!) / 2;
    return above > thresholds[0]! ? above : null;
  }
  const [own, next] = [thresholds[best]!, thresholds[best + 1]];
  const between = next === undefined ? own : (own + next) / 2;
  // two numbers may have none between them
  return next !== undefined && between <= next ? own : between;
}
