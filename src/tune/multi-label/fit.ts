/** Fine-tuning of a multi-label classifier: a logit a label, binary cross-entropy over the labels that are known, selected by mean average precision or the loss. */
import { averagePrecision, curveOf } from "../../statistics/index.ts";
import { abs, add, exp, log, maximum, mul, neg, slice, sub, sum, type Tensor } from "../../tensor/index.ts";
import type { ValidationScores } from "../../train/index.ts";
import { type FittedHead, fitHead, type HeadRun, type HeadTexts } from "../text-head/fit.ts";
import type { MultiLabelText } from "./examples.ts";
import type { MultiLabelOptions } from "./options.ts";

/** Texts as tokens, with what holds of them. */
export interface MultiLabelTexts extends HeadTexts {
  readonly truths: readonly MultiLabelText["truth"][];
  /** What is learnt of each, where it is not the truth. */
  readonly targets?: readonly (MultiLabelText["targets"] | undefined)[];
}
type MultiLabelRun = HeadRun<MultiLabelTexts, MultiLabelOptions>;

/** Rarer labels are not worth more. */
const mostWeight = 20;

/** Weight of a positive text, one a label. */
function positiveWeights(kind: MultiLabelOptions["weights"], labels: readonly string[], truths: MultiLabelTexts["truths"]): number[] {
  return labels.map((_, k) => {
    if (kind === "none") return 1;
    const positives = truths.reduce((n, t) => n + (t[k] === 1 ? 1 : 0), 0);
    const negatives = truths.reduce((n, t) => n + (t[k] === 0 ? 1 : 0), 0);
    return positives === 0 ? 1 : Math.min(mostWeight, Math.max(1, negatives / positives));
  });
}

/** Nats of a text's labels, the mean of those that are known. */
export function labelLoss(logits: ArrayLike<number>, truth: MultiLabelText["truth"]): number {
  let [total, known] = [0, 0];
  for (const [k, t] of truth.entries()) {
    if (t === undefined) continue;
    const x = logits[k]!;
    total += Math.max(x, 0) - x * t + Math.log1p(Math.exp(-Math.abs(x)));
    known++;
  }
  return known === 0 ? 0 : total / known;
}

/** Scores of logits on texts whose labels are known; a label with one side has no average precision. */
function multiLabelSelection(
  logits: readonly ArrayLike<number>[],
  truths: MultiLabelTexts["truths"],
  labels: readonly string[],
): ValidationScores {
  const loss = logits.reduce((s, row, i) => s + labelLoss(row, truths[i]!), 0) / logits.length;
  const precisions = labels.flatMap((_, k) => {
    const known = truths.flatMap((t, i) => (t[k] === undefined ? [] : [i]));
    const positive = known.map(i => truths[i]![k] === 1);
    if (!positive.includes(true) || !positive.includes(false)) return [];
    return [averagePrecision(curveOf({ positive, score: known.map(i => logits[i]![k]!) }))];
  });
  return { loss, averagePrecision: precisions.reduce((a, b) => a + b, 0) / Math.max(1, precisions.length) };
}

/** Of logits [B, K] and targets [B, 2K] (what holds, then its weight): the weighted mean over labels, [B]. */
function losses(logits: Tensor, targets: Tensor): Tensor {
  const labels = logits.shape[1]!;
  const truth = slice(targets, undefined, [0, labels]);
  const weight = slice(targets, undefined, [labels, 2 * labels]);
  const soft = log(add(exp(neg(abs(logits))), 1));
  return sum(mul(add(sub(maximum(logits, 0), mul(logits, truth)), soft), weight), 1);
}

const better: { readonly [B in MultiLabelOptions["select"]]: (a: ValidationScores, b: ValidationScores) => boolean } = {
  loss: (a, b) => a.loss < b.loss,
  averagePrecision: (a, b) => a.averagePrecision! > b.averagePrecision! || (a.averagePrecision === b.averagePrecision && a.loss < b.loss),
};

/** Trains from the start, or from the newest whole checkpoint in the folder. Errors: tune/*, train/*, nn/*; on abort the state is saved first. */
export function fitMultiLabel(o: MultiLabelRun): Promise<FittedHead> {
  const { recipe, train, validation } = o;
  const { labels } = recipe;
  const weights = positiveWeights(recipe.weights, labels, train.truths);
  return fitHead(o, {
    config: { labels: [...labels], kind: "several" },
    targets: { dtype: "f32" },
    columns: 2 * labels.length,
    targetOf(text) {
      const truth = train.truths[text]!;
      const known = truth.filter(t => t !== undefined).length;
      return [
        ...(train.targets?.[text] ?? truth).map(t => t ?? 0),
        ...truth.map((t, k) => (t === undefined ? 0 : (t === 1 ? weights[k]! : 1) / known)),
      ];
    },
    weightOf: () => 1,
    losses,
    judge: logits => multiLabelSelection(logits, validation.truths, labels),
    isBetter: better[recipe.select],
    shown: s => `validation mean average precision ${s.averagePrecision!.toFixed(3)}`,
  });
}
