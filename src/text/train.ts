/**
 * Trains a byte-level byte-pair tokenizer from texts: ids are the special tokens, then the 256 bytes in the order of their characters,
 * then the merges, as Hugging Face's trainer numbers them. The same texts and options give the same tokenizer, whatever their order.
 */
import { type Json, type Progress, silent } from "../base/index.ts";
import { trainMerges } from "./bpe/train.ts";
import { WordCounts } from "./bpe/words.ts";
import { byteChars, bytesInOrder } from "./byte-chars.ts";
import { textErrors } from "./errors.ts";
import { loadTokenizer } from "./load.ts";
import { MAX_ID } from "./models/vocabulary.ts";
import { defaultSpecialTokens } from "./part.ts";
import { splitGpt2 } from "./split/gpt2.ts";
import type { Tokenizer } from "./tokenizer.ts";

export interface BpeOptions {
  /** Tokens in all: special tokens, 256 bytes and merges. The corpus may give fewer. */
  readonly vocab: number;
  readonly specialTokens?: readonly string[];
  /** A pair is merged only where it occurs this often. Default 2: what occurs once teaches nothing. */
  readonly minFrequency?: number;
  readonly progress?: Progress;
}

export interface BpeTrainer {
  /** Counts a text's pieces. Special tokens in a text are ordinary text. */
  add(text: string): void;
  /** UTF-8 bytes so far. */
  readonly numBytes: number;
  train(): Tokenizer;
}

/** Bytes as Latin-1 text, under which tokens are compared. */
const latin1 = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

/** A trainer that texts are given to one by one. Errors: text/training. */
export function bpeTrainer(options: BpeOptions): BpeTrainer {
  const specials = options.specialTokens ?? defaultSpecialTokens;
  const smallest = 256 + specials.length;
  const refuse = (place: string, expected: string, received: string, hint?: string) =>
    textErrors.fail("training", { place: `tokenizer.${place}`, expected, received, hint });
  if (!Number.isInteger(options.vocab) || options.vocab < smallest || options.vocab > MAX_ID)
    throw refuse(
      "vocab",
      `a whole number from ${smallest} (256 bytes and ${specials.length} special tokens) to ${MAX_ID}`,
      String(options.vocab),
    );
  const twice = specials.find((t, i) => t === "" || specials.indexOf(t) !== i || byteChars.includes(t));
  if (twice !== undefined) throw refuse("specialTokens", "different texts of more than one character", JSON.stringify(twice));

  const words = new WordCounts();
  const progress = options.progress ?? silent;
  return {
    add: text => words.add(text, splitGpt2),
    get numBytes() {
      return words.numBytes;
    },
    train: () => {
      if (words.numBytes === 0) throw refuse("train", "a corpus with text", "an empty one", "Check what the data steps kept.");
      const tokens = [...specials.map(latin1), ...bytesInOrder.map(b => String.fromCharCode(b))];
      const byteIds = new Int32Array(256);
      for (const [i, b] of bytesInOrder.entries()) byteIds[b] = specials.length + i;
      // One text, one token: a merge never spells a special token, nor, should two ways lead to it, a token that is there.
      const taken = new Set(tokens);
      const numMerges = options.vocab - smallest;
      const rules = trainMerges(words, {
        byteIds,
        firstId: smallest,
        numMerges,
        minFrequency: options.minFrequency ?? 2,
        allows: (left, right, merged) => {
          const token = tokens[left]! + tokens[right]!;
          if (taken.has(token)) return false;
          taken.add(token);
          tokens[merged] = token;
          return true;
        },
        onProgress: n => progress({ stage: "tokenizer", done: n / numMerges, message: `${n} of ${numMerges} merges` }),
      });
      const written = tokens.map((t, id) => (id < specials.length ? specials[id]! : [...t].map(c => byteChars[c.charCodeAt(0)]!).join("")));
      const file: Json = {
        version: "1.0",
        truncation: null,
        padding: null,
        added_tokens: specials.map((content, id) => ({
          id,
          content,
          single_word: false,
          lstrip: false,
          rstrip: false,
          normalized: false,
          special: true,
        })),
        normalizer: null,
        pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
        post_processor: null,
        decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
        model: {
          type: "BPE",
          dropout: null,
          unk_token: null,
          continuing_subword_prefix: null,
          end_of_word_suffix: null,
          fuse_unk: false,
          byte_fallback: false,
          ignore_merges: false,
          vocab: Object.fromEntries(written.map((token, id) => [token, id])),
          merges: rules.map(({ left, right }) => [written[left]!, written[right]!]),
        },
      };
      return loadTokenizer(file);
    },
  };
}

/** Trains on texts in one call. Errors: text/training. */
export function trainBpe(texts: Iterable<string>, options: BpeOptions): Tokenizer {
  const trainer = bpeTrainer(options);
  for (const text of texts) trainer.add(text);
  return trainer.train();
}
