/**
 * The tokenizer of a GGUF file: its metadata rewritten as the tokenizer.json that Hugging Face's libraries have for the same model, so that
 * one reader serves both. `gpt2` (byte-level BPE) with the pre-tokenizers below, `llama` (SentencePiece's BPE, whose merges follow from
 * the scores), and the two of `gguf-encoders.ts`. A kind or a pre-tokenizer that is not in the tables is refused by name. Names: llama.cpp's `llama-vocab.cpp`.
 */
import { check, defined, type Json, nearest } from "../base/index.ts";
import { textErrors } from "./errors.ts";
import { unigramFile, wordPieceFile } from "./gguf-encoders.ts";
import {
  addedTokens,
  around,
  fail,
  type GgufVocabularyEntries,
  isNumber,
  kinds,
  prefix,
  space,
  usedVocab,
  vocabularyJson,
  vocabularyKeys,
} from "./gguf-vocabulary.ts";
import { loadTokenizer } from "./load.ts";
import { cl100kPattern } from "./split/cl100k.ts";
import type { Tokenizer } from "./tokenizer.ts";

export interface GgufText {
  readonly tokenizer: Tokenizer;
  /** Source of the chat template. */
  readonly chatTemplate?: string;
  readonly bosToken?: string;
  readonly eosToken?: string;
  /** Tokens that end an answer: of a text, of a turn, of a message. */
  readonly stopTokens: readonly number[];
}

const byteLevel = (useRegex: boolean): Json => ({ type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: useRegex });
const split = (pattern: string): Json => ({
  type: "Sequence",
  pretokenizers: [{ type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false }, byteLevel(false)],
});

interface PreTokenizerRow {
  readonly preTokenizer: Json;
  readonly normalizer?: Json;
  /** Pieces that are tokens whole are not merged. */
  readonly ignoreMerges?: boolean;
  /** Where the file does not say. */
  readonly addBos?: boolean;
}
const gpt2: PreTokenizerRow = { preTokenizer: byteLevel(true) };
const digits: PreTokenizerRow = {
  preTokenizer: { type: "Sequence", pretokenizers: [{ type: "Digits", individual_digits: true }, byteLevel(true)] },
};
const llama3: PreTokenizerRow = { preTokenizer: split(cl100kPattern(3)), ignoreMerges: true, addBos: true };
/** `tokenizer.ggml.pre` -> how a text is cut before merging. */
const preTokenizers: Readonly<Record<string, PreTokenizerRow>> = {
  "gpt-2": gpt2,
  smollm: digits,
  starcoder: digits,
  refact: digits,
  "llama-bpe": llama3,
  llama3: llama3,
  "llama-v3": llama3,
  qwen2: { preTokenizer: split(cl100kPattern(1)), normalizer: { type: "NFC" } },
  "deepseek-r1-qwen": { preTokenizer: split(cl100kPattern(1)), normalizer: { type: "NFC" }, addBos: true },
};

/** The special tokens around a text, where the file wants some. */
function postProcessor(v: GgufVocabularyEntries, place: string, addBos: boolean): Json {
  const before = addBos ? [[v.bos_token_id, "bos_token_id"] as const] : [];
  const after = v.add_eos_token ? [[v.eos_token_id, "eos_token_id"] as const] : [];
  return around(v, place, before, after);
}

function byteLevelFile(v: GgufVocabularyEntries, place: string): Json {
  const row = Object.hasOwn(preTokenizers, v.pre) ? preTokenizers[v.pre] : undefined;
  if (!row) {
    const names = Object.keys(preTokenizers);
    const near = nearest(v.pre, names);
    throw textErrors.fail("unknownComponent", {
      place: `${place}: ${prefix}pre`,
      expected: `a pre-tokenizer among ${names.join(", ")}`,
      received: JSON.stringify(v.pre.slice(0, 60)),
      ...(near ? { hint: `Did you mean "${near}"?` } : {}),
    });
  }
  if (!v.merges) throw fail(`${place}: ${prefix}merges`, "a list of merges", "none");
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens(v),
    normalizer: row.normalizer ?? null,
    pre_tokenizer: row.preTokenizer,
    post_processor: postProcessor(v, place, v.add_bos_token ?? row.addBos ?? false),
    decoder: byteLevel(true),
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: v.ignore_merges ?? row.ignoreMerges ?? false,
      vocab: vocabularyJson(usedVocab(v)),
      merges: Array.from(v.merges),
    },
  };
}

