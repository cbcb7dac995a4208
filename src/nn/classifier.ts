/**
 * Classes of texts by a model of either family: its states, one of them or their mean a text, and a small head. One function, which training
 * and serving share. Decoders: Radford et al. 2018 (the last token's state); encoders: Devlin et al. 2018 (the first token's).
 */
import { defined } from "../base/index.ts";
import { add, broadcastTo, cast, div, maximum, mul, reshape, slice, sum, type Tensor, takeAlong } from "../tensor/index.ts";
import type { ClassifierConfig } from "./classifier-config.ts";
import { type Decoder, decoderStates } from "./decoder.ts";
import { classLogits, type Encoder, encoderStates } from "./encoder.ts";
import { nnErrors } from "./errors.ts";
import type { ModelConfig } from "./families.ts";
import { type Dropout, linear, norm } from "./layers.ts";

/** The model's configuration as a classifier: heads of other tasks are left behind. Errors: nn/config for a family that reads no texts alone. */
export function withClassifier(model: ModelConfig, classifier: ClassifierConfig): ModelConfig {
  if (model.family === "decoder") return { family: "decoder", config: { ...model.config, classifier } };
  if (model.family === "encoder") {
    const { headless: _, ...config } = model.config;
    return { family: "encoder", config: { ...config, classifier } };
  }
  throw nnErrors.fail("config", {
    place: "classifier",
    expected: "a decoder or an encoder",
    received: `a model of family "${model.family}"`,
  });
}

/** Mean of the real tokens' states: states [B, T, C], present [B, T] -> [B, C]. */
function meanState(states: Tensor, present: Tensor): Tensor {
  const [b, t] = states.shape as [number, number, number];
  const weight = cast(present, states.dtype);
  return div(sum(mul(states, reshape(weight, [b, t, 1])), 1), maximum(sum(weight, 1, true), 1));
}

/** The state of the token at an index of each row: states [B, T, C], index [B] -> [B, C]. Taken along the row, so rows are kept apart. */
function stateAt(states: Tensor, index: Tensor | number): Tensor {
  const [b, , c] = states.shape as [number, number, number];
  if (typeof index === "number") return reshape(slice(states, undefined, [index, index + 1]), [b, c]);
  return reshape(takeAlong(states, broadcastTo(reshape(index, [b, 1, 1]), [b, 1, c]), 1), [b, c]);
}

interface TextLogitsOptions {
  readonly dropout?: Dropout;
}

/**
 * States [B, C] of texts, from which a head tells classes: tokens [B, T] (i32) and present [B, T] (i32), 1 where a token is real; what pads stands at
 * the end of a row. Errors: nn/config where the model is no classifier.
 */
export function textStates(model: ModelConfig, parameters: unknown, tokens: Tensor, present: Tensor, o: TextLogitsOptions = {}): Tensor {
  if (model.family === "encoder-decoder" || !model.config.classifier)
    throw nnErrors.fail("config", { place: "classifier", expected: "a classifier", received: `a model of family "${model.family}"` });
  const { pooling } = model.config.classifier;
  const { dropout } = o;
  if (model.family === "encoder") {
    const states = encoderStates(model.config, parameters as Encoder, tokens, { present, ...defined({ dropout }) });
    return pooling === "mean" ? meanState(states, present) : stateAt(states, 0);
  }
  const p = parameters as Decoder;
  const c = model.config;
  // padding stands behind all real tokens: a causal decoder never sees it
  const states = decoderStates(c, p, tokens, defined({ dropout }));
  return pooling === "mean"
    ? meanState(norm(c.norm, p.norm, states, c.epsilon), present)
    : lastState(states, present, x => norm(c.norm, p.norm, x, c.epsilon));
}

/** Logits [B, labels] of states [B, C] (`textStates`), by the head alone. */
export const headLogits = ({ family }: Pick<ModelConfig, "family">, parameters: unknown, state: Tensor): Tensor =>
  family === "encoder" ? classLogits(parameters as Encoder, state) : linear((parameters as Decoder).classifier!.output, state);

/** Logits [B, labels] of texts. Errors: as `textStates`. */
export const textLogits = (model: ModelConfig, parameters: unknown, tokens: Tensor, present: Tensor, o: TextLogitsOptions = {}): Tensor =>
  headLogits(model, parameters, textStates(model, parameters, tokens, present, o));

const lastState = (states: Tensor, present: Tensor, normed: (x: Tensor) => Tensor): Tensor =>
  normed(stateAt(states, add(sum(present, 1), -1)));
