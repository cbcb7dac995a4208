/** Mails as hashed words, for encoders that train in a second: no tokenizer and no pre-trained weights, so nothing of a test mail is known before. */
import { random } from "../src/base/index.ts";
import type { TokenTexts } from "../src/tune/index.ts";
import type { LabelledMail } from "./quality/corpus.ts";

export const mailClasses = ["ham", "spam"] as const;
export const hashedVocab = 2000;
/** Words of a mail that are read: its beginning. */
export const hashedLength = 64;

/** A word's token: a hash, from 1 on. */
function wordToken(word: string): number {
  let h = 7;
  for (const c of word) h = (Math.imul(h, 31) + c.charCodeAt(0)) >>> 0;
  return 1 + (h % (hashedVocab - 1));
}

/** So many of the mails, drawn by the seed. */
export function hashedMails(mails: readonly LabelledMail[], count: number, seed: string): TokenTexts {
  const chosen = Array.from(random(seed).permutation(mails.length).subarray(0, count), i => mails[i]!);
  return {
    ids: chosen.map((_, i) => String(i)),
    tokens: chosen.map(m => (m.text.toLowerCase().match(/\p{L}+/gu) ?? ["none"]).slice(0, hashedLength).map(wordToken)),
    labels: Int32Array.from(chosen, m => (m.isGood ? 0 : 1)),
  };
}
