/** The part `paraphrases` of a task: where the same items in other words come from, for the variant `paraphrase`. */
import { z } from "zod";
import { paraphraseInstruction } from "../../data/index.ts";

const text = z.string().min(1);

export const paraphraseRule = z.strictObject({
  /** The field that is put in other words; the only text field that the prompt reads, where absent. */
  of: text.optional(),
  /** The field with an item's other wordings: a text, or a list of which the first that passes is asked. A model writes those that are missing. */
  from: text.optional(),
  /** What a model is told; the text follows. */
  instruction: text.default(paraphraseInstruction),
  /** An answer that is as long counts as cut. */
  maxTokens: z.int().positive().default(512),
  /** Asked through its chat template, or its chat endpoint. */
  chat: z.boolean().default(true),
});
export type ParaphraseRule = z.output<typeof paraphraseRule>;
