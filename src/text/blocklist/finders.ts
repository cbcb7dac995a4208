/** Everything that a list finds with, made once; each text gets finders of its own. */
import { turnedForms } from "../normalise/index.ts";
import { dictionaryOf } from "./dictionary.ts";
import { disguiseFinder } from "./disguises.ts";
import { machineOf, patternFinder } from "./pattern-machine.ts";
import type { PatternTree } from "./pattern-parse.ts";
import { automatonOf, type Finder, wordFinder } from "./words.ts";

interface List {
  readonly words: readonly (readonly number[])[];
  readonly trees: readonly PatternTree[];
  /** Whether a word must not be a part of a longer one. */
  readonly wholeWords: boolean;
}

export function findersOf({ words, trees, wholeWords }: List): () => readonly Finder[] {
  const automaton = words.length > 0 ? automatonOf(words) : undefined;
  const dictionary = dictionaryOf(words);
  // also of lists whose words may be parts of others: turned letters are in many words
  const turned = words.flatMap(turnedForms);
  const turnedWords = turned.length > 0 ? automatonOf(turned) : undefined;
  const machine = trees.length > 0 ? machineOf(trees) : undefined;
  const hasDisguises = automaton !== undefined && dictionary.beginning !== undefined;
  return () => [
    ...(automaton ? [wordFinder(automaton, wholeWords)] : []),
    ...(turnedWords ? [wordFinder(turnedWords, true)] : []),
    ...(hasDisguises ? [disguiseFinder({ dictionary, within: wholeWords ? undefined : automaton })] : []),
    ...(machine ? [patternFinder(machine)] : []),
  ];
}
