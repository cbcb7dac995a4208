/** Word n-gram shingles of a text as sorted, distinct 32-bit hashes, and how alike two such sets are. Shingles: Broder 1997. */
import { maxScanBytes, scanner } from "./scan.ts";
import { isAscii, mix32, rawWordHashes, shingleFactor, wordHashes } from "./words.ts";

/** A group of hashes larger than this is no accident of uniform hashes: much is repeated, and the general sort takes over. */
const maxBucket = 48;

let scratch = new Uint32Array(1024);
let starts = new Uint32Array(1024);

/**
 * Sorts uniform hashes in linear time: one counting pass over their upper bits, then insertion among the few that share them. The result
 * lies in `values`.
 */
function sortHashes(values: Uint32Array): void {
  const n = values.length;
  if (n < 2) return;
  const bits = Math.max(1, Math.min(20, 32 - Math.clz32(n - 1)));
  const shift = 32 - bits;
  const buckets = 1 << bits;
  if (starts.length < buckets + 1) starts = new Uint32Array(2 * buckets);
  if (scratch.length < n) scratch = new Uint32Array(2 * n);
  const [at, sorted] = [starts, scratch];
  at.fill(0, 0, buckets + 1);
  for (let i = 0; i < n; i++) at[(values[i]! >>> shift) + 1]!++;
  let most = 0;
  for (let b = 0; b < buckets; b++) {
    if (at[b + 1]! > most) most = at[b + 1]!;
    at[b + 1] = at[b + 1]! + at[b]!;
  }
  if (most > maxBucket) {
    values.sort();
    return;
  }
  for (let i = 0; i < n; i++) {
    const v = values[i]!;
    sorted[at[v >>> shift]!++] = v;
  }
  let last = 0;
  for (let i = 0; i < n; i++) {
    const v = sorted[i]!;
    if (v >= last) {
      values[i] = last = v;
      continue;
    }
    let j = i;
    for (; j > 0 && values[j - 1]! > v; j--) values[j] = values[j - 1]!;
    values[j] = v;
  }
}

/** Sorts shingles and puts the distinct ones in front; gives how many they are. */
export function sortDistinct(values: Uint32Array): number {
  if (values.length === 0) return 0;
  sortHashes(values);
  let unique = 1;
  for (let i = 1; i < values.length; i++) if (values[i] !== values[i - 1]) values[unique++] = values[i]!;
  return unique;
}

/** The shingle that begins at every word, by the definition. */
export function plainShingles(text: string, n: number): Uint32Array {
  const w = wordHashes(text);
  return Uint32Array.from({ length: Math.max(0, w.length - n + 1) }, (_, i) => {
    let h = 0;
    // A product with an odd number before every word makes the order of words count.
    for (let k = 0; k < n; k++) h = Math.imul(h ^ w[i + k]!, shingleFactor) + k;
    return mix32(h);
  });
}

/**
 * The shingle of `n` words that begins at every word of a text, or of ASCII bytes, repeated ones too. None where the text has fewer words:
 * such texts are left to exact comparison. The result may be a view that the next call overwrites.
 */
export function shingleHashes(text: string | Uint8Array, n: number): Uint32Array {
  const scan = text.length <= maxScanBytes ? scanner() : undefined;
  if (typeof text !== "string") return scan ? scan.shingles(text, n) : plainShingles(Buffer.from(text).toString("latin1"), n);
  if (!scan) return plainShingles(text, n);
  return scan.shingles(isAscii(text) ? Buffer.from(text, "latin1") : rawWordHashes(text), n);
}

/** The set of shingles of `n` words of a text: sorted, distinct. */
export function shingles(text: string, n: number): Uint32Array {
  const all = shingleHashes(text, n).slice();
  return all.slice(0, sortDistinct(all));
}

/** |A and B| / |A or B| of two sorted sets; two empty sets are not alike. */
export const jaccard = (a: Uint32Array, b: Uint32Array): number => similarityFrom(a, b, 0) ?? 0;

/** The Jaccard similarity of two sorted sets where it is at least `threshold`; otherwise undefined, as soon as that is certain. */
export function similarityFrom(a: Uint32Array, b: Uint32Array, threshold: number): number | undefined {
  const [n, m] = [a.length, b.length];
  if (n === 0 || m === 0) return threshold > 0 ? undefined : 0;
  // The fewest common members that reach the threshold: both / (n + m - both) >= t, corrected for rounding.
  let need = Math.floor((threshold * (n + m)) / (1 + threshold));
  while (need > 0 && (need - 1) / (n + m - need + 1) >= threshold) need--;
  while (need / (n + m - need) < threshold) need++;
  // How many members of each side may still turn out to be alone.
  let [spareA, spareB] = [n - need, m - need];
  if (spareA < 0 || spareB < 0) return undefined;
  let [i, j, both] = [0, 0, 0];
  while (i < n && j < m) {
    const [x, y] = [a[i]!, b[j]!];
    if (x === y) {
      both++;
      i++;
      j++;
    } else if (x < y) {
      i++;
      if (--spareA < 0) return undefined;
    } else {
      j++;
      if (--spareB < 0) return undefined;
    }
  }
  const similarity = both / (n + m - both);
  return similarity >= threshold ? similarity : undefined;
}
