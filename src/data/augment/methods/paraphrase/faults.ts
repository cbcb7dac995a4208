/**
 * What is wrong with a paraphrase, as far as it can be seen without believing who wrote it: words that are the parent's or nobody's, a length far off, round
 * in circles, a number or address that was lost or invented. Meaning is not looked at.
 */
import { repetition, textFacts, wordSimilarity } from "../../similarity.ts";
import type { ParaphraseLimits } from "./limits.ts";

export type ParaphraseFault = "empty" | "length" | "unlike" | "too-like" | "repeats" | "fact-lost" | "fact-new";

/** A number or address of one text that the other lacks. */
export function factFault(text: string, written: string): "fact-lost" | "fact-new" | undefined {
  const [before, after] = [textFacts(text), textFacts(written)];
  if ([...before].some(f => !after.has(f))) return "fact-lost";
  return [...after].some(f => !before.has(f)) ? "fact-new" : undefined;
}

/** The first fault of `written` as a paraphrase of `text`; undefined where there is none. */
export function paraphraseFault(text: string, written: string, o: ParaphraseLimits): ParaphraseFault | undefined {
  if (written.trim() === "") return "empty";
  const length = written.length / text.length;
  if (length < o.length.min || length > o.length.max) return "length";
  const similarity = wordSimilarity(text, written, o.similarity.words);
  if (similarity < o.similarity.min) return "unlike";
  if (similarity > o.similarity.max) return "too-like";
  if (repetition(written) > repetition(text) + o.maxRepetition) return "repeats";
  return o.keepFacts ? factFault(text, written) : undefined;
}
