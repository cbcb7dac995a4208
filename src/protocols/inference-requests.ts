/** Bodies of the Open Inference Protocol: `infer` over named tensors, its text extension `generate`, and what the model repository extension is asked. */
import { z } from "zod";
import { joinedParameters } from "./inference-parameters.ts";
import { requestBounds as limits } from "./request-bounds.ts";
import type { Row } from "./values.ts";

const tensorParameters = z.record(z.string(), z.unknown());
/** Those that say how the answer is written, with their types; the others are the handler's. */
const parameters = z.looseObject({
  binary_data_output: z.boolean().nullish(),
  stream: z.boolean().nullish(),
  details: z.boolean().nullish(),
  triton_enable_empty_final_response: z.boolean().nullish(),
  /** Microseconds; 0 is none. */
  timeout: z.int().min(0).nullish(),
});
const requestId = z.string().max(256).nullish();

export const inferRequest = z.object({
  id: requestId,
  parameters: parameters.nullish(),
  inputs: z
    .array(
      z.object({
        name: z.string(),
        shape: z.array(z.int().min(0)).min(1).max(8),
        datatype: z.string(),
        parameters: tensorParameters.nullish(),
        data: z.array(z.unknown()).max(limits.embeddingTexts).nullish(),
      }),
    )
    .min(1)
    .max(8),
  outputs: z.array(z.looseObject({ name: z.string(), parameters: tensorParameters.nullish() })).nullish(),
});

export const generateRequest = z.object({ id: requestId, text_input: z.string().min(1), parameters: parameters.nullish() });

export const repositoryIndexRequest = z.object({ ready: z.boolean().nullish() });
export const repositoryModelRequest = z.object({ parameters: tensorParameters.nullish() });

const generateHead = ["id", "text_input", "parameters"];
/** Triton takes every further member as an input of the model: here they are parameters. Errors: ProtocolFault `parameter`. */
export function generateBody(body: Row): Row {
  const further = Object.entries(body).filter(([name]) => !generateHead.includes(name));
  const { id, text_input } = body;
  const given = further.map(([name, value]) => ({ name, value, place: name }));
  return { id, text_input, parameters: joinedParameters(body.parameters, given) };
}
