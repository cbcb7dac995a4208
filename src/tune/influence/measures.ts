/** What of a text is attributed to training texts: a number a text, made of the model's outputs for it. */
import { type Decoder, decoderLogits, type ModelConfig, negativeLogLikelihood, nnErrors, textLogits } from "../../nn/index.ts";
import { add, cast, logSumExp, mul, oneHot, reshape, slice, sub, sum, type Tensor } from "../../tensor/index.ts";

/** Of texts as tokens [B, T], 1 where they are real [B, T], and classes [B]: a number each [B]. */
export type TextMeasure = (
  model: ModelConfig,
  parameters: unknown,
  batch: { readonly tokens: Tensor; readonly present: Tensor; readonly labels: Tensor },
) => Tensor;

/** Cross-entropy of a text's class, nats. */
export const classLoss: TextMeasure = (model, parameters, { tokens, present, labels }) =>
  negativeLogLikelihood(textLogits(model, parameters, tokens, present), labels);

/** Takes a logit out of a sum of exponentials: below what float32 keeps of it. */
const outOfSum = -1e9;

/** Log-odds of a text's class, ln(p / (1 - p)): what TRAK attributes of a classifier. */
export const classLogOdds: TextMeasure = (model, parameters, { tokens, present, labels }) => {
  const logits = textLogits(model, parameters, tokens, present);
  const own = oneHot(labels, logits.shape[1]!);
  const others = logSumExp(add(logits, mul(own, outOfSum)));
  return sub(sum(mul(logits, own), 1), reshape(others, [logits.shape[0]!]));
};

/** Sum of the cross-entropies of a text's tokens behind the first, nats: of a decoder that continues texts. Errors: nn/config for another family. */
export const textLoss: TextMeasure = (model, parameters, { tokens, present }) => {
  if (model.family !== "decoder")
    throw nnErrors.fail("config", { place: "influence", expected: "a decoder", received: `a model of family "${model.family}"` });
  const length = tokens.shape[1]!;
  const logits = slice(decoderLogits(model.config, parameters as Decoder, tokens), undefined, [0, length - 1]);
  const losses = negativeLogLikelihood(logits, slice(tokens, undefined, [1, length]));
  return sum(mul(losses, cast(slice(present, undefined, [1, length]), "f32")), 1);
};
