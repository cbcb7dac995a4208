/**
 * Texts as batches: each is read from its beginning, goes into the narrowest of a few widths, and batches hold texts of one width, so that
 * short texts do not pay for long ones. Which text comes when is a pure function of seed and epoch, so a step's number is all there is to resume.
 */
import { random } from "../../base/index.ts";
import type { Tokenizer } from "../../text/index.ts";

/** A text's tokens with the tokenizer's own around them, cut to `longest`; the template's end stays. What serving does (`textTokens`). */
export function headTokens(tokenizer: Pick<Tokenizer, "encode">, text: string, longest: number): number[] {
  const encode = (part: string) => Array.from(tokenizer.encode(part, { readSpecialTokens: false }));
  // no more of a long text is read than is needed
  for (let length = 16 * longest; ; length *= 4) {
    const ids = encode(text.slice(0, length));
    if (ids.length <= longest && length < text.length) continue;
    if (ids.length <= longest) return ids;
    const around = encode("");
    return [...ids.slice(0, longest - (around.length > 1 ? 1 : 0)), ...(around.length > 1 ? [around.at(-1)!] : [])];
  }
}

/** Powers of two from 32, and the longest. */
export function widthsOf(longest: number): number[] {
  const widths: number[] = [];
  for (let width = 32; width < longest; width *= 2) widths.push(width);
  return [...widths, longest];
}

/** Indices of texts that go together, all of one width; at most `rows` of them. */
export interface TextBatch {
  readonly width: number;
  readonly texts: readonly number[];
}

/** Every text once, batches filled in the order of `order`; what is left at the end makes smaller ones. */
export function textBatches(lengths: readonly number[], order: ArrayLike<number>, widths: readonly number[], rows: number): TextBatch[] {
  const open = new Map<number, number[]>(widths.map(w => [w, []]));
  const batches: TextBatch[] = [];
  for (let k = 0; k < order.length; k++) {
    const text = order[k]!;
    const width = widths.find(w => w >= lengths[text]!) ?? widths.at(-1)!;
    const texts = open.get(width)!;
    texts.push(text);
    if (texts.length < rows) continue;
    batches.push({ width, texts });
    open.set(width, []);
  }
  for (const [width, texts] of open) if (texts.length > 0) batches.push({ width, texts });
  return batches;
}

/** The batches of an epoch, shuffled. */
export function epochOf(lengths: readonly number[], widths: readonly number[], rows: number, seed: string): TextBatch[] {
  const draw = random(seed);
  const batches = textBatches(lengths, draw.permutation(lengths.length), widths, rows);
  return Array.from(draw.permutation(batches.length), i => batches[i]!);
}

/** Rows of tokens [rows, width] and where they are real; rows beyond the texts are one token that nobody counts. */
export function layTexts(
  tokens: readonly ArrayLike<number>[],
  batch: TextBatch,
  rows: number,
): { readonly tokens: Int32Array; readonly present: Int32Array } {
  const { width } = batch;
  const laid = { tokens: new Int32Array(rows * width), present: new Int32Array(rows * width) };
  for (let row = 0; row < rows; row++) {
    const text = batch.texts[row];
    const ids = text === undefined || tokens[text]!.length === 0 ? [0] : tokens[text]!;
    laid.tokens.set(ids, row * width);
    laid.present.fill(1, row * width, row * width + ids.length);
  }
  return laid;
}
