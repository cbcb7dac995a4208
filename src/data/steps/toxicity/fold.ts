/**
 * Words as they are meant, however they are dressed: accents, letters of other scripts that look alike, digits and signs for letters
 * (`sh1t`, `a$$`), letters drawn out (`fuuuck`), letters apart (`f.u.c.k`), stars for letters (`f**k`).
 */

/** Cyrillic and Greek letters that look like Latin ones. */
const lookalikes: Readonly<Record<string, string>> = Object.fromEntries(
  [..."аaеeоoрpсcуyхxіiјjѕsкkмmтtвbнhԁdɡgαaεeιiκkνvοoρpτtυuχxβb"].reduce<[string, string][]>((pairs, c, i, all) => {
    if (i % 2 === 0) pairs.push([c, all[i + 1]!]);
    return pairs;
  }, []),
);

const signs: Readonly<Record<string, string>> = {
  0: "o",
  1: "i",
  3: "e",
  4: "a",
  5: "s",
  7: "t",
  8: "b",
  "@": "a",
  $: "s",
  "!": "i",
  "+": "t",
  "€": "e",
};

/** Small Latin letters without accents; what looks like one is one. */
export function fold(word: string): string {
  let out = "";
  for (const c of word.normalize("NFKD").toLowerCase().normalize("NFKD")) if (!/\p{M}/u.test(c)) out += lookalikes[c] ?? c;
  return out;
}

/** What a word may stand for besides itself, folded; nothing where it is plain. */
export function disguises(word: string): string[] {
  const out = new Set<string>();
  const folded = fold(word);
  const bare = folded.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, "");
  if (bare !== word) out.add(bare);
  // A number is a number.
  if (/\p{L}/u.test(folded))
    for (const some of [folded, bare, folded.replace(/[!+]+$/, "")]) {
      const meant = [...some].map(c => signs[c] ?? c).join("");
      if (meant !== some) out.add(meant.replace(/[^\p{L}\p{N}*]+/gu, ""));
    }
  for (const w of [bare, ...out])
    if (/(.)\1\1/u.test(w)) {
      out.add(w.replace(/(.)\1{2,}/gu, "$1"));
      out.add(w.replace(/(.)\1{2,}/gu, "$1$1"));
    }
  out.delete(word);
  out.delete("");
  return [...out];
}

/** Characters that words are made of, disguised ones too. */
export const wordsIn = /[\p{L}\p{M}\p{N}@$!+*€]+(?:['’-][\p{L}\p{M}\p{N}@$!+*€]+)*/gu;

/** Single letters with one mark or space between them: 3 to 20. */
export const apart = /(?<![\p{L}\p{N}])\p{L}(?:[ ._*-]\p{L}){2,19}(?![\p{L}\p{N}])/gu;

/** Whether stars in a word of four letters or more can stand for the letters of another; the first must be there, and no more stars than one over the letters. */
export function fitsStars(word: string, other: string): boolean {
  if (word.length < 4 || word.length !== other.length || word[0] === "*") return false;
  let stars = 0;
  for (let i = 0; i < word.length; i++) {
    if (word[i] === "*") stars++;
    else if (word[i] !== other[i]) return false;
  }
  return stars > 0 && stars <= word.length - stars + 1;
}
