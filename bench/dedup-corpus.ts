/**
 * The deduplication corpora with known truth: the raw mails, and until 100 MB are there, round after round, exact copies of a third of them
 * and edited copies of another third. An edit replaces or drops words: 5 % of them in `B`, 1 % in `B1`. Everything follows from one seed.
 * At 5 % a copy shares only about .65 of its word 5-grams with its original, so most edited pairs of B lie below a threshold of .7.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { random } from "../src/base/index.ts";
import { rawMails } from "./tokenizer/corpus.ts";

export const corpora = { B: 0.05, B1: 0.01 } as const satisfies Record<string, number>;
export type CorpusName = keyof typeof corpora;

export type CopyKind = "original" | "exact" | "edited";

export interface CorpusDocument {
  readonly id: string;
  readonly text: string;
  /** Number of the mail it was made from. */
  readonly mail: number;
  readonly kind: CopyKind;
}

const TARGET_BYTES = 100_000_000;
const SEED = 20261125;

/** Plain words of every seventh mail: what a replaced word becomes. */
const vocabularyOf = (mails: readonly string[]): string[] => [
  ...new Set(mails.filter((_, i) => i % 7 === 0).flatMap(t => t.match(/(?<!\S)\p{L}{3,11}(?!\S)/gu) ?? [])),
];

/** The corpus in its shuffled order; `mails` and `targetBytes` are given by tests only. */
export function dedupCorpus(name: CorpusName, mails: readonly string[] = rawMails(), targetBytes = TARGET_BYTES): CorpusDocument[] {
  const draw = random(SEED).fork(name);
  const vocabulary = vocabularyOf(mails);
  const edit = (text: string): string =>
    text.replace(/\S+/gu, word =>
      draw.uniform() >= corpora[name] ? word : draw.uniform() < 0.5 ? vocabulary[draw.below(vocabulary.length)]! : "",
    );
  const third = Math.floor(mails.length / 3);
  const kinds = new Array<CopyKind>(mails.length).fill("original");
  for (const [turn, mail] of draw.permutation(mails.length).entries()) {
    if (turn < third) kinds[mail] = "edited";
    else if (turn < 2 * third) kinds[mail] = "exact";
  }
  const rows: CorpusDocument[] = mails.map((text, mail) => ({ id: `mail-${mail}`, text, mail, kind: "original" }));
  let size = rows.reduce((sum, r) => sum + Buffer.byteLength(r.text), 0);
  for (let round = 1; size < targetBytes; round++)
    for (const [mail, original] of mails.entries()) {
      const kind = kinds[mail]!;
      if (kind === "original" || size >= targetBytes) continue;
      const text = kind === "exact" ? original : edit(original);
      rows.push({ id: `mail-${mail}-copy-${round}`, text, mail, kind });
      size += Buffer.byteLength(text);
    }
  return [...draw.permutation(rows.length)].map(i => rows[i]!);
}

/** Writes a corpus as JSON Lines of id and text, the only things a tool under test sees; `limitBytes` gives a sample of its beginning. */
export function writeCorpus(
  file: string,
  documents: readonly CorpusDocument[],
  limitBytes = Number.POSITIVE_INFINITY,
): { documents: number; bytes: number } {
  const out = openSync(file, "w");
  let [count, bytes] = [0, 0];
  for (const { id, text } of documents) {
    if (bytes >= limitBytes) break;
    writeSync(out, `${JSON.stringify({ id, text })}\n`);
    count++;
    bytes += Buffer.byteLength(text);
  }
  closeSync(out);
  return { documents: count, bytes };
}
