/**
 * The language of a text of any length: evidence of windows spread over it, added up, and how sure that is. Reading all of a megabyte would
 * say nothing that eight places in it do not; what lies between them is not looked at.
 */
import type { Detect } from "./eld.ts";
import { undetermined } from "./names.ts";
import { countLetters, runningText } from "./running-text.ts";

export interface DetectedLanguage {
  readonly language: string;
  /** The chance that it is right, from 0 to 1: see `confidence`. */
  readonly score: number;
  /** Letters that were looked at. */
  readonly letters: number;
}

/** Characters a window: what is left of them without addresses and markup still fills the 350 bytes that are read. */
const windowLength = 700;
/** A window for so many characters, one more, and at most so many. */
const windowEvery = 2000;
export const maxWindows = 8;

/** A little further, to a word's beginning, where there is one near. */
function wordStart(text: string, at: number): number {
  if (at === 0) return 0;
  const space = text.indexOf(" ", at);
  const next = space >= 0 && space < at + 40 ? space + 1 : at;
  // Not between the halves of a character.
  const c = text.charCodeAt(next);
  return c >= 0xdc00 && c <= 0xdfff ? next + 1 : next;
}

function* windows(text: string): Generator<string> {
  const count = text.length <= windowLength ? 1 : Math.min(maxWindows, 1 + Math.ceil(text.length / windowEvery));
  const stride = text.length / count;
  for (let i = 0; i < count; i++) {
    const start = wordStart(text, Math.floor(i * stride));
    yield text.slice(start, start + windowLength);
  }
}

/** More letters do not make it surer. */
const maxLetters = 400;

/** What the chance rests on: evidence of the best language, how far the second lies behind it as a share, and the letters. */
export const features = ({ best, second, letters }: Pick<Weighed, "best" | "second" | "letters">) =>
  [1, Math.log(best + 1), Math.sqrt((best - second) / best), Math.log(Math.min(letters, maxLetters))] as const;

/**
 * Logistic weights of these, fitted by `npm run bench -- languages` to half of its samples of 77 languages, 18 of them unknown to eld (what it
 * says of those is wrong). Where such texts are rarer, the chance is too modest.
 */
export const weights = [-16.2032, 3.0456, 6.1186, 0.0578] as const;

export function confidence(w: Pick<Weighed, "best" | "second" | "letters">): number {
  const sum = features(w).reduce((s, f, i) => s + f * weights[i]!, 0);
  return 1 / (1 + Math.exp(-sum));
}

/** Best and second evidence, with the best one's language. */
export interface Weighed {
  readonly language: string;
  readonly best: number;
  readonly second: number;
  readonly letters: number;
}

/** What the windows say together, or undefined where there are fewer letters than `minLetters` or none is known. */
export function weigh(text: string, detect: Detect, minLetters: number): Weighed | undefined {
  const sums = new Map<string, number>();
  let letters = 0;
  for (const window of windows(text)) {
    const plain = runningText(window);
    const count = countLetters(plain);
    if (count === 0) continue;
    letters += count;
    for (const [language, evidence] of detect(plain).evidence()) sums.set(language, (sums.get(language) ?? 0) + evidence * count);
  }
  if (letters < minLetters) return undefined;
  let [language, best, second] = ["", 0, 0];
  for (const [name, sum] of sums) {
    if (sum > best || (sum === best && name < language)) [language, best, second] = [name, sum, best];
    else if (sum > second) second = sum;
  }
  return language === "" ? undefined : { language, best: best / letters, second: second / letters, letters };
}

export function detectLanguage(text: string, detect: Detect, minLetters: number): DetectedLanguage {
  const w = weigh(text, detect, minLetters);
  if (!w) return { language: undetermined, score: 0, letters: 0 };
  return { language: w.language, score: Math.round(confidence(w) * 1000) / 1000, letters: w.letters };
}

/** The language of a short text alone, by its first window: half the work. */
export function nameLanguage(text: string, detect: Detect, minLetters: number): string {
  const plain = runningText(text.slice(0, windowLength));
  return countLetters(plain) < minLetters ? undetermined : detect(plain).language || undetermined;
}
