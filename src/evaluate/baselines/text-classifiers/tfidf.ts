/**
 * Texts as tf-idf rows (Salton & Buckley 1988) in scikit-learn's form: idf = ln((1 + n) / (1 + df)) + 1, rows of length 1. Columns in the order
 * of the features' code points.
 */
import type { Analyzer } from "./analyzers.ts";
import type { SparseRow } from "./sparse.ts";

export interface TfidfOptions {
  readonly analyzer: Analyzer;
  /** Features in fewer texts are left out. */
  readonly leastTexts?: number;
  /** 1 + ln(count) in place of the count. */
  readonly sublinear?: boolean;
}
export interface Tfidf {
  readonly size: number;
  readonly features: readonly string[];
  row(text: string): SparseRow;
}

/** Order of code points, which is that of UTF-16 units but for characters beyond 16 bits: they stand after U+E000 to U+FFFF. */
const byCodePoints = (a: string, b: string): number => {
  const least = Math.min(a.length, b.length);
  for (let i = 0; i < least; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x === y) continue;
    const [isHigh, isOtherHigh] = [x >= 0xd800 && x < 0xe000, y >= 0xd800 && y < 0xe000];
    return isHigh === isOtherHigh ? x - y : isHigh ? (y >= 0xe000 ? 1 : x - y) : x >= 0xe000 ? -1 : x - y;
  }
  return a.length - b.length;
};

/** Learns the features and their idf of texts. Lone surrogates are the caller's to keep out. */
export function fitTfidf(texts: readonly string[], { analyzer, leastTexts = 1, sublinear = false }: TfidfOptions): Tfidf {
  const seenIn = new Map<string, { texts: number; last: number }>();
  for (const [i, text] of texts.entries())
    analyzer(text, name => {
      const seen = seenIn.get(name);
      if (!seen) seenIn.set(name, { texts: 1, last: i });
      else if (seen.last !== i) {
        seen.texts++;
        seen.last = i;
      }
    });
  const kept = [...seenIn].filter(([, s]) => s.texts >= leastTexts).sort(([a], [b]) => byCodePoints(a, b));
  const columnOf = new Map(kept.map(([name], column) => [name, column] as const));
  const idf = Float64Array.from(kept, ([, s]) => Math.log((1 + texts.length) / (1 + s.texts)) + 1);
  return {
    size: kept.length,
    features: kept.map(([name]) => name),
    row(text) {
      const counts = new Map<number, number>();
      analyzer(text, name => {
        const column = columnOf.get(name);
        if (column !== undefined) counts.set(column, (counts.get(column) ?? 0) + 1);
      });
      const columns = Int32Array.from(counts.keys()).sort();
      const values = Float64Array.from(columns, c => (sublinear ? 1 + Math.log(counts.get(c)!) : counts.get(c)!) * idf[c]!);
      const length = Math.sqrt(values.reduce((s, v) => s + v * v, 0));
      return { columns, values: length === 0 ? values : values.map(v => v / length) };
    },
  };
}

/** Rows side by side: the features of several, one after the other. */
export const joinedTfidf = (parts: readonly Tfidf[]): Pick<Tfidf, "size" | "row"> => {
  const starts = parts.map((_, i) => parts.slice(0, i).reduce((s, p) => s + p.size, 0));
  return {
    size: parts.reduce((s, p) => s + p.size, 0),
    row(text) {
      const rows = parts.map(p => p.row(text));
      const columns = new Int32Array(rows.reduce((s, r) => s + r.columns.length, 0));
      const values = new Float64Array(columns.length);
      let at = 0;
      for (const [i, r] of rows.entries()) {
        for (let k = 0; k < r.columns.length; k++) columns[at + k] = r.columns[k]! + starts[i]!;
        values.set(r.values, at);
        at += r.columns.length;
      }
      return { columns, values };
    },
  };
};
