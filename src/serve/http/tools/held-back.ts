/** Length of the longest end of `text` that begins one of `words`: it may yet become that word. */
export function heldBack(text: string, words: readonly string[]): number {
  let held = 0;
  for (const word of words)
    for (let n = Math.min(word.length - 1, text.length); n > held; n--)
      if (text.endsWith(word.slice(0, n))) {
        held = n;
        break;
      }
  return held;
}
