/** A guard with a list of words, phrases and patterns, in what is asked and in what is answered. */
import { resolve } from "node:path";
import { readText, sha256 } from "../../../base/index.ts";
import type { Guard } from "../contract.ts";
import { runnerOf } from "../judge/run.ts";
import { badGuard, type GuardOpening, guardOf } from "../part.ts";
import type { GuardPartOf } from "../schema.ts";
import { listFilter } from "./filter.ts";
import { findersOf } from "./finders.ts";
import { findsNothing, machineOf } from "./pattern-machine.ts";
import { PatternError, type PatternTree, parsePattern } from "./pattern-parse.ts";
import { unitsOf } from "./words.ts";

/** Words of all lists: a word takes about 2 kB of memory while it shares its beginning with none. */
const mostWords = 20_000;
const mostWordCharacters = 200;

function linesOf(text: string): { readonly word: string; readonly line: number }[] {
  return text
    .split(/\r?\n/)
    .map((line, i) => ({ word: line.replace(/(^|\s)#.*$/, "").trim(), line: i + 1 }))
    .filter(({ word }) => word !== "");
}

/** Errors: gateway/config with the word's or pattern's place, base/missingFile. */
export async function openBlocklist(opening: GuardOpening<GuardPartOf<"blocklist">>): Promise<Guard> {
  const { place, part, folder } = opening;
  const words: (readonly number[])[] = [];
  const add = (word: string, at: string): void => {
    if (word.length > mostWordCharacters) throw badGuard(at, `at most ${mostWordCharacters} characters`, `${word.length}`);
    const units = unitsOf(word);
    if (units.length === 0) throw badGuard(at, "a word or phrase", JSON.stringify(word), "Nothing of it can be seen.");
    words.push(units);
    if (words.length > mostWords) throw badGuard(at, `at most ${mostWords} words in all`, "more", "Split the list, or write patterns.");
  };
  for (const [i, word] of part.words.entries()) add(word, `${place}.words[${i}]`);
  const digests: string[] = [];
  for (const [i, file] of part.files.entries()) {
    const text = await readText(resolve(folder, file));
    digests.push(sha256(text));
    for (const { word, line } of linesOf(text)) add(word, `${place}.files[${i}]: ${file} line ${line}`);
  }
  const trees: PatternTree[] = [];
  for (const [i, pattern] of part.patterns.entries()) {
    const at = `${place}.patterns[${i}]`;
    try {
      const tree = parsePattern(pattern);
      if (findsNothing(machineOf([tree]))) throw new PatternError("it is found everywhere, since it fits no characters at all");
      trees.push(tree);
      machineOf(trees);
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      throw badGuard(at, "a regular expression", `${JSON.stringify(pattern.slice(0, 100))}: ${error.message}`);
    }
  }
  if (words.length + trees.length === 0) throw badGuard(place, "words, files or patterns", "none");
  const { action, mask, wholeWords, maxBytes } = part;
  const runner = await runnerOf({ kind: "blocklist", words, patterns: part.patterns, wholeWords, action, mask });
  const finders = findersOf({ words, trees, wholeWords });
  return guardOf(opening, {
    more: digests,
    maxBytes,
    open: ({ identity }) => ({
      // a client that left gets nothing
      before: async ({ texts, fixed, conversation, stop }) =>
        (await runner.run({ texts, fixed, conversation }, identity.keyId, stop))?.verdict ?? { kind: "pass" },
      filter: form => listFilter({ finders, action, mask, form }),
    }),
    close: async () => runner.close(),
  });
}
