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

/** Pieces whose features are remembered. */
const mostPieces = 500_000;

/** Numbers of what `of` knows, in order; what it has no number for (below 0) is left out. */
function numbersOf<T>(list: ArrayLike<T>, of: (item: T) => number): Int32Array {
  const numbers = new Int32Array(list.length);
  let found = 0;
  for (let i = 0; i < list.length; i++) {
    const number = of(list[i]!);
    if (number >= 0) numbers[found++] = number;
  }
  return found === numbers.length ? numbers : numbers.slice(0, found);
}

/** What is known of pieces, as numbers of their features: `find` is asked once a piece, as long as there is room. */
class PieceNumbers {
  private readonly known: Map<string, Int32Array>;
  private readonly find: (piece: string) => Int32Array;

  constructor(find: (piece: string) => Int32Array, known = new Map<string, Int32Array>()) {
    this.find = find;
    this.known = known;
  }

  of(piece: string): Int32Array {
    const known = this.known.get(piece);
    if (known) return known;
    const found = this.find(piece);
    if (this.known.size < mostPieces) this.known.set(piece, found);
    return found;
  }

  forget(): void {
    this.known.clear();
  }

  /** The same with other numbers in place of these; those without one are left out. */
  renumbered(by: Int32Array, find: (piece: string) => Int32Array): PieceNumbers {
    for (const [piece, numbers] of this.known)
      this.known.set(
        piece,
        numbersOf(numbers, n => by[n] ?? -1),
      );
    return new PieceNumbers(find, this.known);
  }
}

/** Features by number, in how many texts each is, and the last of these. */
class SeenFeatures {
  readonly ids = new Map<string, number>();
  readonly texts: number[] = [];
  private readonly last: number[] = [];

  add(name: string): number {
    const id = this.texts.length;
    this.ids.set(name, id);
    this.texts.push(0);
    this.last.push(-1);
    return id;
  }

  count(id: number, text: number): void {
    if (this.last[id] === text) return;
    this.last[id] = text;
    this.texts[id]!++;
  }

  within(part: Part): SeenFeatures {
    const kept = new SeenFeatures();
    for (const [name, id] of this.ids) {
      if (!isIn(part, name)) continue;
      const own = kept.add(name);
      kept.texts[own] = this.texts[id]!;
      kept.last[own] = this.last[id]!;
    }
    return kept;
  }
}

/**
 * In how many texts each feature of a part is. Where they become too many for one map, the part is halved as often as needed: what is told is exact for
 * the half that stays, and the others are left for another pass.
 */
function countPart(texts: readonly string[], { pieces, featuresOf }: Analyzer, whole: Part, most: number) {
  let part = whole;
  const left: Part[] = [];
  let seen = new SeenFeatures();
  const halve = () => {
    const bits = part.bits + 1;
    left.push({ bits, end: part.end | (1 << part.bits) });
    part = { bits, end: part.end };
    seen = seen.within(part);
    known.forget();
  };
  /** Its number, -1 where it is of another part. */
  const idOf = (name: string): number => {
    const id = seen.ids.get(name);
    if (id !== undefined) return id;
    while (seen.ids.size >= most && part.bits < mostBits) halve();
    return isIn(part, name) ? seen.add(name) : -1;
  };
  const idsOf = (names: readonly string[]): Int32Array => {
    const before = seen;
    const ids = numbersOf(names, idOf);
    // where the part was halved in between, what was numbered before is numbered anew
    return before === seen ? ids : idsOf(names);
  };
  const known = new PieceNumbers(piece => idsOf(featuresOf!(piece)));
  for (const [i, text] of texts.entries())
    for (const piece of pieces(text)) {
      if (featuresOf) {
        const ids = known.of(piece);
        for (let k = 0; k < ids.length; k++) seen.count(ids[k]!, i);
      } else {
        const id = idOf(piece);
        if (id >= 0) seen.count(id, i);
      }
    }
  return { seen, left, known };
}

/** The least number of texts with which at most so many features are left. */
function leastFor(counts: readonly { readonly texts: number }[], most: number, least: number): number {
  if (counts.length <= most) return least;
  const order = Float64Array.from(counts, c => c.texts)
    .sort()
    .reverse();
  return order[most]! + 1;
}

interface Counted {
  readonly name: string;
  /** In which it is. */
  readonly texts: number;
  readonly id: number;
}

/** Features with the number of texts they are in, in the order of their code points; with what was found of pieces, by `id`, where one pass counted all. */
function countedFeatures(
  texts: readonly string[],
  { analyzer, leastTexts = 1, atOnce = mostCounted, atMost = mostFeatures }: TfidfOptions,
): { readonly kept: readonly Counted[]; readonly known: PieceNumbers | undefined } {
  const parts: Part[] = [{ bits: 0, end: 0 }];
  let least = leastTexts;
  let kept: Counted[] = [];
  let whole: PieceNumbers | undefined;
  for (let part = parts.pop(); part; part = parts.pop()) {
    const { seen, left, known } = countPart(texts, analyzer, part, atOnce);
    parts.push(...left);
    whole = part.bits === 0 && left.length === 0 ? known : undefined;
    for (const [name, id] of seen.ids) if (seen.texts[id]! >= least) kept.push({ name, texts: seen.texts[id]!, id });
    least = leastFor(kept, atMost, least);
    kept = kept.filter(k => k.texts >= least);
  }
  return { kept: kept.sort((a, b) => byCodePoints(a.name, b.name)), known: whole };
}

/**
 * Learns the features and their idf of texts, in bounded memory: of many million features some are counted in one pass over the texts, others in the
 * next, and the result is that of one. Lone surrogates are the caller's to keep out.
 */
export function fitTfidf(texts: readonly string[], options: TfidfOptions): Tfidf {
  const { analyzer, sublinear = false } = options;
  const { pieces, featuresOf } = analyzer;
  const { kept, known: counted } = countedFeatures(texts, options);
  const columnOf = new Map(kept.map(({ name }, column) => [name, column] as const));
  const idf = Float64Array.from(kept, k => Math.log((1 + texts.length) / (1 + k.texts)) + 1);
  const find = (piece: string) => numbersOf(featuresOf!(piece), name => columnOf.get(name) ?? -1);
  const columnOfId = new Int32Array(kept.reduce((most, k) => Math.max(most, k.id + 1), 0)).fill(-1);
  for (const [column, { id }] of kept.entries()) columnOfId[id] = column;
  const known = counted?.renumbered(columnOfId, find) ?? new PieceNumbers(find);
  /** How often a row has each column, all 0 between rows; and the columns that it has. */
  const [counts, found] = [new Uint32Array(kept.length), new Int32Array(kept.length)];
  return {
    size: kept.length,
    features: kept.map(k => k.name),
    row(text) {
      let numFound = 0;
      for (const piece of pieces(text)) {
        if (featuresOf) {
          const own = known.of(piece);
          for (let k = 0; k < own.length; k++) if (counts[own[k]!]!++ === 0) found[numFound++] = own[k]!;
        } else {
          const column = columnOf.get(piece);
          if (column !== undefined && counts[column]!++ === 0) found[numFound++] = column;
        }
      }
      const columns = found.slice(0, numFound).sort();
      const values = new Float64Array(numFound);
      for (let k = 0; k < numFound; k++) {
        const c = columns[k]!;
        values[k] = (sublinear ? 1 + Math.log(counts[c]!) : counts[c]!) * idf[c]!;
        counts[c] = 0;
      }
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
