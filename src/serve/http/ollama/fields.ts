/** Options of Ollama's API in OpenAI's words. Those that say how a model is loaded (`num_ctx`, `num_thread`, ...) are left alone. */
import type { OllamaFormat, OllamaOptions, SamplingFields } from "../../../protocols/index.ts";
import type { Refusals } from "../parse.ts";

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
  const { num_predict, repeat_penalty, seed, ...same } = given ?? {};
  const said = Object.fromEntries(Object.entries(same).filter(([, v]) => v != null));
  // a seed below 0 is none: the answer is drawn anew
  const drawn = seed == null || seed < 0 ? {} : { seed };
  const penalty = repeat_penalty == null ? {} : { repetition_penalty: repeat_penalty };
  return {
    fields: { ...defaults, ...said, ...drawn, ...penalty, ...formOf(form) },
    maxTokens: num_predict == null || num_predict < 0 ? undefined : num_predict,
  };
}

const isGiven = (v: unknown): boolean => !(v === "" || v === false || (Array.isArray(v) && v.length === 0));
export const ollamaRefusals: Refusals = {
  think: { asks: isGiven, instead: "Leave it out: the served model does not think apart from its answer." },
  images: { asks: isGiven, instead: "Only text is read." },
  template: { asks: isGiven, instead: "Use raw, and write the prompt as the model reads it." },
};
