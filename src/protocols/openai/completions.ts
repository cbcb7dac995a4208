/** Completions in OpenAI's words: what of a request can be put elsewhere, and texts as its answers. */
import { ProtocolFault } from "../protocol-fault.ts";
import type { TranslationRequest } from "../translation.ts";
import { isGiven, type Row } from "../values.ts";

/** OpenAI's own bound for a completion that names none. */
export const defaultMaxTokens = 16;

/** The one prompt. Errors: ProtocolFault `untranslated` for several and for token ids, ProtocolFault `parameter`. */
export function promptOf({ prompt }: Row): string {
  const one: unknown = Array.isArray(prompt) && prompt.length === 1 ? prompt[0] : prompt;
  if (typeof one === "string") return one;
  if (Array.isArray(one))
    throw ProtocolFault.untranslated("prompt", typeof one[0] === "number" ? "token ids" : "several prompts", "Send one text.");
  throw ProtocolFault.parameter("prompt", "a text", prompt);
}

export const completionHead = (id: string, { now, model }: TranslationRequest): Row => ({
  id,
  object: "text_completion",
  created: now,
  model,
});

export const completionChoice = (text: string, reason: string | null): Row => ({ index: 0, text, logprobs: null, finish_reason: reason });

/** Bytes a token has on average, where an upstream does not count what it wrote: on the dear side for the one who asked. */
const bytesPerToken = 3;
export const tokensOf = (text: string): number => Math.ceil(Buffer.byteLength(text) / bytesPerToken);

/** Sampling in OpenAI's words and vLLM's, which protocols of free parameters take by the same names. */
export const samplingKeys = [
  ...["temperature", "top_p", "top_k", "min_p", "seed", "frequency_penalty", "presence_penalty", "repetition_penalty", "stop"],
] as const;

export const samplingOf = (body: Row): Row =>
  Object.fromEntries(
    samplingKeys.filter(k => isGiven(body[k])).map(k => [k, k === "stop" && !Array.isArray(body.stop) ? [body.stop] : body[k]]),
  );

/** How a completion ended, where the upstream does not say: cut off where it has as many tokens as it may. */
export const mostTokens = ({ body }: TranslationRequest): number =>
  typeof body.max_tokens === "number" ? body.max_tokens : defaultMaxTokens;
