/** Words of a text in any language, for search: lower case; where a script writes no spaces, pairs of neighbouring characters (as Lucene's CJK analyzer). */

const words = /[\p{L}\p{M}\p{N}_]+/gu;
const scripts = ["Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan"].map(s => `\\p{Script=${s}}`).join("");
const runs = new RegExp(`[${scripts}]+|[^${scripts}]+`, "gu");
const isUnspaced = new RegExp(`^[${scripts}]`, "u");

export function searchWords(text: string): string[] {
  const found: string[] = [];
  for (const word of text.normalize("NFKC").toLowerCase().match(words) ?? [])
    for (const run of word.match(runs)!) {
      const letters = isUnspaced.test(run) ? Array.from(run) : [];
      if (letters.length < 2) found.push(run);
      for (let i = 0; i + 1 < letters.length; i++) found.push(letters[i]! + letters[i + 1]!);
    }
  return found;
}
