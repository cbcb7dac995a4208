/** What the embedding engine needs of a model: the weights of a sentence encoder or a decoder that tells classes on a device, and the few things around them. Loading it is someone else's work. */
import { hashOf } from "../../base/index.ts";
import type { ArraysOf, ClassifierConfig, DecoderConfig, DecoderSpec, EncoderConfig, EncoderSpec } from "../../nn/index.ts";
import { serveErrors } from "../errors.ts";
import type { Pooling } from "../poolings.ts";
import type { LoadedModel, ServedChatTemplate, ServedTokenizer } from "../served-model.ts";

export interface ServedEncoder {
  /** What clients name it by. */
  readonly id: string;
  readonly aliases?: readonly string[];
  readonly family: "encoder";
  readonly config: EncoderConfig;
  /** Owned by the caller; the engine reads them and never disposes them. */
  readonly parameters: ArraysOf<EncoderSpec>;
  readonly tokenizer: ServedTokenizer;
  /** Identity of the weights and the tokenizer. */
  readonly fingerprint: string;
  readonly pooling: Pooling;
  /** Scales vectors to length 1. */
  readonly normalise: boolean;
  /** Lengths below its own that its vectors were trained to be cut to (Matryoshka, Kusupati et al. 2022), where its files say so; any when absent. */
  readonly matryoshka?: readonly number[];
  /** Of a classifier whose probabilities are served calibrated: what its logits are divided by. */
  readonly temperature?: number;
  /** Writes messages as a text, where it was given one. */
  readonly chatTemplate?: ServedChatTemplate;
  /** Tokens that a text may have, the tokenizer's own around it included. */
  readonly longest: number;
  readonly name?: string;
  readonly version?: number;
  readonly artifact?: string;
  /** Milliseconds since 1970. */
  readonly createdAt?: number;
}

/** A decoder that tells classes of texts and continues none. */
export interface ServedClassifier extends Omit<ServedEncoder, "family" | "config" | "parameters"> {
  readonly family: "decoder";
  readonly config: DecoderConfig & { readonly classifier: ClassifierConfig };
  readonly parameters: ArraysOf<DecoderSpec>;
}
/** A model that reads whole texts: a vector or classes of each. */
export type ServedReader = ServedEncoder | ServedClassifier;

export interface ServedEncoderParts extends Omit<ServedEncoder, "family" | "config" | "parameters" | "pooling" | "normalise" | "longest"> {
  readonly model: LoadedModel;
  /** `mean` when absent. */
  readonly pooling?: Pooling;
  /** True when absent. */
  readonly normalise?: boolean;
  /** The model's context when absent. */
  readonly longest?: number;
}

const isClassifier = (m: LoadedModel): m is Pick<ServedClassifier, "family" | "config" | "parameters"> =>
  m.family === "decoder" && (m.config as DecoderConfig).classifier !== undefined;
const isEncoder = (m: LoadedModel): m is Pick<ServedEncoder, "family" | "config" | "parameters"> => m.family === "encoder";

/** A text's tokens: what the model reads, or less where it was trained on less. */
function checkReader(
  parts: Pick<ServedEncoderParts, "id" | "tokenizer" | "longest">,
  config: { readonly vocab: number; readonly context: number; readonly classifier?: ClassifierConfig },
): number {
  const place = parts.id;
  const longest = parts.longest ?? Math.min(config.context, config.classifier?.longest ?? config.context);
  if (parts.tokenizer.vocabSize > config.vocab)
    throw serveErrors.fail("model", {
      place,
      expected: `a tokenizer of at most ${config.vocab} tokens`,
      received: `one of ${parts.tokenizer.vocabSize}`,
      hint: "The model was trained with another tokenizer.",
    });
  if (!Number.isSafeInteger(longest) || longest < 1 || longest > config.context)
    throw serveErrors.fail("model", { place, expected: `texts of 1 to ${config.context} tokens`, received: String(longest) });
  return longest;
}

/** A decoder with a head for classes. Errors: serve/model where it is none, or its tokenizer or length do not fit it. */
export function servedClassifier({ model, ...parts }: Omit<ServedEncoderParts, "pooling" | "normalise">): ServedClassifier {
  if (!isClassifier(model))
    throw serveErrors.fail("model", {
      place: parts.id,
      expected: "a decoder with a classification head",
      received: `a model of family "${model.family}"`,
    });
  const { config, parameters } = model;
  return { ...parts, family: "decoder", config, parameters, pooling: "mean", normalise: false, longest: checkReader(parts, config) };
}

/** What the embedding engine serves. Errors: serve/model where the model is no encoder, or its tokenizer or length do not fit it. */
export function servedEncoder({ model, ...parts }: ServedEncoderParts): ServedEncoder {
  const place = parts.id;
  if (!isEncoder(model))
    throw serveErrors.fail("model", { place, expected: "an encoder", received: `a model of family "${model.family}"` });
  const { config, parameters } = model;
  const { pooling = "mean", normalise = true } = parts;
  const longest = checkReader(parts, config);
  return { ...parts, family: "encoder", config, parameters, pooling, normalise, longest };
}

/** Elements of a vector, or of a classifier's answer: its labels. */
export const vectorLength = ({ config }: Pick<ServedReader, "config">): number => config.classifier?.labels.length ?? config.width;

/** The encoder with another pooling. Other answers to the same requests: what is cached by the fingerprint must not be mixed up. */
export const withPooling = (model: ServedEncoder, pooling: Pooling): ServedEncoder =>
  pooling === model.pooling
    ? model
    : {
        ...model,
        pooling,
        normalise: model.normalise && pooling !== "none",
        fingerprint: hashOf({ full: model.fingerprint, pooling }),
      };
