/**
 * Deflate (RFC 1951), level 9, with the end of the train side as its window. Raw deflate: gzip's header and checksum would add 18 bytes a
 * document that say nothing about the text. The stream ends itself, so the end of the document is paid for.
 */
import { constants, deflateRawSync } from "node:zlib";
import { random } from "../../base/index.ts";
import { type BaselineScore, baselineScore, utf8Bytes } from "./score.ts";

/** Deflate can look back this far and no further. */
export const windowBytes = 32 * 1024;

/** The last `size` bytes of texts joined by an empty line, without joining them all. */
export function lastBytes(texts: readonly string[], size: number): Buffer {
  const parts: Buffer[] = [];
  let have = 0;
  for (let i = texts.length - 1; i >= 0 && have < size; i--) {
    const part = Buffer.from(`${texts[i]}\n\n`);
    parts.unshift(part);
    have += part.length;
  }
  return Buffer.concat(parts).subarray(-size);
}

/**
 * Scores deflate with the last 32 KB of the train texts in a shuffled order: as they come, they would be the end of one folder.
 * The shuffle is seeded, so the score is the same on every run.
 */
export function gzipBaseline(train: readonly string[], heldOut: readonly string[], seed = 1): BaselineScore {
  const started = performance.now();
  const shuffled = Array.from(random(seed).permutation(train.length), i => train[i]!);
  const dictionary = lastBytes(shuffled, windowBytes);
  const options = { level: 9, memLevel: 9, strategy: constants.Z_DEFAULT_STRATEGY, ...(dictionary.length > 0 ? { dictionary } : {}) };
  let bits = 0;
  for (const text of heldOut) bits += 8 * deflateRawSync(text, options).length;
  return baselineScore("gzip", bits, utf8Bytes(heldOut), started);
}
