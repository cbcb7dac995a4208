/** What the engine needs of a model: a decoder's weights on a device, and the few things around them. Loading it is someone else's work. */
import type { DecoderConfig, DecoderParameters, TokenTextStream } from "../nn/index.ts";

/** The part of the text room's `Tokenizer` that serving uses. */
export interface ServedTokenizer {
  readonly vocabSize: number;
  /** Special tokens and their ids. */
  readonly specials: ReadonlyMap<string, number>;
  encode(text: string, options?: { readonly addSpecialTokens?: boolean; readonly readSpecialTokens?: boolean }): ArrayLike<number>;
  decode(ids: ArrayLike<number>, options?: { readonly skipSpecialTokens?: boolean }): string;
  stream(options?: { readonly skipSpecialTokens?: boolean }): TokenTextStream;
}

export interface ChatTurn {
  readonly role: string;
  readonly content: string;
  readonly [key: string]: unknown;
}

/** The part of the text room's `ChatTemplate` that serving uses. */
export interface ServedChatTemplate {
  render(messages: readonly ChatTurn[], options?: { readonly addGenerationPrompt?: boolean }): string;
}

export interface ServedModel {
  /** What clients name it by: `mail-small@1`. */
  readonly id: string;
  /** Further names for it: `mail-small`, `mail-small@latest`. */
  readonly aliases?: readonly string[];
  readonly family: "decoder";
  readonly config: DecoderConfig;
  /** Owned by the caller; the engine reads them and never disposes them. */
  readonly parameters: DecoderParameters;
  readonly tokenizer: ServedTokenizer;
  /** Identity of the weights and the tokenizer: the artifact's digest. */
  readonly fingerprint: string;
  readonly chatTemplate?: ServedChatTemplate;
  /** Stands before every prompt, as in training. */
  readonly startToken?: number;
  /** Tokens that end an answer. */
  readonly stopTokens?: readonly number[];
  /** From the registry, for lists and pages. */
  readonly name?: string;
  readonly version?: number;
  readonly artifact?: string;
  /** Milliseconds since 1970. */
  readonly createdAt?: number;
}
