/** Paraphrases as lines for people: whose they are, what was left out and why, and some to be read. */
import { formatCount } from "../../base/index.ts";
import { type WordingFault, wordingFaults } from "../../evaluate/index.ts";
import type { ParaphraseReport } from "./report.ts";

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

export function paraphraseLines(p: ParaphraseReport): string[] {
  const left = p.taken < p.items ? `; left out: ${leftOutText(p)}` : "";
  return [
    `    "${p.field}" in other words: ${formatCount(p.taken)} of ${formatCount(p.items)} items (${whoseText(p)})${left}`,
    ...p.shown.flatMap(({ place, before, after, fault }) => [
      `      ${place.padEnd(22)} ${short(before)}`,
      `      ${(fault === undefined ? "" : `not asked, ${wordingFaults[fault]}`).padEnd(22)} -> ${short(after)}`,
    ]),
  ];
}
