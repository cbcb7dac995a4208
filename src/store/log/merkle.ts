/**
 * The Merkle tree of RFC 6962, section 2.1: a leaf hashes behind a 0x00, a node behind a 0x01, and a tree of n leaves splits at the largest
 * power of two below n. Pure functions over hex digests; the checks follow RFC 9162, sections 2.1.3.2 and 2.1.4.2.
 */
import { createHash } from "node:crypto";

const hash = (prefix: number, ...parts: readonly Uint8Array[]): string => {
  const h = createHash("sha256").update(Uint8Array.of(prefix));
  for (const part of parts) h.update(part);
  return h.digest("hex");
};
const bytes = (hex: string): Buffer => Buffer.from(hex, "hex");

/** MTH of no leaves: SHA-256 of nothing. */
export const emptyRoot: string = createHash("sha256").digest("hex");
/** SHA-256(0x00 || data). */
export const leafHash = (data: string | Uint8Array): string => hash(0, typeof data === "string" ? Buffer.from(data) : data);
/** SHA-256(0x01 || left || right). */
export const nodeHash = (left: string, right: string): string => hash(1, bytes(left), bytes(right));

/** The roots of the perfect trees that n leaves fall into, largest first: one for each bit set in n. All an append needs. */
export type Frontier = readonly string[];

/** The frontier after one more leaf; `size` is the number of leaves before it. */
export function appendLeaf(frontier: Frontier, size: number, leaf: string): Frontier {
  const next = [...frontier];
  let carried = leaf;
  for (let n = size; n % 2 === 1; n = (n - 1) / 2) carried = nodeHash(next.pop()!, carried);
  return [...next, carried];
}

export const rootOfFrontier = (frontier: Frontier): string =>
  frontier.length === 0 ? emptyRoot : frontier.reduceRight((right, left) => nodeHash(left, right));

/** MTH of the leaves' hashes. */
export const rootOf = (leaves: readonly string[]): string => rootOfFrontier(frontierOf(leaves));

const frontierOf = (leaves: readonly string[]): Frontier =>
  leaves.reduce<Frontier>((frontier, leaf, size) => appendLeaf(frontier, size, leaf), []);

const splitOf = (n: number): number => {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
};

/** PATH(index, leaves): the siblings from the leaf up. `index` in [0, leaves.length). */
export function inclusionProof(leaves: readonly string[], index: number): string[] {
  if (!(index >= 0 && index < leaves.length))
    throw new RangeError(`inclusionProof: expected an index below ${leaves.length}, got ${index}`);
  if (leaves.length === 1) return [];
  const k = splitOf(leaves.length);
  return index < k
    ? [...inclusionProof(leaves.slice(0, k), index), rootOf(leaves.slice(k))]
    : [...inclusionProof(leaves.slice(k), index - k), rootOf(leaves.slice(0, k))];
}

/** Whether `leaf` stands at `index` of the tree of `size` leaves with this root. */
export function checkInclusion(leaf: string, index: number, size: number, proof: readonly string[], root: string): boolean {
  if (!(index >= 0 && index < size)) return false;
  let node = index;
  let last = size - 1;
  let r = leaf;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      r = nodeHash(sibling, r);
      while (node % 2 === 0 && node !== 0) {
        node /= 2;
        last = Math.floor(last / 2);
      }
    } else r = nodeHash(r, sibling);
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && r === root;
}

/** PROOF(first, leaves): that the first `first` leaves are a beginning of all of them. Empty for 0 and for the whole. */
export function consistencyProof(leaves: readonly string[], first: number): string[] {
  if (!(first >= 0 && first <= leaves.length)) throw new RangeError(`consistencyProof: expected at most ${leaves.length}, got ${first}`);
  const sub = (m: number, part: readonly string[], whole: boolean): string[] => {
    if (m === part.length) return whole ? [] : [rootOf(part)];
    const k = splitOf(part.length);
    return m <= k
      ? [...sub(m, part.slice(0, k), whole), rootOf(part.slice(k))]
      : [...sub(m - k, part.slice(k), false), rootOf(part.slice(0, k))];
  };
  return first === 0 ? [] : sub(first, leaves, true);
}

/** Whether the tree (`size`, `root`) begins with the tree (`first`, `firstRoot`). */
export function checkConsistency(first: number, size: number, firstRoot: string, root: string, proof: readonly string[]): boolean {
  if (!(first >= 0 && first <= size)) return false;
  if (first === size) return proof.length === 0 && firstRoot === root;
  if (first === 0) return proof.length === 0 && firstRoot === emptyRoot;
  const isPower = Number.isInteger(Math.log2(first));
  const [start, ...rest] = isPower ? [firstRoot, ...proof] : proof;
  if (start === undefined) return false;
  let node = first - 1;
  let last = size - 1;
  while (node % 2 === 1) {
    node = (node - 1) / 2;
    last = Math.floor(last / 2);
  }
  let before = start;
  let after = start;
  for (const c of rest) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      before = nodeHash(c, before);
      after = nodeHash(c, after);
      while (node % 2 === 0 && node !== 0) {
        node /= 2;
        last = Math.floor(last / 2);
      }
    } else after = nodeHash(after, c);
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && before === firstRoot && after === root;
}
