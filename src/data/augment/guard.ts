/**
 * Keeps the held-out side out of what is made: no parent from there, no text that is like one of its documents, also where a variant comes
 * nearer to it than its parent was. The comparison is that of the split (`like-index.ts`).
 */
import { sha256 } from "../../base/index.ts";
import type { Document } from "../document.ts";
import { dataErrors } from "../errors.ts";
import { type LikeOptions, likeDefaults, likeIndex, mostIndexed } from "../steps/near-duplicates/index.ts";

export interface AugmentGuard {
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

export async function heldOutGuard(documents: AsyncIterable<Document> | Iterable<Document>, near: LikeOptions): Promise<AugmentGuard> {
  const ids = new Set<string>();
  const copies = new Set<string>();
  const index = likeIndex([], { ...near, wordThreshold: Math.max(likeDefaults.threshold, near.threshold) });
  for await (const { id, text } of documents) {
    if (index.size === mostIndexed)
      throw dataErrors.fail("corpusTooLarge", {
        place: "augment",
        expected: `at most ${mostIndexed} held-out documents`,
        received: "more",
        hint: "Hold out a smaller share.",
      });
    ids.add(id);
    copies.add(plain(text));
    index.add(text);
  }
  return {
    documents: ids.size,
    admit(id) {
      if (ids.has(id)) throw dataErrors.fail("leakage", { place: id, expected: "a train document to augment", received: "a held-out one" });
    },
    isLikeHeldOut: text => copies.has(plain(text)) || index.like(text) !== undefined,
  };
}
