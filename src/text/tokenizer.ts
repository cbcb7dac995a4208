/** What a tokenizer is to the rest of Loam. */
import type { Json } from "../base/index.ts";

export interface EncodeOptions {
  /** Puts the special tokens of the file's template around the text ([CLS] ... [SEP]). Default true; our own tokenizers have none. */
  readonly addSpecialTokens?: boolean;
  /** Reads a special token's text in the input as that token; false keeps it ordinary text, which untrusted text should be. Default true. */
  readonly readSpecialTokens?: boolean;
}

export interface DecodeOptions {
  /** Leaves special tokens out. Default false. */
  readonly skipSpecialTokens?: boolean;
  /** The text stands behind another: a space that the first token begins with stays. Default false. */
  readonly isContinuation?: boolean;
}

/** Ids with the UTF-16 range of the text each stands for; tokens of a template stand at (0, 0). */
export interface Encoding {
  readonly ids: Uint32Array;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
}

/** Decoding while tokens arrive. The pieces joined are what `decode` gives for all of them. */
export interface TokenStream {
  /** Text that has become certain: never part of a character, often "". */
  push(id: number): string;
  /** The rest; a character that was never finished is U+FFFD. */
  end(): string;
}

export interface Tokenizer {
  /** Greatest id + 1: the rows that an embedding needs. */
  readonly vocabSize: number;
  /** Special tokens and their ids. */
  readonly specials: ReadonlyMap<string, number>;
  /** Ids of a text. Lone surrogates are read as U+FFFD. Errors: text/tooLong. */
  encode(text: string, options?: EncodeOptions): Uint32Array;
  /** Ids with their places. Slower than `encode`. */
  encodeWithOffsets(text: string, options?: EncodeOptions): Encoding;
  /** Text of ids. Bytes that are no UTF-8 become U+FFFD. Errors: text/unknownId. */
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  stream(options?: DecodeOptions): TokenStream;
  /** The bytes that a token adds to a text that has begun; undefined for special tokens and ids that are not there. */
  bytesOf(id: number): Uint8Array | undefined;
  idOf(token: string): number | undefined;
  /** The token as the vocabulary writes it: byte characters, "##" and the like included. */
  tokenOf(id: number): string | undefined;
  /** The tokenizer.json, which `loadTokenizer` and Hugging Face's libraries read. */
  toJSON(): Json;
}
