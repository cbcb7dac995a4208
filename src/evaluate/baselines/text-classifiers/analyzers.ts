/** Texts as features, as scikit-learn's analyzers cut them: words (`word`), and character n-grams inside words (`char_wb`). */

/** Cuts texts into pieces, and those into features: texts share most of their pieces, so what a piece has can be found once. */
export interface Analyzer {
  /** Every piece of a text, as often as it occurs. */
  readonly pieces: (text: string) => readonly string[];
  /** The features of a piece, as often as they occur in it. Absent: the piece itself is its only one. */
  readonly featuresOf?: (piece: string) => readonly string[];
}

/** Two word characters or more, as its default pattern `(?u)\b\w\w+\b` finds them. */
const words = /[\p{L}\p{N}_]{2,}/gu;

/** Words, lower case; up to `most` in a row, joined by a space. */
export const wordAnalyzer = (most = 1): Analyzer => ({
  pieces(text) {
    const found: readonly string[] = text.toLowerCase().match(words) ?? [];
    const all = [...found];
    for (let n = 2; n <= most; n++) for (let i = 0; i + n <= found.length; i++) all.push(found.slice(i, i + n).join(" "));
    return all;
  },
});

const surrogates = /[\ud800-\udfff]/;

/** n-grams of the characters of each word with a space before and after; a word that is too short for n gives itself once. */
export const characterAnalyzer = (least: number, most: number): Analyzer => ({
  pieces: text =>
    text
      .toLowerCase()
      .split(/\s+/u)
      .filter(word => word !== ""),
  featuresOf(word) {
    const padded = ` ${word} `;
    // characters are UTF-16 units where none is a half of one
    const letters = surrogates.test(padded) ? Array.from(padded) : undefined;
    const length = letters?.length ?? padded.length;
    const gram = (from: number, to: number) => letters?.slice(from, to).join("") ?? padded.slice(from, to);
    const grams: string[] = [];
    for (let n = least; n <= most; n++) {
      const last = Math.max(0, length - n);
      for (let i = 0; i <= last; i++) grams.push(gram(i, i + n));
      if (last === 0) break;
    }
    return grams;
  },
});
