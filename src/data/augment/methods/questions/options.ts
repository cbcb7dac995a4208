/** What `loam.yaml` may say of the augmentation method `questions`. */
import { z } from "zod";

const defaultPrompt =
  'Write {pairs} questions that the text below answers, each with its answer copied word for word from the text (a few words). Answer with JSON only: [{"question": "...", "answer": "..."}]\n\n{text}';
const defaultAgain =
  "Answer the question with a few words copied from the text below, and nothing else.\n\nQuestion: {question}\n\nText:\n{text}";

export const questionsPart = {
  name: "questions",
  version: 1,
  kind: "asking",
  options: z.lazy(() =>
    z.strictObject({
      pairs: z.number().int().min(1).max(20).default(3).describe("Question-answer pairs per document."),
      minPairs: z.number().int().min(1).default(1).describe("Skip documents with fewer accepted pairs."),
      prompt: z
        .string()
        .refine(p => p.includes("{text}"), { message: "a prompt with {text}" })
        .default(defaultPrompt)
        .describe("Prompt template that asks for pairs. `{text}` is the document."),
      again: z
        .string()
        .refine(p => p.includes("{text}") && p.includes("{question}"), { message: "a prompt with {text} and {question}" })
        .default(defaultAgain)
        .describe("Prompt template that asks a question again. `{text}` and `{question}` are filled in."),
      minAgreement: z
        .number()
        .min(0)
        .max(1)
        .nullable()
        .default(0.8)
        .describe("Minimum F1 of the second answer's words with the first. null: do not ask again."),
      temperature: z.number().min(0).max(2).default(0.7).describe("Sampling temperature."),
      maxTokens: z.number().int().positive().default(512).describe("Maximum tokens per completion."),
      maxBytes: z.number().int().positive().default(8000).describe("Skip documents above this size, in bytes."),
      format: z
        .string()
        .default("Question: {question}\nAnswer: {answer}")
        .describe("Template of a pair: `{question}` and `{answer}` are filled in."),
      frame: z
        .string()
        .refine(f => f.includes("{pairs}"), { message: "a frame with {pairs}" })
        .default("{text}\n\n{pairs}")
        .describe("Template of the new document: `{text}` is the document, `{pairs}` all pairs."),
    }),
  ),
} as const;
