/**
 * Pre-tokenizers of tokenizer files, a row each: they cut a text into the pieces that a model then encodes one by one, and some of them
 * rewrite it first. Meanings are those of Hugging Face's Rust library. Left out: UnicodeScripts.
 */
import { z } from "zod";
import { type Aligned, type AlignedEdit, edit, sliceAligned } from "../aligned.ts";
import { toByteChars } from "../byte-chars.ts";
import { textErrors } from "../errors.ts";
import { patternOf, toRegExp } from "../pattern.ts";
import { fromTable, patternSchema, readRow, type Table } from "../rows.ts";
import { type Behavior, behaviorSchema, cut } from "../split/cut.ts";
import { gpt2Pattern } from "../split/gpt2.ts";

export type PreTokenizer = (piece: Aligned) => Aligned[];

const cutter =
  (pattern: RegExp, behavior: Behavior, invert = false): PreTokenizer =>
  piece => {
    const pieces: Aligned[] = [];
    const at = cut(piece.text, pattern, behavior, invert);
    for (let i = 0; i < at.length; i += 2) pieces.push(sliceAligned(piece, at[i]!, at[i + 1]!));
    return pieces;
  };

const inTurn =
  (steps: readonly PreTokenizer[]): PreTokenizer =>
  piece =>
    steps.reduce((pieces, step) => pieces.flatMap(step), [piece]);

const whiteSpace = /\p{White_Space}/gu;
const punctuation = /[!-/:-@[-`{-~\p{P}]/gu;
const gpt2 = toRegExp(gpt2Pattern, "GPT-2's pattern");

/** Puts a prefix before a piece that does not start with it. */
const prefix = (piece: Aligned, by: string): Aligned => (piece.text.startsWith(by) ? piece : edit(piece, [{ from: 0, to: 0, by }]));

const escapable = /[^!-~]/gu;
/** Writes a piece's bytes as characters. */
const asByteChars: PreTokenizer = piece => {
  const edits: AlignedEdit[] = Array.from(piece.text.matchAll(escapable), m => ({
    from: m.index,
    to: m.index + m[0].length,
    by: toByteChars(m[0]),
  }));
  return [edit(piece, edits)];
};

const byteLevelShape = { add_prefix_space: z.boolean(), trim_offsets: z.boolean(), use_regex: z.boolean().default(true) };

/** ByteLevel without its last act, the writing of bytes as characters: what a model that reads bytes needs. */
export const byteLevelPieces = (o: { add_prefix_space: boolean; use_regex: boolean }): PreTokenizer =>
  inTurn([piece => [o.add_prefix_space ? prefix(piece, " ") : piece], ...(o.use_regex ? [cutter(gpt2, "Isolated")] : [])]);

export const metaspaceShape = {
  replacement: z.string().refine(s => [...s].length === 1, "one character"),
  prepend_scheme: z.enum(["always", "first", "never"]).default("always"),
  split: z.boolean().default(true),
  add_prefix_space: z.boolean().optional(),
  str_rep: z.string().optional(),
};

const preTokenizers: Table<PreTokenizer> = {
  ByteLevel: readRow(byteLevelShape, o => inTurn([byteLevelPieces(o), asByteChars])),
  Split: readRow({ pattern: patternSchema, behavior: behaviorSchema, invert: z.boolean().default(false) }, (o, place) =>
    cutter(patternOf(o.pattern, `${place}.pattern`), o.behavior, o.invert),
  ),
  Whitespace: readRow({}, () =>
    cutter(
      /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu,
      "Removed",
      true,
    ),
  ),
  WhitespaceSplit: readRow({}, () => cutter(whiteSpace, "Removed")),
  BertPreTokenizer: readRow({}, () => inTurn([cutter(whiteSpace, "Removed"), cutter(punctuation, "Isolated")])),
  Punctuation: readRow({ behavior: behaviorSchema.default("Isolated") }, o => cutter(punctuation, o.behavior)),
  Digits: readRow({ individual_digits: z.boolean() }, o => cutter(/\p{N}/gu, o.individual_digits ? "Isolated" : "Contiguous")),
  CharDelimiterSplit: readRow({ delimiter: z.string() }, (o, place) => cutter(patternOf({ String: o.delimiter }, place), "Removed")),
  FixedLength: readRow({ length: z.int().positive() }, o => cutter(new RegExp(`[\\s\\S]{1,${o.length}}`, "gu"), "Isolated")),
  Metaspace: readRow(metaspaceShape, (o, place) => {
    if (o.add_prefix_space === false && o.prepend_scheme !== "never")
      throw textErrors.fail("brokenTokenizer", {
        place,
        expected: `prepend_scheme "never" with add_prefix_space false`,
        received: o.prepend_scheme,
      });
    const split = cutter(patternOf({ String: o.replacement }, place), "MergedWithNext");
    return piece => {
      const edits = Array.from(piece.text.matchAll(/ /g), m => ({ from: m.index, to: m.index + 1, by: o.replacement }));
      const spaced = edit(piece, edits);
      const prepends = o.prepend_scheme === "always" || (o.prepend_scheme === "first" && piece.atStart);
      const whole = prepends ? prefix(spaced, o.replacement) : spaced;
      return o.split ? split(whole) : [whole];
    };
  }),
  Sequence: readRow({ pretokenizers: z.array(z.unknown()) }, (o, place) =>
    inTurn(o.pretokenizers.map((entry, i) => makePreTokenizer(entry, `${place}.pretokenizers[${i}]`))),
  ),
};

/** The pre-tokenizer of a file's entry; null keeps the text whole. */
export const makePreTokenizer = (entry: unknown, place: string): PreTokenizer =>
  entry === null || entry === undefined ? piece => [piece] : fromTable(preTokenizers, "pre-tokenizer", entry, place);
