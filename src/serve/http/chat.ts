/** POST /v1/chat/completions: a conversation to the assistant's next turn. */
import { z } from "zod";
import type { Engine } from "../engine.ts";
import { serveErrors } from "../errors.ts";
import { limits } from "../limits.ts";
import type { ChatTurn } from "../served-model.ts";
import { collectAll, merged, wireUsage } from "./answers.ts";
import { readJson } from "./body.ts";
import { type AppContext, answerHead, newId, type Services, streamAnswer } from "./exchange.ts";
import { chatLogprobs } from "./logprobs.ts";
import { parseBody, type Refusals, refuse } from "./parse.ts";
import { chatTokens, transcriptStops } from "./prompt.ts";
import { checkStreamOptions, generationRequests, samplingFields } from "./sampling-fields.ts";

const textPart = z.object({ type: z.literal("text"), text: z.string() });
const message = z.looseObject({
  role: z.enum(["system", "developer", "user", "assistant", "tool", "function"]),
  content: z.union([z.string(), z.array(textPart)], { error: "a text, or a list of parts of type text" }).nullish(),
});
const schema = z.object({
  ...samplingFields,
  messages: z.array(message).min(1).max(limits.messages),
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(limits.topLogprobs).nullish(),
});
type Body = z.output<typeof schema>;

const isList = (v: unknown): boolean => Array.isArray(v) && v.length > 0;
const refusals: Refusals = {
  tools: { asks: isList, instead: "Leave tools out: the served model calls none." },
  functions: { asks: isList, instead: "Leave functions out: the served model calls none." },
  response_format: {
    asks: v => (v as { type?: unknown }).type !== "text",
    instead: "Leave it out, and ask for the format in words.",
  },
  modalities: { asks: v => isList(v) && (v as unknown[]).some(m => m !== "text"), instead: 'Only "text" is answered.' },
  audio: { asks: () => true, instead: "Only text is answered." },
  prediction: { asks: () => true, instead: "Leave it out: it changes speed only." },
  reasoning_effort: { asks: v => v !== "none", instead: "Leave it out: the served model does not reason apart from its answer." },
  web_search_options: { asks: () => true, instead: "Leave it out: this server searches nothing." },
};

const textOf = (content: Body["messages"][number]["content"]): string =>
  typeof content === "string" ? content : (content ?? []).map(p => p.text).join("");

/** Developer messages are OpenAI's newer word for system messages; templates know the older. */
const turnsOf = (body: Body): ChatTurn[] =>
  body.messages.map(m => ({ ...m, role: m.role === "developer" ? "system" : m.role, content: textOf(m.content) }));

function likelihoodsOf(body: Body): number | undefined {
  if (body.top_logprobs != null && !body.logprobs)
    throw serveErrors.fail("parameter", { place: "top_logprobs", expected: "logprobs: true beside it", received: "none" });
  return body.logprobs ? (body.top_logprobs ?? 0) : undefined;
}

export async function chatCompletions(c: AppContext, services: Services): Promise<Response> {
  const raw = await readJson(c.req.raw);
  const body = parseBody(schema, raw);
  refuse(refusals, raw);
  checkStreamOptions(body);
  const likelihoods = likelihoodsOf(body);
  const engine: Engine = services.engines.find(body.model);
  c.var.exchange.engine = engine;
  const { tokenizer, chatTemplate } = engine.model;
  const prompts = [chatTokens(engine, turnsOf(body))];
  const generations = engine.submitAll(
    generationRequests({
      body,
      engine,
      prompts,
      maxTokens: body.max_completion_tokens ?? body.max_tokens ?? undefined,
      stop: chatTemplate ? [] : transcriptStops,
      likelihoods,
      requestId: c.var.exchange.requestId,
      signal: c.req.raw.signal,
    }),
  );
  const id = newId("chatcmpl");
  const created = services.created();

  if (!body.stream) {
    const answers = await collectAll(generations);
    return c.json({
      ...answerHead(id, "chat.completion", engine, body.model, created),
      choices: answers.map((a, index) => ({
        index,
        message: { role: "assistant", content: a.text, refusal: null },
        logprobs: likelihoods === undefined ? null : chatLogprobs(tokenizer, a.tokens),
        finish_reason: a.finishReason,
      })),
      usage: wireUsage(
        prompts,
        answers.reduce((sum, a) => sum + a.usage.completionTokens, 0),
      ),
    });
  }

  async function* chunks(): AsyncGenerator<unknown, void, undefined> {
    const head = answerHead(id, "chat.completion.chunk", engine, body.model, created);
    const withUsage = body.stream_options?.include_usage === true;
    const usage = withUsage ? { usage: null } : {};
    const chunk = (index: number, delta: object, logprobs: object | null, finish_reason: string | null) => ({
      ...head,
      choices: [{ index, delta, logprobs, finish_reason }],
      ...usage,
    });
    const isStarted = generations.map(() => false);
    let completionTokens = 0;
    for await (const { index, event } of merged(generations)) {
      if (!isStarted[index]) yield chunk(index, { role: "assistant", content: "", refusal: null }, null, null);
      isStarted[index] = true;
      const logprobs = likelihoods === undefined ? null : chatLogprobs(tokenizer, event.tokens);
      if (event.text !== "" || (logprobs && logprobs.content.length > 0)) yield chunk(index, { content: event.text }, logprobs, null);
      if (event.kind === "text") continue;
      completionTokens += event.usage.completionTokens;
      yield chunk(index, {}, null, event.finishReason);
    }
    if (withUsage) yield { ...head, choices: [], usage: wireUsage(prompts, completionTokens) };
  }
  return streamAnswer(c, services, generations, chunks());
}
