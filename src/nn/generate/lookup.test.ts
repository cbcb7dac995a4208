import fc from "fast-check";
import { expect, test } from "vitest";
import { guessByLookup } from "./lookup.ts";

/** Judge: every earlier place, compared by text. */
function bruteForce(tokens: readonly number[], count: number): number[] {
  for (let n = 4; n >= 2; n--)
    for (let end = tokens.length - 1; end >= n; end--)
      if (tokens.slice(end - n, end).join() === tokens.slice(-n).join() && tokens.length >= n) return tokens.slice(end, end + count);
  return [];
}

test("a guess is what followed the latest place of the longest repeated suffix", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(2), { maxLength: 40 }), fc.integer({ min: 1, max: 9 }), (tokens, count) => {
      expect(guessByLookup(tokens, count)).toEqual(bruteForce(tokens, count));
    }),
    { seed: 3, numRuns: 1000 },
  );
  expect(guessByLookup([1, 2, 3, 9, 1, 2, 3], 2)).toEqual([9, 1]);
  expect(guessByLookup([1, 2, 3, 4], 2)).toEqual([]);
});
