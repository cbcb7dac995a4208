/**
 * Which of several targets a key belongs to, in proportion to their weights, so that every replica says the same and only the keys of a target
 * that leaves move (weighted rendezvous hashing; Thaler and Ravishankar, 1998; weights after Schindelhauer and Schomaker, 2005).
 */

/** 32 bits of a text: FNV-1a, then the finish of MurmurHash3, without which neighbours fall near each other. */
export function hash32(text: string, seed = 0): number {
  let h = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A target's claim on a key; the greatest wins. A weight of 0 claims nothing. */
export function claim(key: string, target: string, weight: number): number {
  if (weight <= 0) return Number.NEGATIVE_INFINITY;
  const uniform = (hash32(target, hash32(key)) + 0.5) / 2 ** 32;
  return -weight / Math.log(uniform);
}
