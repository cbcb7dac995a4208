/** What `loam.yaml` may say of the augmentation method `paraphrase`. */

import { z } from "zod";
import { paraphraseInstruction, paraphraseLimits } from "./limits.ts";

const defaultPrompt = `${paraphraseInstruction}\n\n{text}`;

export const paraphrasePart = {
  name: "paraphrase",
  version: 1,
  kind: "asking",
  options: z.lazy(() =>
    z.strictObject({
      prompts: z
        .array(z.string().refine(p => p.includes("{text}"), { message: "a prompt with {text}" }))
        .min(1)
        .default([defaultPrompt])
        .describe("Prompt templates; one is drawn per variant. `{text}` is the document."),
      system: z.string().optional().describe("System message."),
      temperature: z.number().min(0).max(2).default(0.7).describe("Sampling temperature."),
      maxTokens: z.number().int().positive().default(1024).describe("Maximum tokens per completion."),
      maxBytes: z.number().int().positive().default(8000).describe("Skip documents above this size, in bytes."),
      ...paraphraseLimits.shape,
      embedder: z
        .string()
        .min(1)
        .optional()
        .meta({ description: "Embedding model that compares the meaning. Default: meaning is not compared.", examples: ["minilm"] }),
      minCosine: z.number().min(-1).max(1).default(0.8).describe("Minimum cosine similarity of document and paraphrase. Needs `embedder`."),
    }),
  ),
} as const;
