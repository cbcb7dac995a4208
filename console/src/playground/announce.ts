/**
 * What a screen reader hears of a text that is being written: whole sentences, a piece at a time, so that a polite live region is read to its end before the
 * next piece comes. Tokens one by one would be a flood, silence until the end a long wait.
 */

/** Between two pieces, milliseconds: about what it takes to read the longest one. */
export const announceMs = 4_000;
/** The longest piece, characters. */
const longest = 280;
/** A text without sentence ends is cut at a space from here on. */
const patience = 160;

/** Where the piece that begins at `from` may end: after the last sentence that is complete; 0: not yet. */
function endOf(text: string): number {
  const part = text.slice(0, longest);
  const sentence = [...part.matchAll(/[.!?…:;](?=\s)|\n/g)].at(-1);
  if (sentence) return sentence.index + 1;
  if (part.length < patience) return 0;
  const space = part.lastIndexOf(" ");
  return space > 0 ? space : part.length;
}

export interface Announced {
  /** Empty: nothing to say yet. */
  readonly piece: string;
  /** Characters of the text that have been said. */
  readonly upTo: number;
}

/** The next piece of a text of which `from` characters have been said. What has ended is said to its end, in as many pieces as that takes. */
export function nextPiece(text: string, from: number, hasEnded: boolean): Announced {
  const rest = text.slice(from);
  const length = hasEnded && rest.length <= longest ? rest.length : endOf(rest) || (hasEnded ? Math.min(rest.length, longest) : 0);
  return { piece: rest.slice(0, length).trim(), upTo: from + length };
}
