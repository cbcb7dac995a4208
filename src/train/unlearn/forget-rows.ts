/** Texts to forget as rows: a text, or a piece of a long one, each alone in a row and padded, so that its likelihood is a sum over the row. */
import { documentCount, type TokenShards } from "../packing.ts";

export interface ForgetRow {
  /** Index of the text. */
  readonly document: number;
  readonly tokens: Int32Array;
  readonly targets: Int32Array;
  /** Tokens that count, from the row's start. */
  readonly size: number;
}

/** Rows of `length` tokens; `end` comes before and after each text. */
export function forgetRows(shards: TokenShards, length: number, end: number): ForgetRow[] {
  const rows: ForgetRow[] = [];
  for (let document = 0; document < documentCount(shards); document++) {
    const [first, last] = [Number(shards.offsets[document]!), Number(shards.offsets[document + 1]!)];
    const text = [end, ...shards.tokens.subarray(first, last), end];
    for (let from = 0; from < text.length - 1; from += length) {
      const size = Math.min(length, text.length - 1 - from);
      const tokens = new Int32Array(length).fill(end);
      const targets = new Int32Array(length).fill(end);
      tokens.set(text.slice(from, from + size));
      targets.set(text.slice(from + 1, from + 1 + size));
      rows.push({ document, tokens, targets, size });
    }
  }
  return rows;
}
