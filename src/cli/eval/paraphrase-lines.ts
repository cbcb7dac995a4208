/** Paraphrases as lines for people: whose they are, what was left out and why, and some to be read. */
import { formatCount } from "../../base/index.ts";
import { type WordingFault, wordingFaults } from "../../evaluate/index.ts";
import type { ParaphraseReport } from "../../project/eval/index.ts";

/** Characters of a text that a line shows. */
const shown = 90;
const short = (text: string): string => {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > shown ? `${line.slice(0, shown - 3)}...` : line;
};

export const leftOutText = ({ leftOut }: ParaphraseReport): string =>
  Object.entries(leftOut)
    .map(([fault, n]) => `${wordingFaults[fault as WordingFault]} ${formatCount(n)}`)
    .join(", ");

/** `12 came with the items, 8 by writer`. */
export function whoseText({ taken, written, writer }: ParaphraseReport): string {
  const own = taken - written;
  return [
    ...(own > 0 ? [`${formatCount(own)} came with the items`] : []),
    ...(written > 0 ? [`${formatCount(written)} by ${writer}`] : []),
  ].join(", ");
}

/** Places that a line names. */
const named = 5;

/** What nobody read has no other words to be shown: the items by name. */
function tooLongLines({ notAsked }: ParaphraseReport): string[] {
  const places = notAsked.filter(i => i.fault === "long").map(i => i.place);
  if (places.length === 0) return [];
  const more = places.length > named ? ` and ${formatCount(places.length - named)} more` : "";
  return [`    not asked, ${wordingFaults.long}: ${places.slice(0, named).join(", ")}${more}`];
}

export function paraphraseLines(p: ParaphraseReport): string[] {
  const left = p.taken < p.items ? `; left out: ${leftOutText(p)}` : "";
  return [
    `    "${p.field}" in other words: ${formatCount(p.taken)} of ${formatCount(p.items)} items (${whoseText(p)})${left}`,
    ...tooLongLines(p),
    ...p.shown.flatMap(({ place, before, after, fault }) => [
      `      ${place.padEnd(22)} ${short(before)}`,
      `      ${(fault === undefined ? "" : `not asked, ${wordingFaults[fault]}`).padEnd(22)} -> ${short(after)}`,
    ]),
  ];
}
