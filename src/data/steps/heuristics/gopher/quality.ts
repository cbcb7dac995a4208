/**
 * Gopher's quality rules (Rae et al. 2021, appendix A.1.1): length, mean word length, # and ellipses, bullets, alphabetic words, stop words.
 * Words are spaCy's, as datatrove 0.10 counts them; words of nothing but marks do not count towards the length.
 */
import { judgeByRules, type Rules } from "../../rules.ts";
import { documentStep } from "../../step.ts";
import { ratio } from "../thresholds.ts";
import { FIRST_SHIFT, LAST_SHIFT, LINE_BITS, LINE_FIELDS, viewOf } from "../words/text-view.ts";
import {
  ENDS_IN_ELLIPSIS,
  IS_BULLET,
  WORD_LETTER,
  WORD_SHIFT,
  WORD_SYMBOLS,
  WORD_WATCHED,
  type WordVocabulary,
} from "../words/vocabulary.ts";
import { gopherQualityOptions } from "./quality-options.ts";

const rules = {
  "min-words": { option: "minWords", keep: "atLeast" },
  "max-words": { option: "maxWords", keep: "atMost" },
  "min-mean-word-length": { option: "minMeanWordLength", keep: "atLeast" },
  "max-mean-word-length": { option: "maxMeanWordLength", keep: "atMost" },
  hashes: { option: "maxSymbolRatio", keep: "atMost" },
  ellipses: { option: "maxSymbolRatio", keep: "atMost" },
  "bullet-lines": { option: "maxBulletLines", keep: "atMost" },
  "ellipsis-lines": { option: "maxEllipsisLines", keep: "atMost" },
  "alphabetic-words": { option: "minAlphabeticWords", keep: "atLeast" },
  "stop-words": { option: "minStopWords", keep: "atLeast" },
} as const satisfies Rules;

/** A list of stop words by their numbers in a vocabulary. */
interface StopWords {
  readonly vocabulary: WordVocabulary;
  readonly numbers: ReadonlySet<number>;
}
const known = new WeakMap<readonly string[], StopWords>();

function stopWordsIn(list: readonly string[], vocabulary: WordVocabulary): ReadonlySet<number> {
  const before = known.get(list);
  if (before?.vocabulary === vocabulary) return before.numbers;
  const numbers = new Set(list.map(w => vocabulary.watch(w)));
  known.set(list, { vocabulary, numbers });
  return numbers;
}

export const gopherQuality = documentStep({
  name: "gopher-quality",
  version: 1,
  options: gopherQualityOptions,
  rules,
  apply({ text }, o) {
    const view = viewOf(text);
    const { words, numWords, lines, numLines, vocabulary } = view;
    const stopWords = stopWordsIn(o.stopWords, vocabulary);
    const { wordInfo } = vocabulary;
    const found = new Set<number>();
    let counted = 0;
    let characters = 0;
    let alphabetic = 0;
    for (let i = 0; i < numWords; i++) {
      const info = wordInfo[words[i]!]!;
      if (!(info & WORD_SYMBOLS)) {
        counted++;
        characters += info >>> WORD_SHIFT;
      }
      if (info & WORD_LETTER) alphabetic++;
      if (info & WORD_WATCHED && found.size < stopWords.size && stopWords.has(words[i]!)) found.add(words[i]!);
    }
    let bullets = 0;
    let ellipses = 0;
    for (let l = 0; l < numLines; l++) {
      const bits = lines[l * LINE_FIELDS + LINE_BITS]!;
      if (bits & (IS_BULLET << FIRST_SHIFT)) bullets++;
      if (bits & (ENDS_IN_ELLIPSIS << LAST_SHIFT)) ellipses++;
    }
    const meanLength = ratio(characters, counted);
    const values = {
      "min-words": counted,
      "max-words": counted,
      "min-mean-word-length": meanLength,
      "max-mean-word-length": meanLength,
      hashes: ratio(view.numHashes, numWords),
      ellipses: ratio(view.numEllipses, numWords),
      "bullet-lines": ratio(bullets, numLines),
      "ellipsis-lines": ratio(ellipses, numLines),
      "alphabetic-words": ratio(alphabetic, numWords),
      "stop-words": found.size,
    };
    return { verdicts: judgeByRules(rules, values, o) };
  },
});
