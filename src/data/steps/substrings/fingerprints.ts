/**
 * Fingerprints of a text: hashes of some of its windows, chosen by what they are and not by where they stand, so that any two texts with a
 * passage of `length` bytes in common have one of them in common. Of every run of windows the least hash is taken, and the same one for as long
 * as it is there (robust winnowing, Schleimer, Wilkerson & Aiken 2003): about one in a quarter of `length` bytes.
 */
import { mixHash } from "../near-duplicates/words.ts";

const factor = 0x01000193;

/** Pairs of 32-bit hashes: the first of the window as it was chosen by, the second by other means. None of texts shorter than `length`. */
export function* fingerprints(text: Uint8Array, length: number): Generator<readonly [number, number]> {
  const n = text.length;
  if (n < length) return;
  // A passage of `length` bytes holds `span` windows of `size`, and of those the least is taken.
  const size = length >> 1;
  const span = length - size + 1;
  let oldest = 1;
  for (let i = 1; i < size; i++) oldest = Math.imul(oldest, factor);
  const windows = n - size + 1;
  const hashes = new Uint32Array(windows);
  let rolling = 0;
  for (let at = 0; at < size - 1; at++) rolling = Math.imul(rolling, factor) + text[at]!;
  for (let at = 0; at < windows; at++) {
    rolling = (Math.imul(rolling, factor) + text[at + size - 1]!) | 0;
    hashes[at] = mixHash(rolling);
    rolling = (rolling - Math.imul(oldest, text[at]!)) | 0;
  }
  const second = (at: number): number => {
    let h = 0x9747b28c;
    for (let i = at; i < at + size; i++) {
      h = Math.imul(h ^ text[i]!, 0x5bd1e995);
      h ^= h >>> 15;
    }
    return mixHash(h) >>> 0;
  };
  let chosen = -1;
  for (let end = span - 1; end < windows; end++) {
    const start = end - span + 1;
    if (chosen >= start && hashes[end]! >= hashes[chosen]!) continue;
    if (chosen >= start) chosen = end;
    else {
      // The one that was chosen has gone: the least of those there, the last where several are.
      chosen = start;
      for (let at = start + 1; at <= end; at++) if (hashes[at]! <= hashes[chosen]!) chosen = at;
    }
    yield [hashes[chosen]!, second(chosen)];
  }
}
