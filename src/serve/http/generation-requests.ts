/** What a body of OpenAI's parameters asks the engine for: prompts times answers, how they are drawn, searched and formed. */
import { defined } from "../../base/index.ts";
import type { SamplingOptions } from "../../nn/index.ts";
import type { SamplingFields } from "../../protocols/index.ts";
import type { Engine } from "../engine.ts";
import { serveErrors } from "../errors.ts";
import { formStart } from "../forms.ts";
import type { GenerationRequest } from "../generation.ts";
import { limits } from "../limits.ts";
import { formOf } from "./answer-form.ts";
import { beamsOf } from "./beams.ts";
import { type Asker, saltOf } from "./exchange.ts";

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

interface Ask extends Asker {
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
      ...defined({ maxTokens, form, likelihoods, beams }),
      ...saltOf(owner, body.cache_salt),
    }));
  });
}
