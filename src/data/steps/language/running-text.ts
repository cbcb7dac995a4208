/**
 * What of a text is language: addresses, encoded data, markup and lines of code say nothing about it, or say English. Every pattern here
 * looks at a character a bounded number of times.
 */

const addresses = /(?:https?:\/\/|ftp:\/\/|www\.)[\x21-\x7e]+/gi;
const mailboxes = /[\w.+-]{1,64}@[\w.-]{1,255}/g;
/** No word of a language has so many characters of the base64 alphabet in a row; paths and hashes do. */
const blobs = /[\w+/=-]{40,}/g;
const tags = /<[^<>]{0,300}>|&#?\w{1,10};/g;

/** Marks that code is full of and prose is not. */
const codeMarks = new Uint8Array(128);
for (const c of "{}[]()<>=;_$#\\|*&^~`") codeMarks[c.charCodeAt(0)] = 1;
/** From so many marks, and this share of them among the characters of a line, it is code. Prose with a footnote in brackets has 0.05. */
const [codeCount, codeShare] = [4, 0.12];
/** With more characters beyond ASCII a line is prose about code: names and keywords of programs are ASCII. */
const foreignShare = 0.2;
/** Begins and ends code in Markdown. */
export const fence = /^\s{0,3}(?:```|~~~)/;

function isCode(line: string): boolean {
  let [marks, foreign, seen] = [0, 0, 0];
  for (let i = 0; i < line.length; i++) {
    const c = line.charCodeAt(i);
    if (c <= 32) continue;
    seen++;
    if (c < 128) marks += codeMarks[c]!;
    else foreign++;
  }
  return marks >= codeCount && marks >= codeShare * seen && foreign < foreignShare * seen;
}

/** The text without what is no language, in its order; empty where nothing is left. */
export function runningText(text: string): string {
  let plain = text;
  if (plain.includes("://") || /www\./i.test(plain)) plain = plain.replace(addresses, " ");
  if (plain.includes("@")) plain = plain.replace(mailboxes, " ");
  if (plain.includes("<") || plain.includes("&")) plain = plain.replace(tags, " ");
  plain = plain.replace(blobs, " ");
  let isFenced = false;
  const lines: string[] = [];
  for (const line of plain.split("\n")) {
    if (fence.test(line)) isFenced = !isFenced;
    else if (!isFenced && !isCode(line)) lines.push(line);
  }
  return lines.join("\n").trim();
}

/** 0 for what is no letter, 3 for signs that stand for a syllable or a word, 1 for other letters; surrogates are left at 0. */
function letterWeights(): Uint8Array {
  const table = new Uint8Array(0x10000);
  const letter = /\p{L}/u;
  const syllable = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;
  for (let c = 0; c < 0x10000; c++) {
    const s = String.fromCharCode(c);
    if (letter.test(s)) table[c] = syllable.test(s) ? 3 : 1;
  }
  return table;
}
let known: Uint8Array | undefined;

/** Letters, each Han, kana or Hangul sign as three: about what the same words would take elsewhere. */
export function countLetters(text: string): number {
  known ??= letterWeights();
  let letters = 0;
  for (let i = 0; i < text.length; i++) letters += known[text.charCodeAt(i)]!;
  return letters;
}
