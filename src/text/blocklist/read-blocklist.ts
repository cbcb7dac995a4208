/** Lists of words, phrases and patterns as people write them, checked and made ready to find with. Files have one word or phrase a line. */
import { resolve } from "node:path";
import { readText, sha256 } from "../../base/index.ts";
import { findersOf } from "./finders.ts";
import { findsNothing, machineOf } from "./pattern-machine.ts";
import { PatternError, type PatternTree, parsePattern } from "./pattern-parse.ts";
import { type Finder, unitsOf } from "./words.ts";

/** Words of all lists: a word takes about 2 kB of memory while it shares its beginning with none. */
const mostWords = 20_000;
const mostWordCharacters = 200;

export interface BlocklistWords {
  readonly words: readonly string[];
  readonly files: readonly string[];
  readonly patterns: readonly string[];
  readonly wholeWords: boolean;
}

export interface Blocklist {
  readonly words: readonly (readonly number[])[];
  readonly patterns: readonly string[];
  readonly wholeWords: boolean;
  /** SHA-256 of each file. */
  readonly digests: readonly string[];
  /** New finders, for one text. */
  readonly finders: () => readonly Finder[];
}

/** Makes an error of the module that was given the list. */
type BlocklistFault = (place: string, expected: string, received: string, hint?: string) => Error;

function linesOf(text: string): { readonly word: string; readonly line: number }[] {
  return text
    .split(/\r?\n/)
    .map((line, i) => ({ word: line.replace(/(^|\s)#.*$/, "").trim(), line: i + 1 }))
    .filter(({ word }) => word !== "");
}

function treesOf(patterns: readonly string[], place: string, fault: BlocklistFault): PatternTree[] {
  const trees: PatternTree[] = [];
  for (const [i, pattern] of patterns.entries())
    try {
      const tree = parsePattern(pattern);
      if (findsNothing(machineOf([tree]))) throw new PatternError("it is found everywhere, since it fits no characters at all");
      trees.push(tree);
      machineOf(trees);
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      throw fault(`${place}.patterns[${i}]`, "a regular expression", `${JSON.stringify(pattern.slice(0, 100))}: ${error.message}`);
    }
  return trees;
}

/** Relative files are in `folder`. Errors: those of `fault` with the word's or pattern's place, base/missingFile. */
export async function readBlocklist(given: BlocklistWords, folder: string, place: string, fault: BlocklistFault): Promise<Blocklist> {
  const words: (readonly number[])[] = [];
  const add = (word: string, at: string): void => {
    if (word.length > mostWordCharacters) throw fault(at, `at most ${mostWordCharacters} characters`, `${word.length}`);
    const units = unitsOf(word);
    if (units.length === 0) throw fault(at, "a word or phrase", JSON.stringify(word), "Nothing of it can be seen.");
    words.push(units);
    if (words.length > mostWords) throw fault(at, `at most ${mostWords} words in all`, "more", "Split the list, or write patterns.");
  };
  for (const [i, word] of given.words.entries()) add(word, `${place}.words[${i}]`);
  const digests: string[] = [];
  for (const [i, file] of given.files.entries()) {
    const text = await readText(resolve(folder, file));
    digests.push(sha256(text));
    for (const { word, line } of linesOf(text)) add(word, `${place}.files[${i}]: ${file} line ${line}`);
  }
  const trees = treesOf(given.patterns, place, fault);
  if (words.length + trees.length === 0) throw fault(place, "words, files or patterns", "none");
  const { patterns, wholeWords } = given;
  return { words, patterns, wholeWords, digests, finders: findersOf({ words, trees, wholeWords }) };
}
