/** POST /v1/completions: text, or tokens, to text. */
import type { z } from "zod";
import { completionsRequest, type Row, requestFields } from "../../protocols/index.ts";
import type { Engine, Generation } from "../engine.ts";
import { serveErrors } from "../errors.ts";
import type { GenerationEvent, Usage } from "../generation.ts";
import { withAnswerDefaults } from "./answer-defaults.ts";
import { collectAll, likeliest, merged, wireUsage } from "./answers.ts";
import type { AnswerLengths } from "./contract.ts";
import { type AppContext, type Asker, answerHead, askerOf, newResponseId, type Services, streamAnswer } from "./exchange.ts";
import { checkStreamOptions, generationRequests } from "./generation-requests.ts";
import { askedLogprobs, checkOutcomes } from "./logprob-bounds.ts";
import { completionLogprobs, type PromptLikelihoods, promptLogprobs, TextOffsets } from "./logprobs.ts";
import { withOnlyModel } from "./only-model.ts";
import { parseBody } from "./parse.ts";
import { promptTokens } from "./prompt.ts";
import { checkedBody } from "./request-fields.ts";
import { Timings } from "./timings.ts";
import {
  answerTokenIds,
  asMaxTokens,
  checkTokenFields,
  endTokens,
  lengthOf,
  promptLikelihoods,
  stopReasonOf,
  truncatedPrompt,
} from "./token-fields.ts";

/** Of a body as it came. */
export const completionLengths: AnswerLengths = body => [lengthOf(body.n_predict, body.max_tokens)];

/** OpenAI's default for this endpoint. */
const defaultMaxTokens = 16;

type Body = z.output<typeof completionsRequest>;
type Prompt = string | readonly number[];
const promptsOf = (prompt: Body["prompt"]): readonly Prompt[] => {
  if (prompt === undefined || prompt === null) return [""];
  if (typeof prompt === "string") return [prompt];
  return typeof prompt[0] === "number" ? [prompt as number[]] : (prompt as Prompt[]);
};

/** Answers that are made for each prompt. Errors: serve/parameter where they are fewer than asked for, or are to be streamed. */
function candidatesOf({ best_of, stream, use_beam_search }: Body, n: number): number {
  // a search keeps that many beams instead
  if (best_of == null || use_beam_search) return n;
  if (best_of < n) throw serveErrors.fail("parameter", { place: "best_of", expected: `at least n, ${n}`, received: String(best_of) });
  if (best_of > n && stream)
    throw serveErrors.fail("parameter", {
      place: "best_of",
      expected: "n, in a stream",
      received: String(best_of),
      hint: "The best are known when all are there: leave stream out.",
    });
  return best_of;
}

/** A completion under way. */
interface CompletionRun {
  readonly body: Body;
  readonly engine: Engine;
  readonly prompts: readonly (readonly number[])[];
  /** Texts of the prompts that are echoed; "" where none is. */
  readonly echoes: readonly string[];
  readonly scored: readonly PromptLikelihoods[] | undefined;
  readonly n: number;
  /** Answers that are made for each prompt. */
  readonly candidates: number;
  readonly generations: readonly Generation[];
  /** What the first answer takes, where the server tells it. */
  readonly timings: Timings | undefined;
}

/** The default length is the server's choice and gives way to the context, as llama.cpp's `n_predict` does; OpenAI's `max_tokens` does not. */
function maxTokensOf(body: Body, engine: Engine, prompts: readonly (readonly number[])[]): number {
  const longest = prompts.reduce((m, p) => Math.max(m, p.length), 0);
  const room = Math.max(1, engine.room - longest);
  if (body.n_predict != null) return Math.min(asMaxTokens(body.n_predict, undefined) ?? room, room);
  return body.max_tokens ?? Math.min(defaultMaxTokens, room);
}

/** The body with numbers in place of -1. Errors: serve/parameter. */
const withLogprobs = (body: Body, engine: Engine, services: Services): Body => ({
  ...body,
  logprobs: askedLogprobs("logprobs", body.logprobs, engine, services),
  prompt_logprobs: askedLogprobs("prompt_logprobs", body.prompt_logprobs, engine, services),
});

