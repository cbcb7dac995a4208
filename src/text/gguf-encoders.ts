/**
 * Tokenizers of encoders in GGUF files as tokenizer.json: WordPiece (`bert`), whose words begin with SentencePiece's space there and not go on
 * with `##`, and Unigram (`t5`; XLM-RoBERTa's too). What the files leave unsaid is BERT's and T5's own.
 */
import type { Json } from "../base/index.ts";
import {
  addedTokens,
  around,
  fail,
  type GgufVocabularyEntries,
  kinds,
  prefix,
  space,
  vocabularyIds,
  vocabularyJson,
} from "./gguf-vocabulary.ts";

const isPlain = (v: GgufVocabularyEntries, id: number): boolean =>
  ![kinds.unknown, kinds.control].some(kind => kind === v.token_type?.[id]);

/** Ids of BERT's vocabulary as published, where the file names none. */
const bertIds = { unknown: 100, cls: 101, separator: 102 } as const;

export function wordPieceFile(v: GgufVocabularyEntries, place: string): Json {
  const words = Array.from(v.tokens, (token, id) => {
    if (!isPlain(v, id)) return token;
    if (token.startsWith(space)) return token.slice(space.length);
    return v.token_type?.[id] === kinds.userDefined ? token : `##${token}`;
  });
  const unknown = v.unknown_token_id ?? bertIds.unknown;
  if (words[unknown] === undefined) throw fail(`${place}: ${prefix}unknown_token_id`, `an id below ${words.length}`, String(unknown));
  // older files do not say whether case counts; a vocabulary without a capital letter (one that has a small form) has no use for it
  const lowercase = v["normalizer.lowercase"] ?? !words.some((word, id) => isPlain(v, id) && word !== word.toLowerCase());
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens({ ...v, tokens: words }),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: v["normalizer.strip_accents"] ?? null,
      lowercase,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: around(
      v,
      place,
      v.add_bos_token === false ? [] : [[v.cls_token_id ?? v.bos_token_id ?? bertIds.cls, "cls_token_id"]],
      v.add_sep_token === false
        ? []
        : [[v.seperator_token_id ?? v.separator_token_id ?? v.eos_token_id ?? bertIds.separator, "seperator_token_id"]],
    ),
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: words[unknown]!,
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: vocabularyJson(vocabularyIds(words)),
    },
  };
}

export function unigramFile(v: GgufVocabularyEntries, place: string): Json {
  const { scores, precompiled_charsmap: map } = v;
  if (!scores || scores.length !== v.tokens.length)
    throw fail(`${place}: ${prefix}scores`, `${v.tokens.length} numbers, one a token`, scores ? `${scores.length}` : "none");
  const unknown = v.unknown_token_id ?? 2;
  if (v.tokens[unknown] === undefined) throw fail(`${place}: ${prefix}unknown_token_id`, `an id below ${v.tokens.length}`, String(unknown));
  const begins = v.add_space_prefix ?? true;
  const metaspace: Json = { type: "Metaspace", replacement: space, prepend_scheme: begins ? "always" : "never", split: true };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens(v),
    normalizer: {
      type: "Sequence",
      normalizers: [
        ...(map?.length ? [{ type: "Precompiled", precompiled_charsmap: Buffer.from(Uint8Array.from(map)).toString("base64") }] : []),
        ...(v.remove_extra_whitespaces
          ? [
              { type: "Strip", strip_left: true, strip_right: true },
              { type: "Replace", pattern: { Regex: " {2,}" }, content: " " },
            ]
          : []),
      ],
    },
    pre_tokenizer: metaspace,
    post_processor: around(
      v,
      place,
      v.add_bos_token ? [[v.bos_token_id, "bos_token_id"]] : [],
      v.add_eos_token === false ? [] : [[v.eos_token_id, "eos_token_id"]],
    ),
    decoder: metaspace,
    model: { type: "Unigram", unk_id: unknown, byte_fallback: false, vocab: Array.from(v.tokens, (token, id) => [token, scores[id]!]) },
  };
}
