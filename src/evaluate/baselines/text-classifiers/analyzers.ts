/** Texts as features, as scikit-learn's analyzers cut them: words (`word`), and character n-grams inside words (`char_wb`). */

/** Gives every feature of a text, as often as it occurs. */
export type Analyzer = (text: string, feature: (name: string) => void) => void;

/** Two word characters or more, as its default pattern `(?u)\b\w\w+\b` finds them. */
const words = /[\p{L}\p{N}_]{2,}/gu;

/** Words, lower case; up to `most` in a row, joined by a space. */
export const wordAnalyzer =
  (most = 1): Analyzer =>
  (text, feature) => {
    const found = text.toLowerCase().match(words) ?? [];
    for (let n = 1; n <= most; n++)
      for (let i = 0; i + n <= found.length; i++) feature(n === 1 ? found[i]! : found.slice(i, i + n).join(" "));
  };

/** n-grams of the characters of each word with a space before and after; a word that is too short for n gives itself once. */
export const characterAnalyzer = (least: number, most: number): Analyzer => {
  const gramsOf = (word: string): string[] => {
    const letters = Array.from(` ${word} `);
    const grams: string[] = [];
    for (let n = least; n <= most; n++) {
      const last = Math.max(0, letters.length - n);
      for (let i = 0; i <= last; i++) grams.push(letters.slice(i, i + n).join(""));
      if (last === 0) break;
    }
    return grams;
  };
  // texts share most of their words
  const known = new Map<string, readonly string[]>();
  return (text, feature) => {
    for (const word of text.toLowerCase().split(/\s+/u)) {
      if (word === "") continue;
      let grams = known.get(word);
      if (!grams) {
        grams = gramsOf(word);
        if (known.size < 500_000) known.set(word, grams);
      }
      for (const gram of grams) feature(gram);
    }
  };
};
