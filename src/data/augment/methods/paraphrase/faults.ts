/**
 * What is wrong with a paraphrase, as far as it can be seen without believing who wrote it: words that are the parent's or nobody's, a length far off, round
 * in circles, a number or address that was lost or invented. Meaning is not looked at.
 */
import { z } from "zod";
import { factsOf, repetition, wordSimilarity } from "../../similarity.ts";

export const paraphraseLimits = z.strictObject({
  /** Jaccard similarity of word n-grams with the parent: below `min` it is another text, above `max` a copy. */
  similarity: z
    .strictObject({
      words: z.number().int().min(1).max(8).default(1),
      min: z.number().min(0).max(1).default(0.2),
      max: z.number().min(0).max(1).default(0.9),
    })
    .prefault({}),
  /** Length by the parent's. */
  length: z.strictObject({ min: z.number().nonnegative().default(0.5), max: z.number().positive().default(2) }).prefault({}),
  /** Share of word triples that stand in it before, beyond the parent's. */
  maxRepetition: z.number().min(0).max(1).default(0.2),
  /** Whether all numbers and addresses must be the parent's, none missing and none new. */
  keepFacts: z.boolean().default(true),
});
export type ParaphraseLimits = z.output<typeof paraphraseLimits>;

export type ParaphraseFault = "empty" | "length" | "unlike" | "too-like" | "repeats" | "fact-lost" | "fact-new";

export const paraphraseInstruction =
  "Rewrite the text below in other words. Keep its language, its meaning, and every name, number and address. Answer with the rewritten text only.";

/** A number or address of one text that the other lacks. */
export function factFault(text: string, written: string): "fact-lost" | "fact-new" | undefined {
  const [before, after] = [factsOf(text), factsOf(written)];
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
