/** The body of POST /v1/completions. */
import { z } from "zod";
import { requestBounds as limits } from "../request-bounds.ts";
import { samplingFields, tokenFields } from "./sampling-fields.ts";

const tokens = z.array(z.int().min(0)).min(1);
export const completionsRequest = z.object({
  ...samplingFields,
  ...tokenFields,
  prompt: z
    .union([z.string(), z.array(z.string()).min(1), tokens, z.array(tokens).min(1)], {
      error: "a text, a list of texts, a list of token ids, or a list of such lists, none empty",
    })
    .nullish(),
  max_tokens: z.int().min(0).nullish(),
  echo: z.boolean().nullish(),
  /** Special tokens of the model around a text; true when absent. */
  add_special_tokens: z.boolean().nullish(),
  best_of: z.int().min(1).max(limits.bestOf).nullish(),
  /** The server's own bound is above it; -1 is the whole vocabulary, as in vLLM. */
  logprobs: z.int().min(-1).nullish(),
});
