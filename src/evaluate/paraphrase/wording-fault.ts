/**
 * What is wrong with an item's other wording. Whoever wrote it: it is empty or the same, numbers and addresses were lost or invented, the right answer was
 * lost (a passage that no longer has it) or given away (a question that now has it). A model's is held to what data augmentation asks of a paraphrase as well.
 */
import { factFault, type ParaphraseFault, paraphraseFault, paraphraseLimits } from "../../data/index.ts";

/** What can be wrong, in words. */
export const wordingFaults = {
  none: "no other wording",
  long: "longer than the writer reads",
  empty: "empty",
  same: "the same text",
  "fact-lost": "a number or address lost",
  "fact-new": "a number or address that is new",
  "answer-lost": "the answer lost",
  "answer-new": "the answer given away",
  cut: "cut off",
  length: "far shorter or longer",
  unlike: "hardly a word in common",
  "too-like": "nearly the same words",
  repeats: "goes round in circles",
} as const satisfies Readonly<Record<ParaphraseFault, string>> & Readonly<Record<string, string>>;
export type WordingFault = keyof typeof wordingFaults;

const limits = paraphraseLimits.parse({});

const alone = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}`;
/** Scripts that part no words count by letters. */
const words = new RegExp(`[${alone}]|(?:(?![${alone}])[\\p{L}\\p{M}\\p{N}])+`, "gu");
const wordsOf = (text: string): string[] => text.normalize("NFKC").toLowerCase().match(words) ?? [];

/** Whether the words of an answer stand in a text, one after the other; case and marks do not count. */
function stands(answer: readonly string[], text: readonly string[]): boolean {
  for (let i = 0; i + answer.length <= text.length; i++) if (answer.every((w, k) => text[i + k] === w)) return true;
  return false;
}

/** A single letter is a word of most texts, so it says nothing of an answer. */
const isTelling = (answer: readonly string[]): boolean => answer.length > 1 || (answer[0]?.length ?? 0) > 1;

/** The first fault of `written` beside `text`, whose right answers are given; undefined where there is none. */
export function wordingFault(text: string, written: string, answers: readonly string[], by: "item" | "model"): WordingFault | undefined {
  if (written.trim() === "") return "empty";
  const [before, after] = [wordsOf(text), wordsOf(written)];
  if (before.length === after.length && before.every((w, i) => w === after[i])) return "same";
  const fault = by === "model" ? paraphraseFault(text, written, limits) : factFault(text, written);
  if (fault) return fault;
  // a beginning, an end, or a word before it is no other wording
  if (by === "model" && (stands(before, after) || stands(after, before))) return "too-like";
  for (const answer of answers.map(wordsOf).filter(isTelling)) {
    const [stood, stays] = [stands(answer, before), stands(answer, after)];
    if (stood !== stays) return stood ? "answer-lost" : "answer-new";
  }
  return undefined;
}
