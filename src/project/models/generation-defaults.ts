/**
 * How a model's makers would have it sampled: `generation_config.json` of Hugging Face's folders, `general.sampling.*` of GGUF files. A server
 * takes it where a request says nothing, as vLLM's does. Left out: `do_sample` (a temperature of 0 says it), lengths, beams, and what
 * belongs to the library's own loop.
 */
import { z } from "zod";
import { check } from "../../base/index.ts";
import { type SamplingOptions, samplingOptions } from "../../nn/index.ts";

export type SamplingDefaults = Partial<SamplingOptions>;

const number = z.number().nullish();
const keys = z.object({
  temperature: number,
  top_p: number,
  top_k: number,
  min_p: number,
  typical_p: number,
  repetition_penalty: number,
});
type Keys = z.output<typeof keys>;

function defaultsOf(k: Keys, place: string): SamplingDefaults | undefined {
  const found: SamplingDefaults = {
    ...(k.temperature == null ? {} : { temperature: k.temperature }),
    // off, and off limits, as requests may say it too
    ...(k.top_p == null ? {} : { topP: Math.max(k.top_p, Number.MIN_VALUE) }),
    ...(k.top_k == null ? {} : { topK: Math.max(k.top_k, 0) }),
    ...(k.min_p == null ? {} : { minP: k.min_p }),
    ...(k.typical_p == null ? {} : { typicalP: k.typical_p }),
    ...(k.repetition_penalty == null ? {} : { repetitionPenalty: k.repetition_penalty }),
  };
  const all = samplingOptions(found, place);
  // what a file says that is the default anyway is nothing to tell of
  const plain = samplingOptions();
  const told = Object.entries(found).filter(([key]) => all[key as keyof SamplingOptions] !== plain[key as keyof SamplingOptions]);
  return told.length ? Object.fromEntries(told) : undefined;
}

/** Of a parsed `generation_config.json`; undefined where it says nothing. Errors: base/config; nn/sampling for numbers out of bounds. */
export const huggingFaceSampling = (file: Record<string, unknown>, place: string): SamplingDefaults | undefined =>
  defaultsOf(check(keys, file, place), place);

/** Of a GGUF file's metadata, likewise. */
export function ggufSampling(metadata: ReadonlyMap<string, unknown>, place: string): SamplingDefaults | undefined {
  const of = (key: string) => metadata.get(`general.sampling.${key}`);
  const named = {
    temperature: of("temp"),
    top_p: of("top_p"),
    top_k: of("top_k"),
    min_p: of("min_p"),
    repetition_penalty: of("penalty_repeat"),
  };
  return defaultsOf(check(keys, named, `${place}: general.sampling`), `${place}: general.sampling`);
}

const names: Readonly<Partial<Record<keyof SamplingOptions, string>>> = {
  temperature: "temperature",
  topP: "top_p",
  topK: "top_k",
  minP: "min_p",
  typicalP: "typical_p",
  repetitionPenalty: "repetition_penalty",
};
/** As people read it: `temperature 0.7, top_p 0.8`. */
export const samplingText = (d: SamplingDefaults): string =>
  Object.entries(d)
    .map(([key, value]) => `${names[key as keyof SamplingOptions] ?? key} ${String(value)}`)
    .join(", ");
