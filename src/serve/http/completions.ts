/** POST /v1/completions: text, or tokens, to text. */
import { z } from "zod";
import type { Engine } from "../engine.ts";
import { serveErrors } from "../errors.ts";
import { limits } from "../limits.ts";
import { collectAll, merged, wireUsage } from "./answers.ts";
import { readJson } from "./body.ts";
import { type AppContext, answerHead, newId, type Services, streamAnswer } from "./exchange.ts";
import { completionLogprobs } from "./logprobs.ts";
import { parseBody, type Refusals, refuse } from "./parse.ts";
import { promptTokens } from "./prompt.ts";
import { checkStreamOptions, generationRequests, samplingFields } from "./sampling-fields.ts";

const tokens = z.array(z.int().min(0)).min(1);
const schema = z.object({
  ...samplingFields,
  prompt: z
    .union([z.string(), z.array(z.string()).min(1), tokens, z.array(tokens).min(1)], {
      error: "a text, a list of texts, a list of token ids, or a list of such lists, none empty",
    })
    .nullish(),
  max_tokens: z.int().min(0).nullish(),
  echo: z.boolean().nullish(),
  logprobs: z.int().min(0).max(limits.completionLogprobs).nullish(),
});

const refusals: Refusals = {
  suffix: { asks: v => v !== "", instead: "Leave it out: the served model completes from the left only." },
  best_of: { asks: v => v !== 1, instead: "Use n." },
};

/** OpenAI's default for this endpoint. */
const defaultMaxTokens = 16;

type Prompt = string | readonly number[];
const promptsOf = (prompt: z.output<typeof schema>["prompt"]): readonly Prompt[] => {
  if (prompt === undefined || prompt === null) return [""];
  if (typeof prompt === "string") return [prompt];
  return typeof prompt[0] === "number" ? [prompt as number[]] : (prompt as Prompt[]);
};

export async function completions(c: AppContext, services: Services): Promise<Response> {
  const raw = await readJson(c.req.raw);
  const body = parseBody(schema, raw);
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
      stop: [],
      likelihoods,
      requestId: c.var.exchange.requestId,
      signal: c.req.raw.signal,
    }),
  );
  const head = answerHead(newId("cmpl"), "text_completion", engine, body.model, services.created());

  if (!body.stream) {
    const answers = await collectAll(generations);
    return c.json({
      ...head,
      choices: answers.map((a, index) => ({
        text: echoes[Math.floor(index / n)]! + a.text,
        index,
        logprobs: likelihoods === undefined ? null : completionLogprobs(tokenizer, a.tokens, 0),
        finish_reason: a.finishReason,
      })),
      usage: wireUsage(
        prompts,
        answers.reduce((sum, a) => sum + a.usage.completionTokens, 0),
      ),
    });
  }

  async function* chunks(): AsyncGenerator<unknown, void, undefined> {
    const withUsage = body.stream_options?.include_usage === true;
    const usage = withUsage ? { usage: null } : {};
    const offsets = generations.map(() => 0);
    const isStarted = generations.map(() => false);
    let completionTokens = 0;
    for await (const { index, event } of merged(generations)) {
      const echo = isStarted[index] ? "" : echoes[Math.floor(index / n)]!;
      isStarted[index] = true;
      const logprobs = likelihoods === undefined ? null : completionLogprobs(tokenizer, event.tokens, offsets[index]!);
      offsets[index]! += event.text.length;
      if (event.kind === "end") completionTokens += event.usage.completionTokens;
      const finish_reason = event.kind === "end" ? event.finishReason : null;
      yield { ...head, choices: [{ text: echo + event.text, index, logprobs, finish_reason }], ...usage };
    }
    if (withUsage) yield { ...head, choices: [], usage: wireUsage(prompts, completionTokens) };
  }
  return streamAnswer(c, services, generations, chunks());
}
