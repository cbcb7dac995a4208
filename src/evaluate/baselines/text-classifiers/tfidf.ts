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
  /** Features counted at a time; with fewer it takes less memory and more passes over the texts. */
  readonly atOnce?: number;
  /** Columns at most; where there are more features, those in the fewest texts are left out. */
  readonly atMost?: number;
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

/** Features counted at a time: some 300 MB, and far below the 2^24 keys that a map can have. */
const mostCounted = 2 ** 22;
/** Columns: a model has a weight of each for every class, and they have to fit into one map. */
const mostFeatures = 2 ** 23;
/** Bits of a hash by which features are parted, at most. */
const mostBits = 30;

/** FNV-1a over UTF-16 units, mixed so that its low bits are as good as any. */
function hashOf(name: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return h ^ (h >>> 13);
}

/** The features whose hash ends in these bits. */
interface Part {
  readonly bits: number;
  readonly end: number;
}
const isIn = ({ bits, end }: Part, name: string): boolean => bits === 0 || (hashOf(name) & ((1 << bits) - 1)) === end;

interface Seen {
  /** Texts that have it. */
  texts: number;
  last: number;
}

/**
 * In how many texts each feature of a part is. Where they become too many for one map, the part is halved as often as needed: what is told is exact for
 * the half that stays, and the others are left for another pass.
 */
function countPart(texts: readonly string[], analyzer: Analyzer, whole: Part, most: number) {
  let part = whole;
  const left: Part[] = [];
  let seenIn = new Map<string, Seen>();
  const halve = () => {
    const bits = part.bits + 1;
    left.push({ bits, end: part.end | (1 << part.bits) });
    part = { bits, end: part.end };
    seenIn = new Map([...seenIn].filter(([name]) => isIn(part, name)));
  };
  for (const [i, text] of texts.entries())
    analyzer(text, name => {
      const seen = seenIn.get(name);
      if (seen) {
        if (seen.last !== i) seen.texts++;
        seen.last = i;
        return;
      }
      while (seenIn.size >= most && part.bits < mostBits) halve();
      if (isIn(part, name)) seenIn.set(name, { texts: 1, last: i });
    });
  return { seenIn, left };
}

/** The least number of texts with which at most so many features are left. */
function leastFor(counts: readonly { readonly texts: number }[], most: number, least: number): number {
  if (counts.length <= most) return least;
  const order = Float64Array.from(counts, c => c.texts)
    .sort()
    .reverse();
  return order[most]! + 1;
}

/** Features with the number of texts they are in, in the order of their code points. */
function countedFeatures(
  texts: readonly string[],
  { analyzer, leastTexts = 1, atOnce = mostCounted, atMost = mostFeatures }: TfidfOptions,
) {
  const parts: Part[] = [{ bits: 0, end: 0 }];
  let least = leastTexts;
  let kept: { readonly name: string; readonly texts: number }[] = [];
  for (let part = parts.pop(); part; part = parts.pop()) {
    const { seenIn, left } = countPart(texts, analyzer, part, atOnce);
    parts.push(...left);
    for (const [name, seen] of seenIn) if (seen.texts >= least) kept.push({ name, texts: seen.texts });
    least = leastFor(kept, atMost, least);
    kept = kept.filter(k => k.texts >= least);
  }
  return kept.sort((a, b) => byCodePoints(a.name, b.name));
}

/**
 * Learns the features and their idf of texts, in bounded memory: of many million features some are counted in one pass over the texts, others in the
 * next, and the result is that of one. Lone surrogates are the caller's to keep out.
 */
export function fitTfidf(texts: readonly string[], options: TfidfOptions): Tfidf {
  const { analyzer, sublinear = false } = options;
  const kept = countedFeatures(texts, options);
  const columnOf = new Map(kept.map(({ name }, column) => [name, column] as const));
  const idf = Float64Array.from(kept, k => Math.log((1 + texts.length) / (1 + k.texts)) + 1);
  return {
    size: kept.length,
    features: kept.map(k => k.name),
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
