/** Options of Ollama's API in OpenAI's words. Those that say how a model is loaded (`num_ctx`, `num_thread`, ...) are left alone. */
import { z } from "zod";
import { limits } from "../../limits.ts";
import type { Refusals } from "../parse.ts";
import type { SamplingFields } from "../sampling-fields.ts";

const stop = z.string().min(1).max(limits.stopCharacters);
export const options = z
  .object({
    /** -1 and -2: what the context leaves. */
    num_predict: z.int().min(-2).nullish(),
    temperature: z.number().min(0).max(2).nullish(),
    top_k: z.int().min(-1).nullish(),
    top_p: z.number().min(0).max(1).nullish(),
    min_p: z.number().min(0).max(1).nullish(),
    repeat_penalty: z.number().gt(0).max(10).nullish(),
    presence_penalty: z.number().min(-2).max(2).nullish(),
    frequency_penalty: z.number().min(-2).max(2).nullish(),
    seed: z.int().nullish(),
    stop: z.union([stop, z.array(stop).max(limits.stops)], { error: `a text, or up to ${limits.stops}` }).nullish(),
  })
  .nullish();
export type OllamaOptions = z.output<typeof options>;

/** `"json"`, or a JSON schema. An empty text is none. */
export const format = z.union([z.enum(["", "json"]), z.record(z.string(), z.unknown())], { error: '"json" or a JSON schema' }).nullish();

const formOf = (given: z.output<typeof format>): Pick<SamplingFields, "response_format"> =>
  given == null || given === ""
    ? {}
    : given === "json"
      ? { response_format: { type: "json_object" } }
      : { response_format: { type: "json_schema", json_schema: { name: "format", schema: given } } };

/** Ollama's own defaults, so that clients get what they know. */
const defaults = { temperature: 0.8, top_k: 40, top_p: 0.9 };

export function samplingOf(
  given: OllamaOptions,
  form: z.output<typeof format>,
): {
  readonly fields: Omit<SamplingFields, "model">;
  readonly maxTokens: number | undefined;
} {
  const { num_predict, repeat_penalty, ...same } = given ?? {};
  const said = Object.fromEntries(Object.entries(same).filter(([, v]) => v != null));
  const penalty = repeat_penalty == null ? {} : { repetition_penalty: repeat_penalty };
  return {
    fields: { ...defaults, ...said, ...penalty, ...formOf(form) },
    maxTokens: num_predict == null || num_predict < 0 ? undefined : num_predict,
  };
}

const isGiven = (v: unknown): boolean => !(v === "" || v === false || (Array.isArray(v) && v.length === 0));
export const ollamaRefusals: Refusals = {
  think: { asks: isGiven, instead: "Leave it out: the served model does not think apart from its answer." },
  images: { asks: isGiven, instead: "Only text is read." },
  suffix: { asks: isGiven, instead: "Leave it out: the served model completes from the left only." },
  template: { asks: isGiven, instead: "Use raw, and write the prompt as the model reads it." },
  context: { asks: isGiven, instead: "Use /api/chat, and send the whole conversation." },
};
