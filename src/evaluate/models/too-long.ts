/**
 * How servers say that a request is longer than what they read: by a code or type where they have one (OpenAI, Loam, llama.cpp, Anthropic's shape), else in
 * words (vLLM, text-generation-inference, SGLang, llama-cpp-python). The status says little: llama.cpp has sent 500 for it.
 */
import { z } from "zod";

const codes: readonly unknown[] = ["context_length_exceeded", "exceed_context_size_error", "request_too_large", "string_above_max_length"];
/** In a message: of the context, of tokens, of the prompt. */
const words = [
  /\bcontext[ _](?:length|size|window)\b/i,
  /\btoo many (?:input |prompt )?tokens\b/i,
  /\b(?:prompt|input) is too long\b/i,
  /`?inputs`? tokens \+ `?max_new_tokens`? must be/i,
];

const told = z.looseObject({ message: z.string().optional(), code: z.unknown().optional(), type: z.unknown().optional() });
const body = z.looseObject({ error: z.union([z.string(), told]).optional(), ...told.shape });

/** Whether an error's body says so. */
export function saysTooLong(text: string): boolean {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return false;
  }
  const found = body.safeParse(value).data;
  if (!found) return false;
  const { code, type, message } = typeof found.error === "object" ? found.error : found;
  const sentence = typeof found.error === "string" ? found.error : (message ?? "");
  return [code, type].some(c => codes.includes(c)) || words.some(w => w.test(sentence));
}
