/**
 * Question-answer pairs about a document, written by a model and checked twice: the answer must stand in the document, and the model, asked
 * the question alone with the document, must answer the same again (a round trip, after Alberti et al. 2019).
 */
import { z } from "zod";
import { sizeOf } from "../../../document.ts";
import { agreement, isFoundIn } from "../../answers.ts";
import { askingMethod } from "../../method.ts";

const defaultPrompt =
  'Write {pairs} questions that the text below answers, each with its answer copied word for word from the text (a few words). Answer with JSON only: [{"question": "...", "answer": "..."}]\n\n{text}';
const defaultAgain =
  "Answer the question with a few words copied from the text below, and nothing else.\n\nQuestion: {question}\n\nText:\n{text}";

const seedRange = 2 ** 31;
/** Longer questions and answers are no questions and answers. */
const maxQuestion = 500;

const pairSchema = z.array(
  z.object({ question: z.string().trim().min(1).max(maxQuestion), answer: z.string().trim().min(1).max(maxQuestion) }),
);
export type Pair = z.output<typeof pairSchema>[number];

/** The pairs of an answer, wherever in it the array stands (models like to add a sentence or a fence); undefined where there is none. */
export function readPairs(text: string): Pair[] | undefined {
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
  name: "questions",
  version: 1,
  options: z.strictObject({
    pairs: z.number().int().min(1).max(20).default(3),
    /** Documents with fewer pairs that pass are left out. */
    minPairs: z.number().int().min(1).default(1),
    prompt: z
      .string()
      .refine(p => p.includes("{text}"), { message: "a prompt with {text}" })
      .default(defaultPrompt),
    again: z
      .string()
      .refine(p => p.includes("{text}") && p.includes("{question}"), { message: "a prompt with {text} and {question}" })
      .default(defaultAgain),
    /** Agreement of the second answer with the first (F1 of their words); null does not ask again. */
    minAgreement: z.number().min(0).max(1).nullable().default(0.8),
    temperature: z.number().min(0).max(2).default(0.7),
    maxTokens: z.number().int().positive().default(512),
    maxBytes: z.number().int().positive().default(8000),
    /** How a pair is written; `{text}` of `frame` is the document, `{pairs}` all pairs. */
    format: z.string().default("Question: {question}\nAnswer: {answer}"),
    frame: z
      .string()
      .refine(f => f.includes("{pairs}"), { message: "a frame with {pairs}" })
      .default("{text}\n\n{pairs}"),
  }),
  reckon({ text }, o) {
    const asked = (template: string) => Math.ceil((sizeOf(text) + sizeOf(template)) / 3);
    const again = o.minAgreement === null ? 0 : o.pairs * (asked(o.again) + Math.ceil(maxQuestion / 3) + answerTokens);
    return { requests: 1 + (o.minAgreement === null ? 0 : o.pairs), tokens: asked(o.prompt) + o.maxTokens + again };
  },
  async vary({ text }, draw, o, _state, writer) {
    if (sizeOf(text) > o.maxBytes) return { rejected: "too-long" };
    const answer = await writer.write({
      user: filled(o.prompt, { text, pairs: String(o.pairs) }),
      maxTokens: o.maxTokens,
      temperature: o.temperature,
      seed: draw.below(seedRange),
    });
    if (answer.refusal !== undefined) return { rejected: "refused" };
    const pairs = readPairs(answer.text)?.slice(0, o.pairs);
    if (!pairs) return { rejected: answer.isCut ? "cut" : "no-pairs" };
    const found = pairs.filter(p => isFoundIn(p.answer, text));
    if (found.length < o.minPairs) return { rejected: "answer-not-found" };
    const kept: Pair[] = [];
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
