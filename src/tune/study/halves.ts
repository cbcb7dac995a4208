/**
 * The held-out documents in two: one half chooses among trials, the other one is looked at once, when the choice is made. Groups (documents
 * that the split found to be near-duplicates) stay together; which half a group is in follows from a hash of its name.
 */
import { sha256 } from "../../base/index.ts";
import type { Document } from "../../data/index.ts";
import { tuneErrors } from "../errors.ts";

export const halves = ["validation", "test"] as const;
export type Half = (typeof halves)[number];

/** The name of a document's group. */
export const groupOf = ({ id, attributes }: Pick<Document, "id" | "attributes">): string =>
  typeof attributes.cluster === "string" ? attributes.cluster : id;

/** The half of each group. Groups go to the validation half in the order of their hashes until it has half of the documents. */
export function halvesOf(documents: readonly Pick<Document, "id" | "attributes">[], place: string): ReadonlyMap<string, Half> {
  const sizes = new Map<string, number>();
  for (const d of documents) sizes.set(groupOf(d), (sizes.get(groupOf(d)) ?? 0) + 1);
  if (sizes.size < 2)
    throw tuneErrors.fail("halves", {
      place,
      expected: "two held-out groups of documents or more: one half chooses, the other one judges the choice",
      received: `${sizes.size} (${documents.length} documents)`,
      hint: "Raise split.heldOut, or give more documents.",
    });
  const order = [...sizes.keys()].map(name => ({ name, key: sha256(`halves/${name}`) })).sort((a, b) => (a.key < b.key ? -1 : 1));
  const result = new Map<string, Half>();
  let taken = 0;
  for (const [i, { name }] of order.entries()) {
    const isLast = i === order.length - 1 && taken > 0 && ![...result.values()].includes("test");
    const half = !isLast && taken < documents.length / 2 ? "validation" : "test";
    if (half === "validation") taken += sizes.get(name)!;
    result.set(name, half);
  }
  return result;
}

/** The documents of one half, in their order. */
export function halfOf<D extends Pick<Document, "id" | "attributes">>(documents: readonly D[], half: Half, place: string): D[] {
  const sides = halvesOf(documents, place);
  return documents.filter(d => sides.get(groupOf(d)) === half);
}
