/**
 * Losses that make a decoder forget texts while it keeps the rest: a term over rows of the texts to forget, beside the cross-entropy of retained rows.
 * `npo`: negative preference optimisation (Zhang, Lin, Bai & Mei 2024, arXiv 2404.05868, eq. 3), which moves a text less the less likely it has become
 * beside the model that unlearning began with. `ascent`: the gradient difference (Liu et al. 2022), unbounded: it needs its budget of steps.
 */
import { type DecoderConfig, type DecoderSpec, negativeLogLikelihood, type TensorsOf } from "../../nn/index.ts";
import { add, log, mul, sigmoid, slice, sub, sum, type Tensor } from "../../tensor/index.ts";
import { nextTokenLogits } from "../decoder-training.ts";
import type { UnlearnMethod } from "../part.ts";

/** Rows of both kinds lie in one batch: the first ones are to be forgotten. [R, T] each but where said. */
export type UnlearnBatch = {
  tokens: Tensor;
  targets: Tensor;
  segments: Tensor;
  positions: Tensor;
  /** 1 for a token of a row to forget; [F, T]. */
  forgetWeights: Tensor;
  /** Nats of each row to forget under the first model; [F]. */
  firstNats: Tensor;
  /** Share of each row to forget in their mean; 0 for an empty one; [F]. */
  forgetShare: Tensor;
  /** Share of each token of retained rows in their mean; [R - F, T]. */
  retainShare: Tensor;
};

/** Per row to forget, from its nats and those under the first model; [F]. */
const terms: { readonly [M in UnlearnMethod]: (nats: Tensor, firstNats: Tensor, beta: number) => Tensor } = {
  // -(2 / beta) log sigmoid(-beta log(p / p first)), and log(p / p first) = firstNats - nats
  npo: (nats, firstNats, beta) => mul(log(add(sigmoid(mul(sub(nats, firstNats), beta)), 1e-20)), -2 / beta),
  ascent: (nats, firstNats) => sub(firstNats, nats),
};

interface UnlearnLossOptions {
  readonly method: UnlearnMethod;
  /** Of `npo`: how soon a text that has become less likely is left alone. Towards 0 it is `ascent`. */
  readonly beta: number;
  /** Weight of the retained rows' cross-entropy. */
  readonly retainWeight: number;
  readonly forgetRows: number;
  readonly attentionBlock: number;
}

/** The loss of a micro-batch times `scale`, as a function of parameters and batch. */
export const unlearnLoss =
  (model: DecoderConfig, o: UnlearnLossOptions) =>
  (p: TensorsOf<DecoderSpec>, b: UnlearnBatch, scale: Tensor): Tensor => {
    const logits = nextTokenLogits(model, p, b.tokens, {
      segments: b.segments,
      positions: b.positions,
      attentionBlock: o.attentionBlock,
    });
    const nats = negativeLogLikelihood(logits, b.targets);
    const rowNats = sum(mul(slice(nats, [0, o.forgetRows]), b.forgetWeights), 1);
    const forget = sum(mul(terms[o.method](rowNats, b.firstNats, o.beta), b.forgetShare));
    const retain = sum(mul(slice(nats, [o.forgetRows]), b.retainShare));
    return mul(add(forget, mul(retain, o.retainWeight)), scale);
  };
