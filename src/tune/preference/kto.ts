/**
 * KTO (Ethayarajh et al. 2024, "Model alignment as prospect theoretic optimization"): what an answer gains is weighed against how far the model has
 * moved at all, and a gain counts less and less the greater it is. Answers are rated one by one; pairs are not needed. The formula is TRL's
 * (`bench/peers/golden/kto.py`).
 */
import { div, maximum, mul, sigmoid, stopGradient, sub, sum, type Tensor } from "../../tensor/index.ts";

interface RatedScores {
  /** Log-probabilities of the answers, sums over their tokens [N]. */
  readonly answer: Tensor;
  readonly reference: Tensor;
  /** The same of answers to other prompts behind these prompts [N]: what the divergence is told by. */
  readonly other: Tensor;
  readonly otherReference: Tensor;
  /** 1 for a good answer, -1 for a bad one [N]. */
  readonly sign: Tensor;
  /** 1 where a place holds an answer [N]. */
  readonly present: Tensor;
}

/** Losses [N], what each answer gained [N] (beta times the log-ratio), and the divergence [] that gains are weighed against. */
export function ktoTerms(s: RatedScores, beta: number): { readonly loss: Tensor; readonly reward: Tensor; readonly divergence: Tensor } {
  // E[log pi(y'|x) / ref(y'|x)] over the batch, not below 0, a constant of the step (section 4.1)
  return ktoTermsBeside(s, stopGradient(maximum(div(movedSum(s), maximum(sum(s.present), 1)), 0)), beta);
}

/** How far the model has moved, summed over a batch's answers []. */
export const movedSum = (s: Pick<RatedScores, "other" | "otherReference" | "present">): Tensor =>
  sum(mul(sub(s.other, s.otherReference), s.present));

/** The same terms where the divergence [] is known. */
export function ktoTermsBeside(s: Pick<RatedScores, "answer" | "reference" | "sign">, divergence: Tensor, beta: number) {
  const gain = sub(s.answer, s.reference);
  return {
    loss: sub(1, sigmoid(mul(mul(sub(gain, divergence), s.sign), beta))),
    reward: mul(gain, beta),
    divergence,
  };
}
