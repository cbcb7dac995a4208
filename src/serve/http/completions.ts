/** POST /v1/completions: text, or tokens, to text. */
import type { z } from "zod";
import { completionsRequest } from "../../protocols/index.ts";
import type { Engine } from "../engine.ts";
import { serveErrors } from "../errors.ts";
import type { Usage } from "../generation.ts";
import { collectAll, likeliest, merged, wireUsage } from "./answers.ts";
import type { AnswerLengths } from "./contract.ts";
import { type AppContext, answerHead, askerOf, bodyOf, newId, type Services, streamAnswer } from "./exchange.ts";
import { checkStreamOptions, generationRequests } from "./generation-requests.ts";
import { completionLogprobs } from "./logprobs.ts";
import { parseBody, type Refusals, refuse } from "./parse.ts";
import { promptTokens } from "./prompt.ts";

/** Of a body as it came. */
export const completionLengths: AnswerLengths = body => [body.max_tokens];

const refusals: Refusals = {
  suffix: { asks: v => v !== "", instead: "Leave it out: the served model completes from the left only." },
};

/** OpenAI's default for this endpoint. */
const defaultMaxTokens = 16;

type Prompt = string | readonly number[];
const promptsOf = (prompt: z.output<typeof completionsRequest>["prompt"]): readonly Prompt[] => {
  if (prompt === undefined || prompt === null) return [""];
  if (typeof prompt === "string") return [prompt];
  return typeof prompt[0] === "number" ? [prompt as number[]] : (prompt as Prompt[]);
};

/** Answers that are made for each prompt. Errors: serve/parameter where they are fewer than asked for, or are to be streamed. */
function candidatesOf({ best_of, stream, use_beam_search }: z.output<typeof completionsRequest>, n: number): number {
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

export async function completions(c: AppContext, services: Services): Promise<Response> {
  const raw = await bodyOf(c);
  const body = parseBody(completionsRequest, raw);
  refuse(refusals, raw);
  checkStreamOptions(body);
  const engine: Engine = services.engines.find(body.model);
  c.var.exchange.engine = engine;
  const likelihoods = body.logprobs ?? undefined;
  if (body.echo && likelihoods !== undefined)
    throw serveErrors.fail("unsupported", {
      place: "echo",
      message: "echo together with logprobs is not supported",
      hint: "Leave one of them out.",
    });

  const given = promptsOf(body.prompt);
  const prompts = given.map(p => promptTokens(engine, p));
  const { tokenizer } = engine.model;
  const n = body.n ?? 1;
  const candidates = candidatesOf(body, n);
  const echoes = prompts.map((ids, i) => {
    if (!body.echo) return "";
    const text = given[i]!;
    return typeof text === "string" ? text : tokenizer.decode(ids);
  });
  // the default is the server's choice and gives way to the context; a number of the client's own does not
  const longest = prompts.reduce((m, p) => Math.max(m, p.length), 0);
  const maxTokens = body.max_tokens ?? Math.max(1, Math.min(defaultMaxTokens, engine.room - longest));
  const generations = engine.submitAll(
    generationRequests({
      body,
      engine,
      prompts,
      maxTokens,
      answers: candidates,
      stop: [],
      likelihoods: likelihoods ?? (candidates > n ? 0 : undefined),
      ...askerOf(c),
    }),
  );
  const head = answerHead(newId("cmpl"), "text_completion", engine, body.model, services.created());

  if (!body.stream) {
    const answers = await collectAll(generations);
    const best = candidates > n ? likeliest(answers, candidates, n) : answers;
    return c.json({
      ...head,
      choices: best.map((a, index) => ({
        text: echoes[Math.floor(index / n)]! + a.text,
        index,
        logprobs: likelihoods === undefined ? null : completionLogprobs(tokenizer, a.tokens, 0),
        finish_reason: a.finishReason,
      })),
      usage: wireUsage(
        prompts,
        answers.map(a => a.usage),
      ),
    });
  }

  async function* chunks(): AsyncGenerator<unknown, void, undefined> {
    const withUsage = body.stream_options?.include_usage === true;
    const usage = withUsage ? { usage: null } : {};
    const offsets = generations.map(() => 0);
    const isStarted = generations.map(() => false);
    const usages: (Usage | undefined)[] = generations.map(() => undefined);
    for await (const { index, event } of merged(generations)) {
      const echo = isStarted[index] ? "" : echoes[Math.floor(index / n)]!;
      isStarted[index] = true;
      const logprobs = likelihoods === undefined ? null : completionLogprobs(tokenizer, event.tokens, offsets[index]!);
      offsets[index]! += event.text.length;
      if (event.kind === "end") usages[index] = event.usage;
      const finish_reason = event.kind === "end" ? event.finishReason : null;
      yield { ...head, choices: [{ text: echo + event.text, index, logprobs, finish_reason }], ...usage };
    }
    if (withUsage) yield { ...head, choices: [], usage: wireUsage(prompts, usages) };
  }
  return streamAnswer(c, services, generations, chunks());
}
