import { join } from "node:path";
import { expect, test } from "vitest";
import { allowances, findRetired, lowered, readFiles, readRemaining, retired, retiredIn } from "../scripts/parts/language.js";

const root = join(import.meta.dirname, "..");
type Found = { readonly words: string; readonly write: string };
const words = (path: string, text: string): string[] => (retiredIn(path, text) as Found[]).map(f => f.words);

test("no file has more retired words in texts that users read than scripts/language/remaining.json counts; `npm run docs` lowers the counts", () => {
  const found = findRetired(root) as Readonly<Record<string, readonly Found[]>>;
  const remaining = readRemaining() as Readonly<Record<string, number>>;
  const files = readFiles(root);
  const may = allowances(remaining, files) as Readonly<Record<string, number>>;
  const more = Object.entries(found).filter(([file, list]) => list.length > (may[file] ?? 0));
  const told = more.map(([file, list]) => `${file}: ${list.map(f => `"${f.words}" -> ${f.write}`).join("; ")}`);
  expect(told).toEqual([]);
  // a count that is too high would let words come back
  expect(lowered(remaining, found, files), "run `npm run docs`").toEqual(remaining);
  expect(Object.keys(remaining).filter(file => file.startsWith("console/"))).toEqual([]);
});

test("a file that moves takes its count with it, and one that is new may have none", () => {
  const [remaining, files] = [{ "src/a/x.ts": 3, "src/b.ts": 1 }, ["src/c/x.ts", "src/b.ts", "src/new.ts"]];
  expect(allowances(remaining, files)).toEqual({ "src/c/x.ts": 3, "src/b.ts": 1, "src/new.ts": 0 });
  expect(lowered(remaining, { "src/c/x.ts": [{}, {}], "src/new.ts": [{}] }, files)).toEqual({ "src/c/x.ts": 2 });
});

test("words are looked for where users read: strings, templates, markup and prose, not in names, comments or code", () => {
  const source = `
/** The record is put back. */
import { put } from "./put back.ts";
export const told: "the record" = say("the record", 'of ' + \`\${n} tokens a second\`, "record", record.told);
export const view = <p title="is put back">A whole life {told} here</p>;
`;
  expect(words("a.tsx", source)).toEqual(["the record", "tokens a second", "put back", "whole life"]);
  expect(words("a.md", "The record, `the record` and\n\n```sh\nthe record\n```\n[x](door) one door.\n")).toEqual(["door", "The record"]);
});

test("a word stands alone, over lines and in any case; a longer one is another", () => {
  expect(words("a.md", "Who\nasks. Outdoor, recorded, the recorder, the records, slotted.")).toEqual(["Who asks"]);
  expect(retired.length).toBeGreaterThan(15);
});
