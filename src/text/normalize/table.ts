/**
 * Normalizers of tokenizer files, a row each. Meanings are those of Hugging Face's Rust library. Left out: none that it has, but
 * `Precompiled` reads only the layout that SentencePiece writes.
 */
import { z } from "zod";
import { toByteChars } from "../byte-chars.ts";
import { patternOf } from "../pattern.ts";
import { fromTable, patternSchema, readRow, type Table } from "../rows.ts";
import { precompiled } from "./precompiled.ts";
import { byEdits, byPattern, lowercase, type Normalizer, strip, type UnicodeForm, unicodeForm } from "./step.ts";

const form = (name: UnicodeForm) => readRow({}, () => [unicodeForm(name)]);
const remove = () => "";

/** CJK ideographs, which BERT sets apart by spaces; the gaps between the blocks are the original's. */
const ideograph =
  /[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\uF900-\uFAFF\u{2F800}-\u{2FA1F}]/gu;
/** NUL, U+FFFD (and lone surrogates, which are it in UTF-8) and control characters other than tab, line feed and carriage return. */
const control = /[\0\uFFFD\p{Cs}\p{Cf}\p{Co}]|(?![\t\n\r])\p{Cc}/gu;

/** Characters that SentencePiece's "nmt" rules drop, and those that become spaces. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the rules name them
const nmtDropped = /[\u0001-\u0008\u000B\u000E-\u001F\u007F\u008F\u009F]/gu;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the rules name them
const nmtSpace = /[\u0009\u000A\u000C\u000D\u1680\u200B-\u200F\u2028\u2029\u2581\uFEFF\uFFFD]/gu;

export const normalizers: Table<Normalizer> = {
  NFC: form("NFC"),
  NFD: form("NFD"),
  NFKC: form("NFKC"),
  NFKD: form("NFKD"),
  Lowercase: readRow({}, () => [lowercase]),
  StripAccents: readRow({}, () => [byPattern(/\p{M}/gu, remove)]),
  Strip: readRow({ strip_left: z.boolean(), strip_right: z.boolean() }, o => [strip(o.strip_left, o.strip_right)]),
  Replace: readRow({ pattern: patternSchema, content: z.string() }, (o, place) => [
    byPattern(patternOf(o.pattern, `${place}.pattern`), () => o.content),
  ]),
  Prepend: readRow({ prepend: z.string() }, o => [byEdits(text => (text === "" ? [] : [{ from: 0, to: 0, by: o.prepend }]))]),
  Nmt: readRow({}, () => [byPattern(nmtDropped, remove), byPattern(nmtSpace, () => " ")]),
  ByteLevel: readRow({}, () => [byPattern(/[^!-~]/gu, toByteChars)]),
  Precompiled: readRow({ precompiled_charsmap: z.string().nullable() }, (o, place) =>
    o.precompiled_charsmap === null ? [] : [precompiled(o.precompiled_charsmap, `${place}.precompiled_charsmap`)],
  ),
  BertNormalizer: readRow(
    {
      clean_text: z.boolean(),
      handle_chinese_chars: z.boolean(),
      strip_accents: z.boolean().nullable().optional(),
      lowercase: z.boolean(),
    },
    o => [
      ...(o.clean_text ? [byPattern(control, remove), byPattern(/(?! )\p{White_Space}/gu, () => " ")] : []),
      ...(o.handle_chinese_chars ? [byPattern(ideograph, c => ` ${c} `)] : []),
      ...((o.strip_accents ?? o.lowercase) ? [unicodeForm("NFD"), byPattern(/\p{Mn}/gu, remove)] : []),
      ...(o.lowercase ? [lowercase] : []),
    ],
  ),
  Sequence: readRow({ normalizers: z.array(z.unknown()) }, (o, place) =>
    o.normalizers.flatMap((entry, i) => makeNormalizer(entry, `${place}.normalizers[${i}]`)),
  ),
};

/** The normalizer of a file's entry; null is none. */
export const makeNormalizer = (entry: unknown, place: string): Normalizer =>
  entry === null || entry === undefined ? [] : fromTable(normalizers, "normalizer", entry, place);
