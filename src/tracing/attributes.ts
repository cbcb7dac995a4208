/**
 * What a request asks for, as attributes of OpenTelemetry's GenAI conventions (semantic conventions 1.37, in development there). Numbers, the
 * model's name and nothing else: prompts, answers, tools and users are never part of a span.
 */
import type { Attributes } from "@opentelemetry/api";

export type TracedFields = Readonly<Record<string, unknown>>;

/** Attributes with the names that contracts have for them: OpenAI's, Ollama's (in `options`), Hugging Face's (in `parameters`). */
const numbers = {
  "gen_ai.request.max_tokens": ["max_tokens", "max_completion_tokens", "max_output_tokens", "num_predict", "max_new_tokens"],
  "gen_ai.request.temperature": ["temperature"],
  "gen_ai.request.top_p": ["top_p"],
  "gen_ai.request.top_k": ["top_k"],
  "gen_ai.request.frequency_penalty": ["frequency_penalty"],
  "gen_ai.request.presence_penalty": ["presence_penalty"],
  "gen_ai.request.seed": ["seed"],
  "gen_ai.request.choice.count": ["n"],
} as const;

/** Characters of a model's name: it comes from outside. */
const nameCharacters = 256;

const isObject = (v: unknown): v is TracedFields => typeof v === "object" && v !== null && !Array.isArray(v);

/** The model's name as it was asked for. */
export const requestModel = (body: TracedFields | undefined): string | undefined =>
  typeof body?.model === "string" ? body.model.slice(0, nameCharacters) : undefined;

export function requestAttributes(body: TracedFields | undefined): Attributes {
  if (!body) return {};
  const places = [body, body.options, body.parameters].filter(isObject);
  const found: Attributes = {};
  for (const [attribute, keys] of Object.entries(numbers)) {
    const value = places.flatMap(p => keys.map(k => p[k])).find(v => typeof v === "number");
    if (value !== undefined) found[attribute] = value;
  }
  // one answer is what everybody gets
  if (found["gen_ai.request.choice.count"] === 1) delete found["gen_ai.request.choice.count"];
  const model = requestModel(body);
  return model === undefined ? found : { ...found, "gen_ai.request.model": model };
}
