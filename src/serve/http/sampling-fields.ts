/** Parameters that chat and completions share: OpenAI's with their bounds, the common further ones (top_k, min_p, repetition_penalty), and those of `structured-fields.ts`. */
import { z } from "zod";
import type { SamplingOptions } from "../../nn/index.ts";
import type { Engine } from "../engine.ts";
import { serveErrors } from "../errors.ts";
import { formStart } from "../forms.ts";
import type { GenerationRequest } from "../generation.ts";
import { limits } from "../limits.ts";
import { type Asker, saltOf } from "./exchange.ts";
import { beamsOf, searchFields } from "./search-fields.ts";
import { formOf, structuredFields } from "./structured-fields.ts";

// A lone surrogate is no character: it could never match text, and would split one.
const stopText = z
  .string()
  .min(1)
  .max(limits.stopCharacters)
  .refine(s => !/\p{Surrogate}/u.test(s), { error: "whole characters" });

export const samplingFields = {
  model: z.string(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  /** 0 or -1 is off. */
  top_k: z.int().min(-1).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  /** 0, which would leave nothing, is taken for the smallest set. */
  typical_p: z.number().min(0).max(1).nullish(),
  /** 0 is off, 2 is its second algorithm; the first is not done. */
  mirostat: z.union([z.literal(0), z.literal(2)], { error: "0 (off) or 2" }).nullish(),
  mirostat_tau: z.number().gt(0).max(100).nullish(),
  mirostat_eta: z.number().gt(0).max(1).nullish(),
  repetition_penalty: z.number().gt(0).max(10).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  logit_bias: z.record(z.string().regex(/^-?\d{1,9}$/, { error: "token ids as keys" }), z.number().min(-100).max(100)).nullish(),
  seed: z.number().refine(Number.isInteger, { error: "a whole number" }).nullish(),
  stop: z
    .union([stopText, z.array(stopText).max(limits.stops)], {
      error: `a text or up to ${limits.stops} texts of 1 to ${limits.stopCharacters} characters`,
    })
    .nullish(),
  stop_token_ids: z.array(z.int().min(0)).max(1024).nullish(),
  ignore_eos: z.boolean().nullish(),
  n: z.int().min(1).max(limits.answers).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  user: z.string().nullish(),
  /** Only requests of the same salt share what is computed of equal prompts (as vLLM). */
  cache_salt: z.string().max(limits.cacheSaltCharacters).nullish(),
  ...searchFields,
  ...structuredFields,
} as const;

export type SamplingFields = z.output<z.ZodObject<typeof samplingFields>>;

/** Errors: serve/parameter where stream_options come without a stream. */
export function checkStreamOptions(body: SamplingFields): void {
  if (body.stream_options && !body.stream)
    throw serveErrors.fail("parameter", { place: "stream_options", expected: "stream: true beside it", received: "no stream" });
}

/** What a body says; the model's own defaults fill the rest, and where it has none OpenAI's (temperature 1), which are ours. A top_p of 0 leaves the most likely token. */
function samplingOf(body: SamplingFields): Partial<SamplingOptions> {
  const { temperature, top_p, top_k, min_p, typical_p, repetition_penalty, presence_penalty, frequency_penalty, logit_bias } = body;
  const { mirostat, mirostat_tau, mirostat_eta } = body;
  return {
    ...(temperature == null ? {} : { temperature }),
    ...(top_p == null ? {} : { topP: Math.max(top_p, Number.MIN_VALUE) }),
    ...(top_k == null ? {} : { topK: Math.max(top_k, 0) }),
    ...(min_p == null ? {} : { minP: min_p }),
    ...(typical_p == null ? {} : { typicalP: Math.max(typical_p, Number.MIN_VALUE) }),
    // the defaults of llama.cpp
    ...(mirostat === 2 ? { mirostatTau: mirostat_tau ?? 5, mirostatEta: mirostat_eta ?? 0.1 } : {}),
    ...(repetition_penalty == null ? {} : { repetitionPenalty: repetition_penalty }),
    ...(presence_penalty == null ? {} : { presencePenalty: presence_penalty }),
    ...(frequency_penalty == null ? {} : { frequencyPenalty: frequency_penalty }),
    ...(logit_bias == null ? {} : { logitBias: new Map(Object.entries(logit_bias).map(([t, b]) => [Number(t), b])) }),
  };
}

export interface Ask extends Asker {
  readonly body: SamplingFields;
  readonly engine: Engine;
  /** Tokens of each prompt; every prompt is answered n times. */
  readonly prompts: readonly (readonly number[])[];
  /** Answers to each prompt; `n` when absent. */
  readonly answers?: number;
  readonly maxTokens: number | undefined;
  readonly stop: readonly string[];
  readonly likelihoods: number | undefined;
}

/** What the engine is asked for: prompts times n answers, in the order of OpenAI's indices. Errors: serve/parameter. */
export function generationRequests(ask: Ask): GenerationRequest[] {
  const { body, engine, prompts, maxTokens, likelihoods, requestId, owner, signal } = ask;
  const n = ask.answers ?? body.n ?? 1;
  const search = beamsOf(body);
  if (prompts.length * n > limits.answers)
    throw serveErrors.fail("parameter", {
      place: "n",
      expected: `at most ${limits.answers} answers (prompts times n)`,
      received: `${prompts.length * n}`,
    });
  const given = body.stop == null ? [] : typeof body.stop === "string" ? [body.stop] : body.stop;
  const asked = formOf(body);
  const form = asked && formStart(engine.model.tokenizer, asked.form, asked.place);
  const stopTokens = [...(body.ignore_eos ? [] : (engine.model.stopTokens ?? [])), ...(body.stop_token_ids ?? [])];
  return prompts.flatMap(tokens => {
    // answers that share this object are those of one search
    const beams = search && { ...search };
    return Array.from({ length: n }, (_, choice) => ({
      tokens,
      sampling: { ...engine.model.sampling, ...samplingOf(body) },
      stop: [...given, ...ask.stop],
      stopTokens,
      choice,
      group: requestId,
      signal,
      ...(body.seed == null ? {} : { seed: body.seed }),
      ...(maxTokens === undefined ? {} : { maxTokens }),
      ...(form === undefined ? {} : { form }),
      ...(likelihoods === undefined ? {} : { likelihoods }),
      ...(beams === undefined ? {} : { beams }),
      ...saltOf(owner, body.cache_salt),
    }));
  });
}
