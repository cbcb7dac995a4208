/** What a body of OpenAI's parameters asks the engine for: prompts times answers, how they are drawn, searched and formed. */
import { defined } from "../../base/index.ts";
import type { SamplingFields, TokenFields } from "../../protocols/index.ts";
import type { Engine } from "../engine.ts";
import { serveErrors } from "../errors.ts";
import { formStart } from "../forms.ts";
import type { GenerationRequest } from "../generation.ts";
import { limits } from "../limits.ts";
import { formOf } from "./answer-form.ts";
import { beamsOf } from "./beams.ts";
import { type Asker, saltOf } from "./exchange.ts";
import { requestedSampling } from "./sampling-request.ts";

/** Errors: serve/parameter where stream_options come without a stream. */
export function checkStreamOptions(body: SamplingFields): void {
  if (body.stream_options && !body.stream)
    throw serveErrors.fail("parameter", { place: "stream_options", expected: "stream: true beside it", received: "no stream" });
}

interface Ask extends Asker {
  readonly body: SamplingFields & Partial<TokenFields>;
  readonly engine: Engine;
  /** Tokens of each prompt; every prompt is answered n times. */
  readonly prompts: readonly (readonly number[])[];
  /** Answers to each prompt; `n` when absent. */
  readonly answers?: number;
  readonly maxTokens: number | undefined;
  readonly stop: readonly string[];
  readonly likelihoods: number | undefined;
  /** Prompts are texts that the answers go on from, and no chats. */
  readonly isContinuation?: boolean;
}

/** What of an answer is its text, and when it may end. */
const textOptions = (body: SamplingFields): Partial<GenerationRequest> => ({
  ...(body.min_tokens ? { minTokens: body.min_tokens } : {}),
  ...(body.include_stop_str_in_output ? { includesStop: true } : {}),
  ...(body.skip_special_tokens === false ? { skipSpecialTokens: false } : {}),
});

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
  if (body.min_tokens != null && maxTokens !== undefined && body.min_tokens > maxTokens)
    throw serveErrors.fail("parameter", {
      place: "min_tokens",
      expected: `at most max_tokens, ${maxTokens}`,
      received: String(body.min_tokens),
    });
  const given = body.stop == null ? [] : typeof body.stop === "string" ? [body.stop] : body.stop;
  const asked = formOf(body);
  const form = asked && formStart(engine.model.tokenizer, asked.form, asked.place);
  if (form) ask.onRelaxed?.(form.relaxed);
  const sampling = { ...engine.model.sampling, ...requestedSampling(body, engine.model.tokenizer) };
  const stopTokens = [...(body.ignore_eos ? [] : (engine.model.stopTokens ?? [])), ...(body.stop_token_ids ?? [])];
  const seed = body.seed ?? engine.model.seed;
  return prompts.flatMap(tokens => {
    // answers that share this object are those of one search
    const beams = search && { ...search };
    return Array.from({ length: n }, (_, choice) => ({
      tokens,
      sampling,
      stop: [...given, ...ask.stop],
      stopTokens,
      choice,
      group: requestId,
      signal,
      ...defined({ seed, maxTokens, form, likelihoods, beams, likelihoodTokens: body.logprob_token_ids ?? undefined }),
      ...textOptions(body),
      ...(ask.isContinuation ? { isContinuation: true } : {}),
      ...saltOf(owner, body.cache_salt),
    }));
  });
}
