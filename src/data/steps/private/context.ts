/**
 * Words near a value. A value whose check digits are weak counts only beside the right word; one that follows another word (`order`,
 * `invoice`) counts less. The window is short, so the work is bounded; words inside a mask (`[CARD]`) do not count, or masking would
 * make new findings.
 */
import type { Scan } from "./scan.ts";

const before = 48;
const after = 24;
/** A word for another kind of number must stand nearer. */
const against = 32;

/** A pattern for words, whole ones; `*` at the end takes the rest of the word. */
export const wordsNear = (...words: readonly string[]): RegExp =>
  new RegExp(
    `(?<![\\[\\p{L}\\p{N}-])(?:${words.map(w => w.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replace(/\*$/, "\\p{L}*")).join("|")})(?![\\p{L}\\p{N}\\]])`,
    "giu",
  );

const lastIndex = (pattern: RegExp, text: string): number => {
  let at = -1;
  // a search begins where the pattern's last one ended
  pattern.lastIndex = 0;
  for (const m of text.matchAll(pattern)) at = m.index;
  return at;
};

/** Whether one of the words stands within 48 characters before or 24 after. */
export function hasNear(scan: Scan, start: number, end: number, words: RegExp): boolean {
  if (scan.assumeContext) return true;
  const { text } = scan;
  scan.steps += before + after;
  words.lastIndex = 0;
  if (words.test(text.slice(Math.max(0, start - before), start))) return true;
  words.lastIndex = 0;
  return words.test(text.slice(end, end + after));
}

/** Which of two kinds of words stands nearer before the value; a word right behind it speaks for it. */
export function leaning(scan: Scan, start: number, end: number, good: RegExp, bad: RegExp): "for" | "against" | "neither" {
  if (scan.assumeContext) return "for";
  const { text } = scan;
  scan.steps += before + after;
  const window = text.slice(Math.max(0, start - before), start);
  const [g, b] = [lastIndex(good, window), lastIndex(bad, window.slice(-against))];
  if (b >= 0 && b + Math.max(0, window.length - against) > g) return "against";
  if (g >= 0) return "for";
  good.lastIndex = 0;
  return good.test(text.slice(end, end + after)) ? "for" : "neither";
}

/** A list of words as one writes it. */
export const wordList = (list: string): string[] => list.split(" ");

/** What numbers of other kinds are called. */
export const otherNumbers = wordsNear(
  ...wordList(
    "order* invoice* tracking track shipment* parcel ticket* case reference ref serial isbn issn doi sku ean part article item model version ver release build revision rev bug issue commit hash transaction trace request receipt",
  ),
  ...wordList("bestellung* bestellnummer auftrag* rechnung* sendung* artikel* pedido factura commande facture ordine fattura"),
);
