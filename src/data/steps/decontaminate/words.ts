/**
 * Normal form and words of both sides of a comparison: NFKC, lower case, and words as runs of letters and digits (`near-duplicates/words.ts`),
 * so that case, punctuation, line breaks and ways of encoding a letter do not hide a copy. And the way back from a word to its place in the
 * text as it was, for those that are cut.
 */
import { isAscii } from "../near-duplicates/index.ts";
import { shingleHashes } from "../near-duplicates/shingles.ts";

/** The text that words are taken from. A final sigma is a sigma: whether it is written so hangs on the sign behind the word. */
export const contaminationForm = (text: string): string =>
  isAscii(text) ? text : text.normalize("NFKC").toLowerCase().replaceAll("\u03c2", "\u03c3");

/** Hashes of the words of a text in normal form, in order: runs of one word. */
export const contaminationWords = (normal: string): Uint32Array => shingleHashes(normal, 1).slice();

/** What composes with what stands before it, together: conjoining Jamo, or a character with its marks. */
const chunks = /[\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]+|\P{M}?\p{M}+|\P{M}/gsu;

interface WordPlaces {
  /** UTF-16 offsets in the text, of the first unit of every word and of the one behind its last. */
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
}

/** Where the words of `wordsOf(normalForm(text))` stand in `text`; undefined where a text normalises in a way that cannot be followed. */
export function wordPlaces(text: string): WordPlaces | undefined {
  const lower = contaminationForm(text).toLowerCase();
  let origin: { from: Uint32Array; to: Uint32Array } | undefined;
  if (!isAscii(text)) {
    const [from, to] = [new Uint32Array(lower.length), new Uint32Array(lower.length)];
    let n = 0;
    for (const { 0: chunk, index } of text.matchAll(chunks)) {
      const { length } = contaminationForm(chunk);
      from.fill(index, n, n + length);
      to.fill(index + chunk.length, n, n + length);
      n += length;
    }
    if (n !== lower.length) return undefined;
    origin = { from, to };
  }
  const count = contaminationWords(contaminationForm(text)).length;
  const [starts, ends] = [new Uint32Array(count), new Uint32Array(count)];
  let w = 0;
  for (const { 0: run, index } of lower.matchAll(wordRuns)) {
    if (w === count) return undefined;
    const end = index + run.length;
    starts[w] = origin ? origin.from[index]! : index;
    ends[w++] = origin ? origin.to[end - 1]! : end;
  }
  return w === count ? { starts, ends } : undefined;
}

/** The words of `rawWordHashes` as a pattern over lower-cased UTF-16 units: scripts without spaces unit by unit, others in runs. */
const alone = "\\u3040-\\u9fff\\u0e00-\\u0eff\\u1000-\\u109f\\u1780-\\u17ff";
const outside = `\\u0000-\\u002f\\u003a-\\u0040\\u005b-\\u0060\\u007b-\\u00a9\\u00ab-\\u00b4\\u00b6-\\u00b9\\u00bb-\\u00bf\\u00d7\\u00f7\\u2000-\\u2bff\\u3000-\\u303f\\uff00-\\uff0f\\ufffd${alone}`;
const wordRuns = new RegExp(`[${alone}]|[^${outside}]+`, "g");
