/**
 * What policies may bound of a request, by name. A name that is not here would bound nothing, so it is an error of the configuration. How many
 * tokens an answer may have goes by several names, and servers differ in which of them they obey: `max_tokens` is the largest that is given.
 */
type Body = Readonly<Record<string, unknown>>;
export type Parameter = number | string | boolean;

/** OpenAI's, then those of Hugging Face's servers, Ollama and llama.cpp; the last obeys its own at OpenAI's addresses, whatever `max_tokens` says. */
export const answerTokens = [
  "max_tokens",
  "max_completion_tokens",
  "max_output_tokens",
  "max_new_tokens",
  "num_predict",
  "n_predict",
] as const;

/** Of a body. */
export const bodyParameters: readonly string[] = [
  ...answerTokens,
  "temperature",
  "top_p",
  "top_k",
  "min_p",
  "n",
  "best_of",
  "stream",
  "logprobs",
  "reasoning_effort",
  "seed",
  "presence_penalty",
  "frequency_penalty",
  "repetition_penalty",
];

/** Of an address that the gateway passes through. */
export const addressParameters = ["method", "path"] as const;

const isParameter = (value: unknown): value is Parameter =>
  typeof value === "number" || typeof value === "string" || typeof value === "boolean";

/** A negative number asks for as many as there is room for (Ollama, llama.cpp), and what is no number might: above every bound. */
const tokensOf = (value: unknown): number => (typeof value === "number" && value >= 0 ? value : Number.POSITIVE_INFINITY);

/** Numbers and words that policies may bound, of a body or its parts. Of numbers that a name has in several, the largest. */
export function parametersIn(parts: readonly Body[]): Record<string, Parameter> {
  const found: Record<string, Parameter> = {};
  let most: number | undefined;
  for (const part of parts) {
    for (const name of bodyParameters) {
      const value = part[name];
      if (!isParameter(value)) continue;
      const before = found[name];
      found[name] = typeof value === "number" && typeof before === "number" ? Math.max(value, before) : value;
    }
    for (const name of answerTokens) {
      const value = part[name];
      if (value !== undefined && value !== null) most = Math.max(most ?? 0, tokensOf(value));
    }
  }
  if (most !== undefined) found.max_tokens = most;
  return found;
}
