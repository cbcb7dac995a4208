/** What the engine needs of a model: a decoder's weights on a device, and the few things around them. Loading it is someone else's work. */
import type { BlockFactors, DecoderConfig, DecoderParameters, SamplingOptions, TokenTextStream } from "../nn/index.ts";
import { endToken } from "../text/index.ts";
import { serveErrors } from "./errors.ts";

/** The part of the text room's `Tokenizer` that serving uses. */
export interface ServedTokenizer {
  readonly vocabSize: number;
  /** Special tokens and their ids. */
  readonly specials: ReadonlyMap<string, number>;
  encode(text: string, options?: { readonly addSpecialTokens?: boolean; readonly readSpecialTokens?: boolean }): ArrayLike<number>;
  decode(ids: ArrayLike<number>, options?: { readonly skipSpecialTokens?: boolean }): string;
  /** `isContinuation`: the text stands behind another, so a space that its first token begins with stays. */
  stream(options?: { readonly skipSpecialTokens?: boolean; readonly isContinuation?: boolean }): TokenTextStream;
  /** The bytes that a token adds to a text; undefined for special tokens. Without it answers cannot be given a form. */
  bytesOf?(id: number): Uint8Array | undefined;
  /** The token of an id; undefined where the ids have a gap. Without it every id below `vocabSize` is a token. */
  tokenOf?(id: number): string | undefined;
}

export interface ServedChatTurn {
  readonly role: string;
  readonly content: string;
  readonly [key: string]: unknown;
}

/** The part of the text room's `ChatTemplate` that serving uses. */
export interface ServedChatTemplate {
  /** Tells which form of tool calls the model was taught. */
  readonly source?: string;
  render(
    messages: readonly ServedChatTurn[],
    options?: {
      readonly addGenerationPrompt?: boolean;
      readonly tools?: readonly unknown[];
      /** Further variables that some templates read (`enable_thinking`). */
      readonly variables?: Readonly<Record<string, unknown>>;
    },
  ): string;
}

/** What a form was measured to cost on some text. */
export interface FormCost {
  /** Tokens that were predicted. */
  readonly tokens: number;
  readonly perplexity: number;
  /** Of the exact model on the same tokens. */
  readonly fullPerplexity: number;
  /** Mean KL(exact || form) of next-token distributions, nats. */
  readonly divergence: number;
  /** Share of tokens at which both find the same one likeliest. */
  readonly agreement: number;
}

/** A quantised form of a decoder's weights. */
export interface DecoderForm {
  readonly name: string;
  /** By whom: asked for by name, measured at this start, or at an earlier one on this processor. */
  readonly chosen: "given" | "measured" | "kept";
  /** Of one that was measured at this start: whether later starts find it. */
  readonly isStored?: boolean;
  /** Where it was measured. */
  readonly cost?: FormCost;
}

export interface ServedModel {
  /** What clients name it by: `mail-small@1`. */
  readonly id: string;
  /** The model whose adapter it is. */
  readonly parent?: string;
  /** Further names for it: `mail-small`, `mail-small@latest`. */
  readonly aliases?: readonly string[];
  readonly family: "decoder";
  readonly config: DecoderConfig;
  /** Owned by the caller; the engine reads them and never disposes them. */
  readonly parameters: DecoderParameters;
  /** What each block's channels were divided by when these were quantised; adapters are scaled by it. */
  readonly smoothing?: readonly BlockFactors[];
  /** In which form the weights are served, where that is not float32. */
  readonly form?: DecoderForm;
  readonly tokenizer: ServedTokenizer;
  /** Identity of the weights and the tokenizer: the artifact's digest. */
  readonly fingerprint: string;
  /** Digest of the files of its weights alone, in whichever form it serves them: by it an adapter knows its base. */
  readonly weights?: string | undefined;
  readonly chatTemplate?: ServedChatTemplate;
  /** Stands before every prompt, as in training. */
  readonly startToken?: number;
  /** The texts of its first and last token, as its files name them, whether or not a prompt begins with one. */
  readonly bosToken?: string;
  readonly eosToken?: string;
  /** Tokens that end an answer. */
  readonly stopTokens?: readonly number[];
  /** How it is sampled where a request says nothing. */
  readonly sampling?: Partial<SamplingOptions>;
  /** Of requests that bring no seed; each draws its own when absent. */
  readonly seed?: number;
  /** From the registry, for lists and pages. */
  readonly name?: string;
  readonly version?: number;
  readonly artifact?: string;
  /** Name of the file or folder that its weights were read from, where it is not from the registry. */
  readonly file?: string;
  /** Milliseconds since 1970. */
  readonly createdAt?: number;
}

/** A model as `loadModel` gives it, of any family. */
export interface LoadedModel {
  readonly family: string;
  readonly config: unknown;
  readonly parameters: unknown;
}

export interface ServedModelParts extends Omit<ServedModel, "family" | "config" | "parameters"> {
  readonly model: LoadedModel;
}

const isDecoder = (m: LoadedModel): m is Pick<ServedModel, "family" | "config" | "parameters"> => m.family === "decoder";

/**
 * What the engine serves, from a loaded model, its tokenizer and its name. A model of ours starts every text with the end token, as in
 * training, and ends an answer with it; other start and stop tokens may be given. Errors: serve/model where the model is no decoder or the
 * tokenizer has more tokens than it.
 */
export function servedModel({ model, ...parts }: ServedModelParts): ServedModel {
  if (!isDecoder(model))
    throw serveErrors.fail("model", { place: parts.id, expected: "a decoder", received: `a model of family "${model.family}"` });
  const { vocabSize, specials } = parts.tokenizer;
  if (vocabSize > model.config.vocab)
    throw serveErrors.fail("model", {
      place: parts.id,
      expected: `a tokenizer of at most ${model.config.vocab} tokens`,
      received: `one of ${vocabSize}`,
      hint: "The model was trained with another tokenizer.",
    });
  const end = specials.get(endToken);
  const ours = end === undefined ? {} : { startToken: end, stopTokens: [end] };
  return { ...ours, ...parts, family: "decoder", config: model.config, parameters: model.parameters };
}

/** The token that stands before every text of a model, which its tokenizer may put there itself; none where it has none. */
export function startTokensOf(model: {
  readonly startToken?: number;
  readonly tokenizer?: Partial<Pick<ServedTokenizer, "encode">>;
}): readonly number[] {
  if (model.startToken !== undefined) return [model.startToken];
  return Array.from(model.tokenizer?.encode?.("", { addSpecialTokens: true }) ?? []).slice(0, 1);
}
