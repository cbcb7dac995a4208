/** Options of the step `decontaminate` in `loam.yaml`. */
import { z } from "zod";

export const setOptions = z.lazy(() =>
  z.strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "a short name of letters, digits, dots, _ and -")
      .describe("Name of the evaluation set; items are called `name#number`."),
    file: z.string().min(1).describe("JSON Lines or CSV file, relative to the project."),
    prompt: z.string().min(1).describe("Field with the prompt; dots lead into nested values."),
    answer: z.string().min(1).optional().describe("Field with the answer."),
    passage: z.string().min(1).optional().describe("Field with the passage."),
    choices: z.string().min(1).optional().describe("Field with the choices, if the answer is an index or letter."),
    id: z.string().min(1).optional().describe("Field that identifies an item. Default: its index."),
  }),
);
export type EvaluationSet = z.output<typeof setOptions>;

export const decontaminateOptions = z.lazy(() =>
  z
    .strictObject({
      sets: z.array(setOptions).min(1).describe("Evaluation sets to look for."),
      action: z.enum(["drop", "mark", "cut"]).default("drop").describe("`drop` the document, `cut` the passage out, or only `mark` it."),
      maxScore: z
        .number()
        .min(0)
        .max(1)
        .nullable()
        .default(0.6)
        .describe("Maximum contamination score of a kept document. null: no limit."),
      seedWords: z.number().int().min(2).max(32).default(5).describe("Words per n-gram that finds an item."),
      gramWords: z.number().int().min(1).max(16).default(3).describe("Words per n-gram that counts as overlap."),
      sampleEvery: z.number().int().min(1).max(64).default(1).describe("Look up every n-th n-gram of a document."),
      minWords: z.number().int().min(1).default(8).describe("Shorter prompts count only with their answer."),
      minAnswerWords: z.number().int().min(1).default(12).describe("Shorter answers count only with their prompt."),
      minPairWords: z.number().int().min(1).default(5).describe("Skip shorter items."),
      fullWords: z
        .number()
        .int()
        .min(1)
        .default(24)
        .describe("Matches below this length lose up to `shortPenalty` of the score, unless perfect."),
      shortPenalty: z.number().min(0).max(1).default(0.4).describe("Penalty of the shortest matches."),
      answerWindow: z.number().int().min(0).default(20).describe("Words around a prompt in which its answer is searched."),
      passageWindow: z.number().int().min(0).default(100).describe("Words around a prompt in which its passage is searched."),
    })
    .refine(o => new Set(o.sets.map(s => s.name)).size === o.sets.length, { path: ["sets"], message: "names that differ" }),
);
export type DecontaminateOptions = z.output<typeof decontaminateOptions>;
