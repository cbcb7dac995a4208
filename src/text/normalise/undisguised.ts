/**
 * A text as a classifier should read it beside the text as it is written: disguised words become the words that they stand for, letters set apart are put
 * together, hidden texts are decoded. A text without a disguise has no other reading. Words of other scripts stay: only a word that mixes scripts, or look-alikes
 * in a text that is Latin otherwise, is read as Latin. Linear in the text.
 */
import { sameGaps } from "./apart.ts";
import { foldText, isLetterUnit } from "./fold.ts";
import { hiddenTexts } from "./hidden.ts";
import { visibleText } from "./normalise.ts";
import { isDisguised, longestWord, readingsOf } from "./readings.ts";
import { rot13Text } from "./turned.ts";

/** Readings of a text besides itself; each costs a classifier as much as the text. */
const mostReadings = 5;
/** Of a word that has several (`1` is an i or an l): by place, from the end where below 0. */
const readingsOfWords = [0, -1, 1, 2] as const;
/** Texts inside of a text inside of a text are looked at, and no deeper. */
const deepest = 2;

const written = (units: readonly number[]): string => String.fromCodePoint(...units);
const latin = /\p{Script=Latin}/u;
const otherScript = /(?!\p{Script=Latin})\p{L}/u;
const asciiWord = /^[A-Za-z0-9'’-]*$/;
const marksAtEnds = /^[!|+*_'’-]+|[!|+*_'’-]+$/g;
const asciiLetters = /^[a-z]+$/;

/** Whether most letters of a text are of ASCII. */
function isMostlyAscii(text: string): boolean {
  let [ascii, others] = [0, 0];
  for (const c of text)
    if (c < "\u0080") ascii += /[A-Za-z]/.test(c) ? 1 : 0;
    else if (/\p{L}/u.test(c)) others++;
  return ascii > others;
}

/** What a word stands for; itself where it is no disguise. */
function wordMeant(word: string, isAsciiText: boolean, which: number): string {
  if (word.length > 4 * longestWord) return word;
  const bare = word.replace(marksAtEnds, "");
  if (asciiWord.test(bare) && !isDisguised(foldText(bare))) return word;
  const units = foldText(word);
  const folded = written(units);
  const isForeign = otherScript.test(word);
  // a word of another script is that word, unless each letter looks like a Latin one where others are Latin
  if (isForeign && !latin.test(word) && !/[^\p{L}\p{M}]/u.test(word) && !(isAsciiText && asciiLetters.test(folded))) return word;
  if (units.length > longestWord || !isDisguised(units))
    return /^[\p{L}\p{M}'’-]*$/u.test(word) && !isForeign && word.normalize("NFKC") === word ? word : folded;
  // numbers and prices stay
  const all = readingsOf(units).filter(r => r.units.every(isLetterUnit));
  const reading = all.at(which) ?? all[0];
  return reading ? written(reading.units) : word;
}

const apartLetters = /(?<![\p{L}\p{M}\p{N}])[\p{L}@$0-9](?:[^\p{L}\p{M}\p{N}@$]{1,3}[\p{L}@$0-9](?![\p{L}\p{M}\p{N}])){2,}/gu;
const apartLetter = /([^\p{L}\p{M}\p{N}@$]{0,3})([\p{L}@$0-9])/gu;
/** What a word may be written with; other signs are punctuation. */
const wordForm = /[\p{L}\p{M}\p{N}\p{So}@$!|+*€_'’-]+/gu;
const leastApart = 3;

/** Letters set apart by one and the same mark, as one word. */
const joinedLetters = (text: string): string =>
  text.replace(apartLetters, run => {
    const letters = [...run.matchAll(apartLetter)].map(([, gap = "", letter = ""], i) => ({
      unit: foldText(letter)[0] ?? 32,
      start: i,
      end: i + 1,
      gap,
    }));
    const [word, ...others] = sameGaps(letters);
    if (others.length === 0 && word !== undefined && word.length >= leastApart)
      return letters.map(l => String.fromCodePoint(l.unit)).join("");
    // words are further apart than letters; a run that goes from one mark to another is mathematics, code or an address
    return /^[\p{L}\p{N}@$ ]*$/u.test(run) ? run.replace(/(?<! ) (?! )/g, "").replace(/ +/g, " ") : run;
  });

/** The text with each disguised word as it is meant. */
function plainText(text: string, which = 0): string {
  const visible = visibleText(text).text;
  const isAsciiText = isMostlyAscii(visible);
  return joinedLetters(visible.replace(wordForm, word => wordMeant(word, isAsciiText, which)));
}

/** Of base64's digits alone many words are: those that are written as words are. */
const ordinaryWord = /^(?:[A-Z]?[a-z'’-]*|[A-Z]+)$/;
/** What decodes to marks and no words was nothing hidden. */
const readable = /^[\p{L}\p{M}\p{N}\p{Z}\s.,;:!?'"’()%=<>/&#+*@$_|-]+$/u;
const mostMarks = 0.2;
const isReadable = (text: string): boolean =>
  readable.test(text) && (text.match(/[^\p{L}\p{N}\s]/gu)?.length ?? 0) <= mostMarks * text.length;

/** The text with what it hides in place of what hides it. */
function unhidden(text: string, depth: number): string {
  let out = "";
  let at = 0;
  for (const { text: hidden, starts, isDivisible } of hiddenTexts(text).sort((a, b) => a.starts[0]! - b.starts[0]!)) {
    // windows of one hidden text overlap
    const first = starts.findIndex(start => start >= at);
    const end = starts.at(-1)!;
    if (first < 0 || first >= hidden.length || end <= at) continue;
    if (!isDivisible && ordinaryWord.test(text.slice(starts[0], end))) continue;
    const shown = depth < deepest ? unhidden(hidden.slice(first), depth + 1) : hidden.slice(first);
    if (!isDivisible && !isReadable(shown)) continue;
    out += text.slice(at, starts[first]) + shown;
    at = end;
  }
  return at === 0 ? text : out + text.slice(at);
}

/** A bidi override shows the characters after it backwards, up to its end or the line's. */
const asShown = (text: string): string =>
  text.includes("\u202e") ? text.replace(/\u202e([^\u202c\n]*)/g, (_, turned: string) => [...turned].reverse().join("")) : text;

/** Common words of English as ROT13 writes them: by one of them a text is known to be turned. */
const turnedWords = /\b(?:gur|naq|lbh|guvf|gung|ner|jvgu|sbe|lbhe|abg|unir|nyy|jvyy|sebz|gurl|jub|xvyy|qvr|ungr|fuhg)\b/i;

/** Readings of a text besides itself: without disguises and with what it hides; ROT13. */
export function undisguisedReadings(text: string): readonly string[] {
  const shown = asShown(unhidden(text, 1));
  const readings = [...readingsOfWords.map(which => plainText(shown, which)), ...(turnedWords.test(text) ? [rot13Text(text)] : [])];
  return readings.filter((r, i) => r.trim() !== "" && r !== text && readings.indexOf(r) === i).slice(0, mostReadings);
}
