/** Split patterns for which there is a scanner, and the scanner of a text that is one piece. */
import type { ByteSplitter } from "./bytes.ts";
import { cl100kPattern, splitCl100k } from "./cl100k.ts";
import { gpt2Pattern, splitGpt2 } from "./gpt2.ts";

export const knownPatterns: ReadonlyMap<string, ByteSplitter> = new Map([
  [gpt2Pattern, splitGpt2],
  [cl100kPattern(3), splitCl100k(3)],
  [cl100kPattern(1), splitCl100k(1)],
]);

export const onePiece: ByteSplitter = (_, from, to, ends) => {
  if (from >= to) return 0;
  ends[0] = to;
  return 1;
};
