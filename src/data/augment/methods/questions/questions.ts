/**
 * Question-answer pairs about a document, written by a model and checked twice: the answer must stand in the document, and the model, asked
 * the question alone with the document, must answer the same again (a round trip, after Alberti et al. 2019).
 */

import { z } from "zod";
import { textBytes } from "../../../document.ts";
import { agreement, isFoundIn } from "../../answers.ts";
import { askingMethod } from "../../method.ts";
import { questionsPart } from "./options.ts";

const seedRange = 2 ** 31;
/** Longer questions and answers are no questions and answers. */
const maxQuestion = 500;

const pairSchema = z.array(
  z.object({ question: z.string().trim().min(1).max(maxQuestion), answer: z.string().trim().min(1).max(maxQuestion) }),
);
type QuestionPair = z.output<typeof pairSchema>[number];

/** The pairs of an answer, wherever in it the array stands (models like to add a sentence or a fence); undefined where there is none. */
function readQuestionPairs(text: string): QuestionPair[] | undefined {
  const [from, to] = [text.indexOf("["), text.lastIndexOf("]")];
  if (from < 0 || to < from) return undefined;
  try {
    return pairSchema.parse(JSON.parse(text.slice(from, to + 1)));
  } catch {
    return undefined;
  }
}

const filled = (template: string, slots: Readonly<Record<string, string>>) =>
  template.replace(/\{(text|pairs|question)\}/g, (whole, slot: string) => slots[slot] ?? whole);

export const questions = askingMethod({
  ...questionsPart,
  reckon({ text }, o) {
    const asked = (template: string) => Math.ceil((textBytes(text) + textBytes(template)) / 3);
    const again = o.minAgreement === null ? 0 : o.pairs * (asked(o.again) + Math.ceil(maxQuestion / 3) + answerTokens);
    return { requests: 1 + (o.minAgreement === null ? 0 : o.pairs), tokens: asked(o.prompt) + o.maxTokens + again };
  },
  async vary({ text }, draw, o, _state, writer) {
    if (textBytes(text) > o.maxBytes) return { rejected: "too-long" };
    const answer = await writer.write({
      user: filled(o.prompt, { text, pairs: String(o.pairs) }),
      maxTokens: o.maxTokens,
      temperature: o.temperature,
      seed: draw.below(seedRange),
    });
    if (answer.refusal !== undefined) return { rejected: "refused" };
    const pairs = readQuestionPairs(answer.text)?.slice(0, o.pairs);
    if (!pairs) return { rejected: answer.isCut ? "cut" : "no-pairs" };
    const found = pairs.filter(p => isFoundIn(p.answer, text));
    if (found.length < o.minPairs) return { rejected: "answer-not-found" };
    const kept: QuestionPair[] = [];
    for (const pair of found) {
      if (o.minAgreement !== null) {
        const user = filled(o.again, { text, question: pair.question });
        const second = await writer.write({ user, maxTokens: answerTokens, temperature: 0, seed: 0 });
        if (agreement(second.text, pair.answer) < o.minAgreement) continue;
      }
      kept.push(pair);
    }
    if (kept.length < o.minPairs) return { rejected: "answer-not-given-again" };
    const written = kept.map(p =>
      o.format.replace(/\{(question|answer)\}/g, (_, slot: string) => (slot === "question" ? p.question : p.answer)),
    );
    return { text: filled(o.frame, { text, pairs: written.join("\n\n") }), attributes: { pairs: kept.length } };
  },
});

/** Room for a second answer. */
const answerTokens = 64;
