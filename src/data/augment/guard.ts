/**
 * Keeps the held-out side out of what is made: no parent from there, no text that is like one of its documents, also where a variant comes
 * nearer to it than its parent was. Exact (no bands). Memory: 8 bytes a held-out shingle, twice that while they are gathered.
 */
import { sha256 } from "../../base/index.ts";
import type { Document } from "../document.ts";
import { dataErrors } from "../errors.ts";
import { shingles } from "../steps/near-duplicates/index.ts";

const mostDocuments = 2 ** 21;

export interface Guard {
  readonly documents: number;
  /** Errors: `data/leakage` where a train document is one of the held-out ones. */
  admit(id: string): void;
  isLikeHeldOut(text: string): boolean;
}

/** Words alone, so that a copy with other marks or lines is still one. */
const plain = (text: string) =>
  sha256(
    text
      .normalize("NFKC")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu)
      ?.join(" ") ?? "",
  );

export async function heldOutGuard(
  documents: AsyncIterable<Document> | Iterable<Document>,
  { words, threshold }: { readonly words: number; readonly threshold: number },
): Promise<Guard> {
  const ids = new Set<string>();
  const texts = new Set<string>();
  const sizes: number[] = [];
  // Shingle and document in one number: 32 and 21 bits are what a float holds exactly.
  let pairs = new Float64Array(4096);
  let n = 0;
  /** Most shingles of a train text are turned away by their upper bits, before the search. */
  const present = new Uint8Array(2 ** 22);
  for await (const { id, text } of documents) {
    if (sizes.length === mostDocuments)
      throw dataErrors.fail("corpusTooLarge", {
        place: "augment",
        expected: `at most ${mostDocuments} held-out documents`,
        received: "more",
        hint: "Hold out a smaller share.",
      });
    ids.add(id);
    texts.add(plain(text));
    const own = shingles(text, words);
    if (n + own.length > pairs.length) {
      const more = new Float64Array(Math.max(2 * pairs.length, n + own.length));
      more.set(pairs);
      pairs = more;
    }
    for (const s of own) {
      pairs[n++] = s * mostDocuments + sizes.length;
      present[s >>> 10] = 1;
    }
    sizes.push(own.length);
  }
  pairs = pairs.slice(0, n).sort();
  return {
    documents: ids.size,
    admit(id) {
      if (ids.has(id)) throw dataErrors.fail("leakage", { place: id, expected: "a train document to augment", received: "a held-out one" });
    },
    isLikeHeldOut(text) {
      if (texts.has(plain(text))) return true;
      const own = shingles(text, words);
      const common = new Map<number, number>();
      for (const s of own) {
        if (present[s >>> 10] === 0) continue;
        const from = s * mostDocuments;
        let [low, high] = [0, n];
        while (low < high) {
          const middle = (low + high) >>> 1;
          if (pairs[middle]! < from) low = middle + 1;
          else high = middle;
        }
        for (; low < n && pairs[low]! < from + mostDocuments; low++) {
          const d = pairs[low]! - from;
          common.set(d, (common.get(d) ?? 0) + 1);
        }
      }
      for (const [d, both] of common) if (both / (own.length + sizes[d]! - both) >= threshold) return true;
      return false;
    },
  };
}
