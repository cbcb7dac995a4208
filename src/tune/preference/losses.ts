/**
 * Losses of a pair of answers, one better, as functions of the answers' log-probabilities: DPO (Rafailov et al. 2023), IPO (Azar et al. 2023), SimPO
 * (Meng et al. 2024), ORPO (Hong et al. 2024). All over vectors [N] of pairs; sums or means over answer tokens, as each paper has it. The
 * formulas are TRL's, and so are the numbers (`bench/peers/golden/preference.py`).
 */
import { add, concat, exp, log, logSumExp, mul, neg, reshape, square, sub, type Tensor, zeros } from "../../tensor/index.ts";
import type { PairLossName } from "./options.ts";

/** log(1 + e^x) of [N] without overflow; -log sigmoid(x) is softplus(-x). */
function softplus(x: Tensor): Tensor {
  const n = x.shape[0]!;
  return reshape(logSumExp(concat([zeros([n, 1]), reshape(x, [n, 1])], 1)), [n]);
}
const surprise = (x: Tensor): Tensor => softplus(neg(x));

interface PairScores {
  /** Log-probability of an answer by the model, summed over its tokens, or their mean where the loss asks for it [N]. */
  readonly chosen: Tensor;
  readonly rejected: Tensor;
  /** The same by the model that one started from; absent where the loss has no need of it. */
  readonly referenceChosen?: Tensor;
  readonly referenceRejected?: Tensor;
}
interface PairOptions {
  /** How much a difference counts; for IPO the strength of the pull to the reference. */
  readonly beta: number;
  /** Share of the pairs that may be the wrong way round (DPO; Mitchell 2023). */
  readonly smoothing: number;
  /** The margin that SimPO asks for. */
  readonly margin: number;
}

interface PairLoss {
  /** Does it need the reference's log-probabilities? */
  readonly hasReference: boolean;
  /** Are log-probabilities means over an answer's tokens, and not sums? */
  readonly isMean: boolean;
  loss(s: PairScores, o: PairOptions): Tensor;
}

/** How much more the model prefers the chosen answer than the reference does. */
const preference = (s: PairScores): Tensor => sub(sub(s.chosen, s.rejected), sub(s.referenceChosen!, s.referenceRejected!));

const pairLosses = {
  dpo: {
    hasReference: true,
    isMean: false,
    loss(s, { beta, smoothing }) {
      const x = mul(preference(s), beta);
      return smoothing === 0 ? surprise(x) : add(mul(surprise(x), 1 - smoothing), mul(softplus(x), smoothing));
    },
  },
  ipo: {
    hasReference: true,
    isMean: true,
    loss: (s, { beta }) => square(sub(preference(s), 1 / (2 * beta))),
  },
  simpo: {
    hasReference: false,
    isMean: true,
    // beta (chosen - rejected) - margin
    loss: (s, { beta, margin }) => surprise(sub(mul(sub(s.chosen, s.rejected), beta), margin)),
  },
  orpo: {
    hasReference: false,
    isMean: true,
    // the chosen answer's own loss, and beta times the surprise at the odds ratio; log(1 - p) of a mean log-probability
    loss(s, { beta }) {
      const rest = (logp: Tensor) => log(sub(1, exp(logp)));
      const odds = sub(sub(s.chosen, s.rejected), sub(rest(s.chosen), rest(s.rejected)));
      return add(neg(s.chosen), mul(surprise(odds), beta));
    },
  },
} as const satisfies Record<PairLossName, PairLoss>;
export const pairLossOf = (name: PairLossName): PairLoss => pairLosses[name];
