/** The metadata that describes a tokenizer in GGUF files, and the parts of a tokenizer.json that follow from it whatever its kind. */
import { z } from "zod";
import type { Json } from "../base/index.ts";
import { textErrors } from "./errors.ts";

export const prefix = "tokenizer.ggml.";

/** A list that may be a typed array. */
const list = <T>(check: (x: unknown) => x is T, what: string) =>
  z.custom<ArrayLike<T>>(v => (Array.isArray(v) ? v.every(check) : ArrayBuffer.isView(v) && check((v as Int32Array)[0] ?? 0)), what);
const isText = (x: unknown): x is string => typeof x === "string";
export const isNumber = (x: unknown): x is number => typeof x === "number";
const id = z.int().nonnegative().optional();

/** Keys below `tokenizer.ggml.`; strict, for one that we do not know could change what tokens a text has. */
export const vocabularyKeys = z.strictObject({
  model: z.string(),
  pre: z.string().default("default"),
  tokens: list(isText, "a list of texts"),
  token_type: list(isNumber, "a list of numbers").optional(),
  token_type_count: z.unknown().optional(),
  scores: list(isNumber, "a list of numbers").optional(),
  merges: list(isText, "a list of texts").optional(),
  add_space_prefix: z.boolean().optional(),
  add_bos_token: z.boolean().optional(),
  add_eos_token: z.boolean().optional(),
  add_sep_token: z.boolean().optional(),
  remove_extra_whitespaces: z.boolean().optional(),
  "normalizer.lowercase": z.boolean().optional(),
  "normalizer.strip_accents": z.boolean().optional(),
  precompiled_charsmap: list(isNumber, "a list of numbers").optional(),
  escape_whitespaces: z.literal(true).optional(),
  ignore_merges: z.boolean().optional(),
  bos_token_id: id,
  eos_token_id: id,
  eot_token_id: id,
  eom_token_id: id,
  // further tokens of the model, which encoding does not use
  ...Object.fromEntries(
    [
      "unknown",
      "padding",
      "seperator",
      "separator",
      "cls",
      "mask",
      "prefix",
      "suffix",
      "middle",
      "fim_pre",
      "fim_suf",
      "fim_mid",
      "fim_pad",
    ]
      .concat(["fim_rep", "fim_sep"])
      .map(name => [`${name}_token_id`, id] as const),
  ),
});
type Named = "unknown_token_id" | "cls_token_id" | "separator_token_id" | "seperator_token_id";
export type GgufVocabularyEntries = z.output<typeof vocabularyKeys> & { readonly [K in Named]?: number | undefined };

/** ggml's kinds of tokens. */
export const kinds = { unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** Stands for a space in SentencePiece's tokens. */
export const space = "\u2581";

export const fail = (place: string, expected: string, received: string, hint?: string) =>
  textErrors.fail("brokenTokenizer", { place, expected, received, ...(hint ? { hint } : {}) });

/** `{ token: id }`; a token that stands twice keeps its first id, as in llama.cpp. */
export function vocabularyIds(tokens: ArrayLike<string>): Map<string, number> {
  const vocab = new Map<string, number>();
  for (let i = 0; i < tokens.length; i++) if (!vocab.has(tokens[i]!)) vocab.set(tokens[i]!, i);
  return vocab;
}
/** Rows of the embedding without a token: llama.cpp's converter writes them as unused, earlier ones as added tokens `[PAD<id>]`. */
const isPadding = (v: Pick<GgufVocabularyEntries, "tokens" | "token_type">, id: number): boolean =>
  v.token_type?.[id] === kinds.unused || v.tokens[id] === `[PAD${id}]`;

/** `vocabularyIds` without padding. */
export const usedVocab = (v: GgufVocabularyEntries): Map<string, number> =>
  new Map([...vocabularyIds(v.tokens)].filter(([, id]) => !isPadding(v, id)));

export const vocabularyJson = (vocab: ReadonlyMap<string, number>): Json => {
  // without a prototype, so that a token "__proto__" is one
  const object = Object.create(null) as Record<string, number>;
  for (const [token, id] of vocab) object[token] = id;
  return object;
};

/** Tokens that are read in the text itself: control tokens as special ones, and those that users have added. */
export function addedTokens(v: GgufVocabularyEntries, skip: ReadonlySet<number> = new Set()): Json[] {
  const added: Json[] = [];
  for (let i = 0; i < (v.token_type?.length ?? 0); i++) {
    const special = v.token_type![i] === kinds.control || v.token_type![i] === kinds.unknown;
    if ((special || v.token_type![i] === kinds.userDefined) && v.tokens[i] && !skip.has(i) && !isPadding(v, i))
      added.push({ id: i, content: v.tokens[i]!, single_word: false, lstrip: false, rstrip: false, normalized: false, special });
  }
  return added;
}

/** Ids that stand around a text, with the keys that named them. */
type Around = readonly (readonly [id: number | undefined, key: string])[];
export function around(v: GgufVocabularyEntries, place: string, before: Around, after: Around): Json {
  const parts: { at: "before" | "after"; id: number; token: string }[] = [];
  const add = (at: "before" | "after", [id, key]: Around[number]) => {
    const token = id === undefined ? undefined : v.tokens[id];
    if (id === undefined || token === undefined) throw fail(`${place}: ${prefix}${key}`, "the id of a token", String(id));
    parts.push({ at, id, token });
  };
  for (const part of before) add("before", part);
  for (const part of after) add("after", part);
  if (parts.length === 0) return null;
  const text: Json = { Sequence: { id: "A", type_id: 0 } };
  const special = (at: string): Json[] => parts.filter(p => p.at === at).map(p => ({ SpecialToken: { id: p.token, type_id: 0 } }));
  return {
    type: "TemplateProcessing",
    single: [...special("before"), text, ...special("after")],
    pair: [],
    special_tokens: Object.fromEntries(parts.map(p => [p.token, { id: p.token, ids: [p.id], tokens: [p.token] }])),
  };
}
