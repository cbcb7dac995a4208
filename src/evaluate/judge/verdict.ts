/** What a judge is asked about two answers, and how its verdict is read: strictly, so that what only sounds like one counts as none. */
import type { JudgeRule } from "../tasks/schema.ts";

/** Which of the two that were shown is better. */
const choices = ["A", "B", "tie"] as const;
export type JudgeChoice = (typeof choices)[number];

interface AnswerPair {
  readonly question: string;
  readonly reference: string | undefined;
  readonly a: string;
  readonly b: string;
}

const instructions = (criteria: string) =>
  `You compare two answers to the same request. ${criteria} The order in which they stand says nothing, and a longer answer is not better for its length. ` +
  "Give your reasons in a few sentences. Then write a last line that is nothing but your verdict: [[A]] if answer A is better, [[B]] if answer B is better, [[tie]] if neither is.";

/** The words of a request, and the system's before them. */
export function judgeWords({ question, reference, a, b }: AnswerPair, { criteria }: Pick<JudgeRule, "criteria">) {
  // a text cannot end its own part, or begin another
  const inert = (text: string) => text.replaceAll(/<(\/?)(request|right_answer|answer_[AB])>/g, "($1$2)");
  const part = (title: string, text: string) => `<${title}>\n${inert(text)}\n</${title}>\n`;
  const user =
    part("request", question) +
    (reference === undefined ? "" : part("right_answer", reference)) +
    part("answer_A", a) +
    part("answer_B", b);
  return { system: instructions(criteria), user };
}

/** The last line alone decides, and only if no other verdict stands in the text; undefined for anything else. */
export function readJudgeChoice(text: string): JudgeChoice | undefined {
  const all = [...text.matchAll(/\[\[\s*(A|B|tie)\s*\]\]/gi)];
  const last = text.trimEnd().split("\n").at(-1)!.trim();
  const found = /^(?:\**(?:final )?verdict:?\**:?\s*)?\**\[\[(A|B|tie)\]\]\**\.?$/i.exec(last)?.[1];
  if (found === undefined || new Set(all.map(m => m[1]!.toLowerCase())).size !== 1) return undefined;
  return choices.find(c => c.toLowerCase() === found.toLowerCase());
}
