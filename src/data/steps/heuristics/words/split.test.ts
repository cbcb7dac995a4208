import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { exceptions } from "./exceptions.ts";
import { splitRun } from "./split.ts";
import { codeUnitsOf } from "./string-table.ts";

const split = (run: string): string[] => {
  const cuts = splitRun(codeUnitsOf(run), 0, run.length);
  return cuts.map((end, i) => run.slice(i === 0 ? 0 : cuts[i - 1]!, end));
};
const golden = JSON.parse(readFileSync(new URL("../filters.golden.json", import.meta.url), "utf8")) as { words: Record<string, string[]> };

test(`${Object.keys(golden.words).length} hard runs split as spaCy splits them`, () => {
  for (const [run, words] of Object.entries(golden.words)) expect([run, split(run)]).toEqual([run, words]);
});

test("the named exceptions are as many as spaCy's (white space apart), and each is cut where its pieces end", () => {
  const all = exceptions();
  expect(all.size).toBe(1343);
  for (const [word, pieces] of all) expect(split(word)).toEqual(pieces);
});

test("words put together are the run, none is empty", () => {
  const character = fc.constantFrom(...Array.from("ab12IT.,'’\"-–—:/@#$%+*^~()[]{}<>!?…°ms中é😀™�\u{20000}"));
  fc.assert(
    fc.property(fc.array(character, { minLength: 1, maxLength: 12 }), characters => {
      const run = characters.join("");
      const words = split(run);
      expect(words.join("")).toBe(run);
      expect(words).not.toContain("");
    }),
  );
});

test("long runs are split in one go: each of a hundred thousand marks is a word, an address of a megabyte is one", () => {
  expect(split("!".repeat(100_000))).toHaveLength(100_000);
  expect(split(`${"a-".repeat(50_000)}a`)).toHaveLength(100_001);
  expect(split(`http://example.org/${"a.b@".repeat(1 << 18)}`)).toHaveLength(1);
  expect(split("a@b.".repeat(1 << 16)).join("")).toHaveLength(1 << 18);
});