async function startCompletion(body: Body, engine: Engine, asker: Asker, { answers, clock }: Services): Promise<CompletionRun> {
  checkStreamOptions(body);
  checkTokenFields(body, body.logprobs != null, engine);
  const given = promptsOf(body.prompt);
  const addSpecialTokens = body.add_special_tokens ?? true;
  const prompts = given.map(p =>
    truncatedPrompt(body, promptTokens(engine, p, addSpecialTokens), engine, asMaxTokens(body.n_predict, body.max_tokens ?? undefined)),
  );
  const echoes = prompts.map((ids, i) => {
    if (!body.echo) return "";
    const text = given[i]!;
    return typeof text === "string" && body.truncate_prompt_tokens == null ? text : engine.model.tokenizer.decode(ids);
  });
  const n = body.n ?? 1;
  const candidates = candidatesOf(body, n);
  const likelihoods = body.logprobs ?? undefined;
  const maxTokens = maxTokensOf(body, engine, prompts);
  const numPrompt = prompts.reduce((sum, p) => sum + p.length, 0);
  checkOutcomes("prompt_logprobs", body.prompt_logprobs ?? 0, numPrompt);
  checkOutcomes("logprobs", likelihoods ?? 0, maxTokens * candidates * prompts.length + (body.echo ? numPrompt : 0));
  const requests = generationRequests({
    isContinuation: true,
    body,
    engine,
    prompts,
    maxTokens,
    answers: candidates,
    stop: [],
    likelihoods: likelihoods ?? (candidates > n ? 0 : undefined),
    ...asker,
  });
  const top = Math.max((body.echo && likelihoods) || 0, body.prompt_logprobs ?? 0);
  const isScored = (body.echo && likelihoods !== undefined) || body.prompt_logprobs != null;
  const scored = isScored ? await promptLikelihoods(engine, prompts, { top, ...asker }) : undefined;
  const generations = engine.submitAll(requests);
  const timings = answers?.requestMetrics ? new Timings(engine, generations, clock) : undefined;
  return { body, engine, prompts, echoes, scored, n, candidates, generations, timings };
}

/** vLLM's clients count an echoed answer from its end, and hold log-probabilities beside ids: the token that ended an answer is listed. */
const listsEnd = (body: Body): boolean => body.echo === true || body.return_token_ids === true;

/** Of the likelihoods of a prompt, so many of the most likely tokens of each place. */
const withTop = (scored: PromptLikelihoods, count: number): PromptLikelihoods => ({
  ...scored,
  rest: scored.rest.map(t => (t.likelihood ? { ...t, likelihood: { ...t.likelihood, top: t.likelihood.top.slice(0, count) } } : t)),
});

const metricsOf = ({ timings, generations }: CompletionRun, usage: Usage): Row =>
  timings ? { metrics: timings.metrics(generations[0]!, usage) } : {};

async function wholeCompletion(run: CompletionRun): Promise<Row> {
  const { body, engine, prompts, echoes, scored, n, candidates, timings } = run;
  const { tokenizer } = engine.model;
  const answers = await collectAll(run.generations).finally(() => timings?.close());
  const best = candidates > n ? likeliest(answers, candidates, n) : answers;
  const asIds = body.return_tokens_as_token_ids ?? false;
  return {
    choices: best.map((a, index) => {
      const at = Math.floor(index / n);
      const prompt = scored && body.echo && body.logprobs != null ? withTop(scored[at]!, body.logprobs) : undefined;
      const tokens = listsEnd(body) ? [...a.tokens, ...endTokens(a)] : a.tokens;
      return {
        text: echoes[at]! + a.text,
        index,
        logprobs: body.logprobs == null ? null : completionLogprobs(tokenizer, tokens, { asIds, prompt }),
        finish_reason: a.finishReason,
        stop_reason: stopReasonOf(a, engine),
        token_ids: body.return_token_ids ? answerTokenIds(a) : null,
        prompt_token_ids: body.return_token_ids ? prompts[at] : null,
        prompt_logprobs:
          body.prompt_logprobs == null || !scored ? null : promptLogprobs(tokenizer, withTop(scored[at]!, body.prompt_logprobs)),
      };
    }),
    usage: wireUsage(
      prompts,
      answers.map(a => a.usage),
    ),
    ...metricsOf(run, answers[0]!.usage),
  };
}

