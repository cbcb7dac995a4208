/**
 * Documents as records with named fields, and a sample of such things that depends on their names alone: who else is there, and in what order,
 * changes nothing about whether one of two is preferred.
 */
import { createHash } from "node:crypto";
import type { Document, DocumentAttribute } from "./document.ts";

/** A document's fields for templates and columns: id, source, attributes by name, text. An attribute `source` stands before the file's name. */
export const drawnRecord = ({ id, source, attributes, text }: Document): Readonly<Record<string, DocumentAttribute>> => ({
  id,
  source,
  ...attributes,
  text,
});

/** `count` of the things, those with the smallest hashes of (seed, key), in their own order; all of them where there are fewer. */
export function drawn<T>(things: readonly T[], count: number, keyOf: (thing: T) => string, seed: number | string): T[] {
  if (things.length <= count) return [...things];
  const hashes = things.map(t =>
    createHash("sha256")
      .update(`${seed}/sample/${keyOf(t)}`)
      .digest("hex"),
  );
  const order = [...hashes.keys()].sort((a, b) => (hashes[a]! < hashes[b]! ? -1 : hashes[a]! > hashes[b]! ? 1 : a - b));
  return order
    .slice(0, count)
    .sort((a, b) => a - b)
    .map(i => things[i]!);
}
