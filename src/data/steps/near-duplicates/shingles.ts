/** Word n-gram shingles of a text as distinct 32-bit hashes, and how alike two such sets are. Shingles: Broder 1997. */
import { hashSet } from "./hash-set.ts";
import { maxScanBytes, scanner } from "./scan.ts";
import { isAscii, mixHash, shingleFactor, wordHashes } from "./words.ts";

/** The shingle that begins at every word, by the definition. */
export function plainShingles(text: string, n: number): Uint32Array {
  const w = wordHashes(text);
  return Uint32Array.from({ length: Math.max(0, w.length - n + 1) }, (_, i) => {
    let h = 0;
    // A product with an odd number before every word makes the order of words count.
    for (let k = 0; k < n; k++) h = Math.imul(h ^ w[i + k]!, shingleFactor) + k;
    return mixHash(h);
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
  return scan.shingles(isAscii(text) ? Buffer.from(text, "latin1") : text, n);
}

/** The set of shingles of `n` words of a text: distinct, in the order of the text. */
export function shingles(text: string, n: number): Uint32Array {
  const all = shingleHashes(text, n).slice();
  return all.slice(0, hashSet().load(all));
}

/** |A and B| / |A or B| of two sets, whose members may come more than once; two empty sets are not alike. */
export function jaccard(a: Uint32Array, b: Uint32Array): number {
  const [set, others] = [hashSet(), b.slice()];
  const m = set.load(others);
  set.load(a.slice());
  return set.similarityFrom(others.subarray(0, m), 0) ?? 0;
}
