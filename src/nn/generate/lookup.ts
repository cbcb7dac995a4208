/**
 * Guesses at what comes next, from the text itself: where its last tokens stood before, what followed them then (prompt lookup decoding,
 * Saxena 2023; speculative decoding without a second model). A guess costs no computation; whoever verifies it decides what it is worth.
 */

/** Suffixes are looked up from the longest down: the more that agrees, the better the guess. A single token says too little. */
const longest = 4;
const shortest = 2;

/** Up to `count` tokens that followed the latest earlier place of the longest repeated suffix; none where no suffix was there before. */
export function guessByLookup(tokens: readonly number[], count: number): number[] {
  const end = tokens.length;
  let best = 0;
  let from = 0;
  // the latest place first, so that the first of a length is kept
  for (let at = end - 2; at >= shortest - 1; at--) {
    let same = 0;
    while (same < longest && same <= at && tokens[at - same] === tokens[end - 1 - same]) same++;
    if (same <= best) continue;
    best = same;
    from = at + 1;
    if (best === longest) break;
  }
  return best < shortest ? [] : tokens.slice(from, from + count);
}
