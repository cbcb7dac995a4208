/** What is answered, as schemas: of each kind of answer what clients can rely on; answers may say more. */
import { z } from "zod";

const text = z.string();
const count = z.int();
const rows = z.array(z.looseObject({}));

export const anyObject = z.looseObject({});
export const listAnswer = (item: z.ZodType) => z.looseObject({ object: z.literal("list"), data: z.array(item) });
export const deleted = z.looseObject({ id: text, deleted: z.literal(true) });
export const plainText = z.string();

const usage = z.looseObject({ prompt_tokens: count, total_tokens: count }).meta({ id: "Usage" });
const choice = z.looseObject({ index: count, finish_reason: text.nullable() });

/** Named, so that a document has each once. */
export const wireForms = {
  completion: z.looseObject({ id: text, object: text, model: text, choices: z.array(choice), usage }).meta({ id: "Completion" }),
  chat: z
    .looseObject({
      id: text,
      object: text,
      model: text,
      choices: z.array(choice.extend({ message: z.looseObject({ role: text }) })),
      usage,
    })
    .meta({ id: "ChatCompletion" }),
  response: z.looseObject({ id: text, object: text, status: text, model: text, output: rows }).meta({ id: "Response" }),
  embeddings: z.looseObject({ object: text, data: rows, model: text, usage }).meta({ id: "Embeddings" }),
  moderations: z.looseObject({ id: text, model: text, results: rows }).meta({ id: "Moderations" }),
  model: z
    .looseObject({
      id: text.describe("the name that requests use"),
      object: z.literal("model"),
      created: count,
      owned_by: text,
      root: text.describe("the version that answers"),
      parent: text.nullable().describe("the model of which it is an adapter"),
      max_model_len: count.describe("tokens of prompt and answer together, at most"),
      aliases: z.array(text).optional().describe("its other names"),
    })
    .meta({ id: "Model" }),
  message: z.looseObject({ id: text, type: text, role: text, content: rows, usage: anyObject }).meta({ id: "Message" }),
  file: z.looseObject({ id: text, object: text, bytes: count, filename: text, purpose: text }).meta({ id: "File" }),
  batch: z.looseObject({ id: text, object: text, status: text, endpoint: text }).meta({ id: "Batch" }),
  nativeCompletion: z
    .looseObject({ index: count, content: text, stop: z.boolean(), tokens: z.array(count), stop_type: text, timings: anyObject })
    .meta({
      id: "NativeCompletion",
      description: "llama.cpp's; a list of them where the request has several prompts or wants several answers.",
    }),
  readiness: z.looseObject({ status: text, reason: text.optional() }).meta({ id: "Readiness" }),
  version: z.strictObject({ version: text }),
  load: z.strictObject({ server_load: count.describe("requests under way that a model answers") }),
};

/** Refusals, in the form of each contract. */
export const refusalForms = {
  openai: z
    .object({ error: z.object({ message: text, type: text, param: text.nullable(), code: text.nullable() }) })
    .meta({ id: "OpenAiError", description: "`code` is OpenAI's, or a name of this server's own." }),
  sentence: z.object({ error: text }).meta({ id: "SentenceError" }),
  vllm: z.object({ error: z.object({ message: text, type: text, param: text.nullable(), code: count }) }).meta({ id: "VllmError" }),
  anthropic: z.object({ type: z.literal("error"), error: z.looseObject({ type: text, message: text }) }).meta({ id: "AnthropicError" }),
  llamaCpp: z
    .object({ error: z.looseObject({ code: count, message: text, type: text, param: text.nullable() }) })
    .meta({ id: "LlamaCppError", description: "With `n_prompt_tokens` and `n_ctx` where a prompt is longer than the context." }),
};
