/**
 * Cuts text at the matches of a pattern in the five ways of Hugging Face's pre-tokenizers, for "the-final--cut" and the pattern "-":
 *   Removed: the, final, cut                     Isolated: the, -, final, -, -, cut
 *   MergedWithPrevious: the-, final-, -, cut     MergedWithNext: the, -final, -, -cut
 *   Contiguous: the, -, final, --, cut
 */
import { z } from "zod";

export const behaviorSchema = z.enum(["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]);
export type Behavior = z.output<typeof behaviorSchema>;

/** Pieces as starts and ends, one after the other: [start, end, start, end, ...]. Empty pieces are left out. */
export function cut(text: string, pattern: RegExp, behavior: Behavior, invert = false): number[] {
  // The text as stretches that are in turn between and inside matches.
  const stretches: { from: number; to: number; isMatch: boolean }[] = [];
  let at = 0;
  const add = (from: number, to: number, isMatch: boolean): void => {
    if (to > from) stretches.push({ from, to, isMatch: isMatch !== invert });
  };
  for (const match of text.matchAll(pattern)) {
    add(at, match.index, false);
    at = match.index + match[0].length;
    add(match.index, at, true);
  }
  add(at, text.length, false);

  const pieces: number[] = [];
  for (const [i, { from, to, isMatch }] of stretches.entries()) {
    const before = stretches[i - 1];
    const joins =
      before !== undefined &&
      (behavior === "Contiguous"
        ? isMatch === before.isMatch
        : behavior === "MergedWithPrevious"
          ? isMatch && !before.isMatch
          : behavior === "MergedWithNext" && !isMatch && before.isMatch);
    if (joins) pieces[pieces.length - 1] = to;
    else if (!isMatch || behavior !== "Removed") pieces.push(from, to);
  }
  return pieces;
}