/** Characters of the longest token whose merges are looked for; longer ones are runs of one character that come from shorter ones. */
const longestToken = 512;

/**
 * SentencePiece merges whatever two neighbours make the token of greatest score. As a list of merges: every way to cut a token in two
 * tokens, tokens of greater score first.
 */
function mergesOf(vocab: ReadonlyMap<string, number>, scores: ArrayLike<number>): [string, string][] {
  const merges: { pair: [string, string]; score: number; left: number; right: number }[] = [];
  for (const [token, id] of vocab) {
    if (token.length > longestToken) continue;
    for (let cut = 1; cut < token.length; cut++) {
      const pair: [string, string] = [token.slice(0, cut), token.slice(cut)];
      const [left, right] = [vocab.get(pair[0]), vocab.get(pair[1])];
      if (left !== undefined && right !== undefined) merges.push({ pair, score: scores[id]!, left, right });
    }
  }
  return merges.sort((a, b) => b.score - a.score || a.left - b.left || a.right - b.right).map(m => m.pair);
}

function sentencePieceFile(v: GgufVocabularyEntries, place: string): Json {
  const { scores } = v;
  if (!scores || scores.length !== v.tokens.length)
    throw fail(`${place}: ${prefix}scores`, `${v.tokens.length} numbers, one a token`, scores ? `${scores.length}` : "none");
  // control, unknown and byte tokens are no texts: nothing is merged into them
  const plain = new Map(
    [...usedVocab(v)].filter(([, i]) => ![kinds.control, kinds.unknown, kinds.byte].some(kind => kind === v.token_type?.[i])),
  );
  const prepends = v.add_space_prefix ?? true;
  const unknown = v.unknown_token_id === undefined ? undefined : v.tokens[v.unknown_token_id];
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens(v),
    normalizer: {
      type: "Sequence",
      normalizers: [
        ...(prepends ? [{ type: "Prepend", prepend: space }] : []),
        { type: "Replace", pattern: { String: " " }, content: space },
      ],
    },
    pre_tokenizer: null,
    post_processor: postProcessor(v, place, v.add_bos_token ?? true),
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: space }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(prepends ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: unknown ?? null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: vocabularyJson(usedVocab(v)),
      merges: mergesOf(plain, scores),
    },
  };
}

/** `tokenizer.ggml.model` -> tokenizer.json. */
const models: Readonly<Record<string, (v: GgufVocabularyEntries, place: string) => Json>> = {
  gpt2: byteLevelFile,
  llama: sentencePieceFile,
  bert: wordPieceFile,
  t5: unigramFile,
};

/** Numbers of 64 bits as others: messages are JSON, which has no big ones. */
const plainOf = (value: unknown): unknown => {
  if (typeof value === "bigint") return Number(value);
  return value instanceof BigInt64Array || value instanceof BigUint64Array ? Array.from(value, Number) : value;
};

