/** Bodies of the Open Inference Protocol: `infer` over named tensors, and its text extension `generate`. */
import { z } from "zod";
import { samplingFields } from "./openai/sampling-fields.ts";
import { requestBounds as limits } from "./request-bounds.ts";

const parameters = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string())]));
export const inferRequest = z.object({
  id: z.string().max(256).nullish(),
  parameters: parameters.nullish(),
  inputs: z
    .array(
      z.object({
        name: z.string(),
        shape: z.array(z.int().min(0)).min(1).max(8),
        datatype: z.string(),
        data: z.array(z.unknown()).max(limits.embeddingTexts),
      }),
    )
    .min(1)
    .max(8),
  outputs: z.array(z.looseObject({ name: z.string() })).nullish(),
});

const { model: _, n: __, stream: ___, stream_options: ____, user: _____, ...sampling } = samplingFields;
export const generateRequest = z.object({
  id: z.string().max(256).nullish(),
  text_input: z.string().min(1),
  parameters: z.object({ ...sampling, max_tokens: z.int().min(1).nullish(), details: z.boolean().nullish() }).nullish(),
});
