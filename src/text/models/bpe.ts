/**
 * Byte-pair encoding over characters, as tokenizer files hold it: Llama 2's with byte fallback, CLIP's with word ends, and byte-level
 * ones wherever the fast way over bytes (`bpe/byte-bpe.ts`) does not apply.
 */
import { z } from "zod";
import { showValue } from "../../base/index.ts";
import { Merger } from "../bpe/merge.ts";
import { MergeRanks, type MergeRule } from "../bpe/ranks.ts";
import { byteChars } from "../byte-chars.ts";
import { textErrors } from "../errors.ts";
import { readRow } from "../rows.ts";
import type { Emit, ModelVocabulary, TokenModel } from "./model.ts";
import { byteIdsOf, byteTokens, makeVocabulary, needToken, vocabularySchema } from "./vocabulary.ts";

/** Pieces up to this many characters are remembered, up to this many pieces; then all are forgotten. */
const CACHED_LENGTH = 256;
const CACHED_PIECES = 20_000;

const shape = {
  vocab: vocabularySchema,
  merges: z.custom<readonly (string | readonly [string, string])[]>(Array.isArray, "a list of pairs"),
  dropout: z.number().nullable().optional(),
  unk_token: z.string().nullable().optional(),
  continuing_subword_prefix: z.string().nullable().optional(),
  end_of_word_suffix: z.string().nullable().optional(),
  fuse_unk: z.boolean().default(false),
  byte_fallback: z.boolean().default(false),
  ignore_merges: z.boolean().default(false),
};
type Options = z.output<z.ZodObject<typeof shape>>;

export interface BpeModel extends TokenModel {
  readonly rules: readonly MergeRule[];
  /** Where the vocabulary can be read over bytes: the id of every byte; pieces that are tokens whole, if merges are ignored for them. */
  readonly bytes: { readonly ids: readonly number[]; readonly ignoresMerges: boolean } | undefined;
}

function makeRules(o: Options, vocabulary: ModelVocabulary, place: string): MergeRule[] {
  const prefix = o.continuing_subword_prefix ?? "";
  return o.merges.map((merge, i) => {
    const where = `${place}.merges[${i}]`;
    const pair: unknown = typeof merge === "string" ? merge.split(" ") : merge;
    const [a, b]: readonly unknown[] = Array.isArray(pair) ? pair : [];
    if (!Array.isArray(pair) || pair.length !== 2 || typeof a !== "string" || typeof b !== "string")
      throw textErrors.fail("brokenTokenizer", { place: where, expected: "two tokens", received: showValue(merge) });
    return {
      left: needToken(vocabulary, a, where),
      right: needToken(vocabulary, b, where),
      merged: needToken(vocabulary, a + b.slice(prefix.length), where),
    };
  });
}

export const bpe = readRow(shape, (o, place): BpeModel => {
  if (o.dropout)
    throw textErrors.fail("unsupported", {
      place: `${place}.dropout`,
      expected: "none, for encoding is deterministic",
      received: String(o.dropout),
      hint: "Set it to null.",
    });
  const vocabulary = makeVocabulary(Object.entries(o.vocab), `${place}.vocab`);
  const rules = makeRules(o, vocabulary, place);
  const merger = new Merger(new MergeRanks(rules));
  const prefix = o.continuing_subword_prefix ?? "";
  const suffix = o.end_of_word_suffix ?? "";
  const fallback = o.byte_fallback ? byteTokens(vocabulary) : undefined;
  const unknown = o.unk_token == null ? undefined : needToken(vocabulary, o.unk_token, `${place}.unk_token`);
  let cache = new Map<string, { ids: Int32Array; widths: Int32Array }>();

  /** Ids and widths (UTF-16 units) of a piece. */
  const encodePiece = (piece: string): { ids: Int32Array; widths: Int32Array } => {
    const whole = o.ignore_merges ? vocabulary.ids.get(piece) : undefined;
    if (whole !== undefined) return { ids: Int32Array.of(whole), widths: Int32Array.of(piece.length) };
    const room = fallback ? piece.length * 3 : piece.length;
    const ids = new Int32Array(room);
    const widths = new Int32Array(room);
    let n = 0;
    let at = 0;
    let lost = 0; // units of characters that gave no id: they go to the next one
    let lastUnknown = false;
    const add = (id: number, width: number): void => {
      ids[n] = id;
      widths[n++] = width + lost;
      lost = 0;
    };
    for (const c of piece) {
      const isFirst = at === 0;
      at += c.length;
      const id = vocabulary.ids.get(`${isFirst ? "" : prefix}${c}${at === piece.length ? suffix : ""}`);
      const bytes = id === undefined && fallback ? byteIdsOf(c, fallback) : undefined;
      const isUnknown = id === undefined && bytes === undefined && unknown !== undefined;
      if (id !== undefined) add(id, c.length);
      // The character's width goes to its first byte; the others stand in the same place, which `encode` sees to.
      else if (bytes) for (const [k, byteId] of bytes.entries()) add(byteId, k === 0 ? c.length : 0);
      else if (isUnknown && lastUnknown && o.fuse_unk) widths[n - 1]! += c.length;
      else if (isUnknown) add(unknown, c.length);
      else lost += c.length; // no unknown token: the character is lost, as in the Rust library
      lastUnknown = isUnknown;
    }
    n = merger.merge(ids, n, widths);
    return { ids: ids.slice(0, n), widths: widths.slice(0, n) };
  };

  const encode = (piece: string, emit: Emit): void => {
    let known = cache.get(piece);
    if (!known) {
      known = encodePiece(piece);
      if (piece.length <= CACHED_LENGTH) {
        if (cache.size >= CACHED_PIECES) cache = new Map();
        cache.set(piece, known);
      }
    }
    let start = 0;
    let end = 0;
    for (let i = 0; i < known.ids.length; i++) {
      const width = known.widths[i]!;
      if (width > 0) start = end;
      end += width;
      emit(known.ids[i]!, start, end);
    }
  };

  const ids = byteChars.map(c => vocabulary.ids.get(c));
  const readsBytes = prefix === "" && suffix === "" && ids.every(id => id !== undefined);
  return {
    vocabulary,
    encode,
    rules,
    bytes: readsBytes ? { ids, ignoresMerges: o.ignore_merges } : undefined,
  };
});
