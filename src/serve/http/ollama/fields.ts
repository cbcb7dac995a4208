/** Options of Ollama's API in OpenAI's words. Those that say how a model is loaded (`num_ctx`, `num_thread`, ...) are left alone. */
import type { OllamaFormat, OllamaOptions, SamplingFields } from "../../../protocols/index.ts";

const formOf = (given: OllamaFormat): Pick<SamplingFields, "response_format"> =>
  given == null || given === ""
    ? {}
    : given === "json"
      ? { response_format: { type: "json_object" } }
      : { response_format: { type: "json_schema", json_schema: { name: "format", schema: given } } };

/** Ollama's own defaults, so that clients get what they know. */
const defaults = { temperature: 0.8, top_k: 40, top_p: 0.9 };

export function ollamaSampling(
  given: OllamaOptions,
  form: OllamaFormat,
): {
  readonly fields: Omit<SamplingFields, "model">;
  readonly maxTokens: number | undefined;
} {
  const { num_predict, seed, ...same } = given ?? {};
  const said = Object.fromEntries(Object.entries(same).filter(([, v]) => v != null));
  // a seed below 0 is none: the answer is drawn anew
  const drawn = seed == null || seed < 0 ? {} : { seed };
  return {
    fields: { ...defaults, ...said, ...drawn, ...formOf(form) },
    maxTokens: num_predict == null || num_predict < 0 ? undefined : num_predict,
  };
}
