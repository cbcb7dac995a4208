/**
 * Who is augmented, by what, how often: decided before anything is made, from hashes of the seed and the ids, so that it depends neither on
 * the order of documents nor on what a method gives. Memory: 8 bytes a variant that is wished for.
 */
import { sha256 } from "../../base/index.ts";
import { type Document, textBytes } from "../document.ts";
import { attributeValue } from "../mixture/value.ts";
import type { AugmentOptions, AugmentRow } from "./options.ts";

/** A number in [0, 1) of 52 bits. */
const unit = (text: string): number => Number.parseInt(sha256(text).slice(0, 13), 16) / 2 ** 52;

/** Length buckets of `where`. */
const lengthEdges = [256, 1024, 4096, 16_384, 65_536];

const fits = (document: Document, { where }: AugmentRow): boolean =>
  Object.entries(where).every(([attribute, wanted]) =>
    [wanted].flat().includes(attributeValue(document, attribute, attribute === "length" ? textBytes(document.text) : 0, lengthEdges)),
  );

interface AugmentWish {
  readonly row: number;
  /** From 1 on. */
  readonly copy: number;
}

export interface AugmentSelection {
  readonly documents: number;
  /** Variants that the rows ask for, each; and how many `maxShare` allows together. */
  readonly wished: readonly number[];
  readonly limit: number;
  /** What is to be made of a document, in the order of rows and copies. */
  wishesFor(document: Document): AugmentWish[];
}

/** Whether a wish gives a variant, where that can be known before it is made. */
type Gives = (document: Document, wish: AugmentWish) => boolean;

/**
 * Decides. Where more is wished for than `maxShare` allows, wishes that give nothing (no quantity in the text) are found first, so that they
 * do not take the place of others.
 */
export async function selectDocuments(
  documents: () => AsyncIterable<Document> | Iterable<Document>,
  o: AugmentOptions,
  gives: Gives,
): Promise<AugmentSelection> {
  const wanted = (document: Document): (AugmentWish & { readonly rank: number })[] =>
    o.methods.flatMap((r, row) => {
      if (!fits(document, r) || (r.share < 1 && unit(`${o.seed}/${r.as}/${document.id}`) >= r.share)) return [];
      return Array.from({ length: r.copies }, (_, k) => ({ row, copy: k + 1, rank: unit(`${o.seed}/${r.as}/${document.id}/${k + 1}`) }));
    });
  const wished = new Array<number>(o.methods.length).fill(0);
  let n = 0;
  for await (const document of documents()) {
    n++;
    for (const { row } of wanted(document)) wished[row]!++;
  }
  const count = wished.reduce((a, b) => a + b, 0);
  const limit = Math.floor((o.maxShare / (1 - o.maxShare)) * n + 1e-9);
  if (count <= limit) return { documents: n, wished, limit, wishesFor: wanted };
  const ranks = new Float64Array(count);
  let found = 0;
  for await (const document of documents()) for (const w of wanted(document)) if (gives(document, w)) ranks[found++] = w.rank;
  // Those of the smallest hashes stay, so every row loses the same share.
  const last = found <= limit ? 1 : limit === 0 ? -1 : ranks.subarray(0, found).sort()[limit - 1]!;
  return { documents: n, wished, limit, wishesFor: d => wanted(d).filter(w => w.rank <= last) };
}