/** The tokenizer, template and special tokens that a file's metadata holds. Errors: those of `loadTokenizer`, with the key. */
export function ggufTokenizer(metadata: ReadonlyMap<string, unknown>, place: string): GgufText {
  const own: Record<string, unknown> = {};
  for (const [key, value] of metadata) if (key.startsWith(prefix)) own[key.slice(prefix.length)] = plainOf(value);
  const v = check(vocabularyKeys, own, `${place}: tokenizer.ggml`) as GgufVocabularyEntries;
  const types = v.token_type;
  if (types && types.length !== v.tokens.length)
    throw fail(`${place}: ${prefix}token_type`, `${v.tokens.length} numbers, one a token`, `${types.length}`);
  const make = Object.hasOwn(models, v.model) ? models[v.model] : undefined;
  if (!make)
    throw textErrors.fail("unknownComponent", {
      place: `${place}: ${prefix}model`,
      expected: `a tokenizer among ${Object.keys(models).join(", ")}`,
      received: JSON.stringify(v.model.slice(0, 60)),
    });
  const tokenizer = loadTokenizer(make(v, place), { place: `${place}: tokenizer` });
  const template = metadata.get("tokenizer.chat_template");
  if (template !== undefined && typeof template !== "string") throw fail(`${place}: tokenizer.chat_template`, "a text", typeof template);
  const tokenOf = (key: "bos_token_id" | "eos_token_id"): string | undefined => {
    const at = v[key];
    if (at !== undefined && v.tokens[at] === undefined)
      throw fail(`${place}: ${prefix}${key}`, `an id below ${v.tokens.length}`, String(at));
    return at === undefined ? undefined : v.tokens[at];
  };
  const [bosToken, eosToken] = [tokenOf("bos_token_id"), tokenOf("eos_token_id")];
  const stops = [v.eos_token_id, v.eot_token_id, v.eom_token_id].filter(isNumber);
  return {
    tokenizer,
    ...defined({ chatTemplate: template, bosToken, eosToken }),
    stopTokens: [...new Set(stops)],
  };
}

/** What a GGUF file says of a byte-level tokenizer. */
export interface GgufVocabulary {
  readonly pre: string;
  readonly tokens: readonly string[];
  readonly types: readonly number[];
  /** Pairs with a space between. */
  readonly merges: readonly string[];
  readonly addsBos: boolean;
}

const isObject = (x: unknown): x is Record<string, unknown> => x !== null && typeof x === "object" && !Array.isArray(x);

/** The same tokenizer whatever its file leaves to defaults. */
const shapeOf = (preTokenizer: unknown, normalizer: unknown): string => {
  const plain = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(plain);
    if (!isObject(value)) return value;
    const { trim_offsets: _, invert, ...rest } = value;
    return Object.fromEntries(
      Object.entries({
        ...rest,
        ...(invert ? { invert } : {}),
        ...(value.type === "ByteLevel" ? { use_regex: value.use_regex !== false } : {}),
      })
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([k, v]) => [k, plain(v)]),
    );
  };
  return JSON.stringify([plain(preTokenizer ?? null), plain(normalizer ?? null)]);
};

/** A tokenizer as a GGUF file holds it, with unused tokens up to the `rows` of the model's embedding. Errors: text/unsupported where it is no byte-level BPE with a pre-tokenizer of the table. */
export function ggufMetadata(tokenizer: Tokenizer, rows = tokenizer.vocabSize): GgufVocabulary {
  const json = tokenizer.toJSON();
  const file = isObject(json) ? json : {};
  const model = isObject(file.model) ? file.model : {};
  const shape = shapeOf(file.pre_tokenizer, file.normalizer);
  const pre = Object.entries(preTokenizers).find(
    ([, row]) => shapeOf(row.preTokenizer, row.normalizer) === shape && (row.ignoreMerges ?? false) === (model.ignore_merges ?? false),
  )?.[0];
  if (model.type !== "BPE" || pre === undefined || !Array.isArray(model.merges))
    throw textErrors.fail("unsupported", {
      place: "tokenizer",
      expected: `byte-level BPE that is cut as one of ${Object.keys(preTokenizers).join(", ")}`,
      received: String(model.type ?? "another"),
      hint: "GGUF files have no name for it.",
    });
  const added = new Set((Array.isArray(file.added_tokens) ? file.added_tokens : []).filter(isObject).map(t => t.id as number));
  const tokens = Array.from({ length: rows }, (_, i) => tokenizer.tokenOf(i) ?? `[PAD${i}]`);
  const specials = new Set(tokenizer.specials.values());
  const plain = tokenizer.encode("", { addSpecialTokens: true });
  return {
    pre,
    tokens,
    types: tokens.map((_, i) =>
      specials.has(i) ? kinds.control : added.has(i) ? kinds.userDefined : tokenizer.tokenOf(i) === undefined ? kinds.unused : 1,
    ),
    merges: (model.merges as unknown[]).map(m => (Array.isArray(m) ? m.join(" ") : String(m))),
    addsBos: plain.length > 0,
  };
}
