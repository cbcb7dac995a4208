/** The cleaning step: transport damage goes, what a person wrote stays. Every rule that acted is an edit in the ledger. */

import type { z } from "zod";
import type { LedgerEdit } from "../../ledger.ts";
import { documentStep } from "../step.ts";
import { cleanOptions } from "./options.ts";
import * as rules from "./rules.ts";

type Options = z.output<typeof cleanOptions>;

/** Rules by name in the order they run, with the option that switches each. */
const chain: readonly (readonly [string, rules.CleanRule, ((o: Options) => boolean)?])[] = [
  ["lone-surrogates", rules.surrogates],
  ["windows-1252", rules.lostWindows1252],
  ["line-ends", rules.lineEnds],
  ["control-characters", rules.controls],
  ["invisible-characters", rules.invisible],
  ["unicode-nfc", rules.unicode],
  ["unicode-spaces", rules.plainSpaces],
  ["trailing-space", rules.trailingSpace],
  ["footer", rules.footer, o => o.footer === "drop"],
  ["signature", rules.signature, o => o.signature === "drop"],
  ["quotes", rules.quotes, o => o.quotes === "drop"],
  ["pgp-signed", rules.pgpSigned, o => o.blobs === "drop"],
  ["pgp-block", rules.pgpBlocks, o => o.blobs === "drop"],
  ["uuencode", rules.uuencode, o => o.blobs === "drop"],
  ["base64", rules.base64, o => o.blobs === "drop"],
  ["empty-lines", rules.emptyLines],
  ["edges", rules.edges],
];

/** One rule can lay bare what another removes (a blob inside a quote); a few rounds always settle. */
const maxRounds = 8;

/** Cleans a text until nothing changes any more, so that cleaning twice is cleaning once. */
export function cleanText(text: string, o: Options): { text: string; edits: LedgerEdit[] } {
  const counts = new Map<string, number>();
  let now = text;
  for (let round = 0; round < maxRounds; round++) {
    const before = now;
    for (const [name, rule, when] of chain) {
      if (when && !when(o)) continue;
      const { text: next, count } = rule(now);
      now = next;
      if (count > 0) counts.set(name, (counts.get(name) ?? 0) + count);
    }
    if (now === before) break;
  }
  return { text: now, edits: [...counts].map(([rule, value]) => ({ rule, value })) };
}

export const clean = documentStep({
  name: "clean",
  version: 1,
  options: cleanOptions,
  apply(document, o) {
    const { text, edits } = cleanText(document.text, o);
    const quoted = rules.quotedShare(text);
    const attributes = quoted > 0 ? { quotedShare: Math.round(quoted * 1000) / 1000 } : {};
    return { text, edits, attributes, verdicts: text === "" ? [{ rule: "empty", keep: false, value: 0, threshold: 1 }] : [] };
  },
});