/** What of a stream's choice is only told where it is asked for. */
function choiceFields({ body, engine, prompts }: CompletionRun, event: GenerationEvent, prompt: number | undefined): Row {
  const ids = body.return_token_ids
    ? { token_ids: answerTokenIds(event), ...(prompt === undefined ? {} : { prompt_token_ids: prompts[prompt] }) }
    : {};
  const reason = event.kind === "end" ? stopReasonOf(event, engine) : null;
  return { ...ids, ...(reason === null ? {} : { stop_reason: reason }) };
}

/** Events of answers; who watches their engine stops with them. */
async function* closing<T>(events: AsyncIterable<T>, watch: { close(): void } | undefined): AsyncGenerator<T, void, undefined> {
  try {
    yield* events;
  } finally {
    watch?.close();
  }
}

async function* completionChunks(run: CompletionRun, head: Row): AsyncGenerator<Row, void, undefined> {
  const { body, engine, prompts, echoes, scored, n, generations } = run;
  const { tokenizer } = engine.model;
  const withUsage = body.stream_options?.include_usage === true;
  const isContinuous = withUsage && body.stream_options?.continuous_usage_stats === true;
  const asIds = body.return_tokens_as_token_ids ?? false;
  const offsets = generations.map(() => new TextOffsets(tokenizer, !(body.echo && scored)));
  const counts = generations.map(() => 0);
  const isStarted = generations.map(() => false);
  const usages: (Usage | undefined)[] = generations.map(() => undefined);
  for await (const { index, event } of closing(merged(generations), run.timings)) {
    const at = Math.floor(index / n);
    const isFirst = !isStarted[index];
    isStarted[index] = true;
    const prompt = isFirst && scored && body.echo ? scored[at] : undefined;
    const tokens = event.kind === "end" && listsEnd(body) ? [...event.tokens, ...endTokens(event)] : event.tokens;
    const logprobs = body.logprobs == null ? null : completionLogprobs(tokenizer, tokens, { offsets: offsets[index]!, asIds, prompt });
    counts[index]! += event.tokens.length;
    if (event.kind === "end") {
      usages[index] = event.usage;
      counts[index] = event.usage.completionTokens;
    }
    const finish_reason = event.kind === "end" ? event.finishReason : null;
    const text = (isFirst ? echoes[at]! : "") + event.text;
    const usage = isContinuous
      ? { usage: wireUsage([prompts[at]!], [{ promptTokens: prompts[at]!.length, completionTokens: counts[index]! }]) }
      : withUsage
        ? { usage: null }
        : {};
    yield {
      ...head,
      choices: [{ text, index, logprobs, finish_reason, ...choiceFields(run, event, isFirst ? at : undefined) }],
      ...usage,
    };
  }
  if (withUsage) yield { ...head, choices: [], usage: wireUsage(prompts, usages), ...(usages[0] ? metricsOf(run, usages[0]) : {}) };
}

export async function completions(c: AppContext, services: Services): Promise<Response> {
  const raw = withOnlyModel(await checkedBody(c, requestFields.completions), services.engines);
  const body = parseBody(completionsRequest, withAnswerDefaults(raw, services.answers));
  const engine: Engine = services.engines.find(body.model);
  c.var.exchange.engine = engine;
  const run = await startCompletion(withLogprobs(body, engine, services), engine, askerOf(c), services);
  const head = answerHead(newResponseId(c, "cmpl"), "text_completion", engine, body.model, services.created());
  return body.stream
    ? streamAnswer(c, services, run.generations, completionChunks(run, head))
    : c.json({ ...head, ...(await wholeCompletion(run)) });
}
