/**
 * Whole words that are turned around letter by letter: ROT13 and backwards (also what a bidi override shows). They cannot be told from other words by
 * themselves, so lists add these forms of their own words; shorter ones are words of their own too often.
 */
const [least, most] = [4, 64];
/** Backwards there are more words of four and five letters that mean something else (`parts`, `strap`). */
const leastBackwards = 5;

const rot13 = (unit: number): number => (unit >= 97 && unit <= 122 ? ((unit - 97 + 13) % 26) + 97 : unit);

/** The forms of a folded word or phrase; none that is the word itself. */
export function turnedForms(units: readonly number[]): readonly (readonly number[])[] {
  const letters = units.filter(u => u >= 97 && u <= 122).length;
  if (letters < least || units.length > most) return [];
  const backwards = [...units].reverse();
  const isPalindrome = backwards.every((u, i) => u === units[i]);
  return [units.map(rot13), ...(isPalindrome || letters < leastBackwards ? [] : [backwards])];
}

/** The text with each letter of ASCII turned by thirteen: for detectors that read sentences. */
export const rot13Text = (text: string): string =>
  text.replace(/[a-z]/gi, c => String.fromCharCode(rot13(c.toLowerCase().charCodeAt(0)) - (c < "a" ? 32 : 0)));
