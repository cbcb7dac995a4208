/** POST /v1/chat/completions: a conversation to the assistant's next turn. */
import { z } from "zod";
import type { Engine } from "../engine.ts";
import { serveErrors } from "../errors.ts";
import type { Usage } from "../generation.ts";
import { limits } from "../limits.ts";
import { collectAll, merged, wireUsage } from "./answers.ts";
import { chatMessages, turnsOf } from "./chat-messages.ts";
import { finishReasonOf, startChat } from "./chat-run.ts";
import { type AppContext, answerHead, askerOf, bodyOf, newId, type Services, streamAnswer } from "./exchange.ts";
import { chatLogprobs } from "./logprobs.ts";
import { parseBody, type Refusals, refuse } from "./parse.ts";
import { checkStreamOptions, samplingFields } from "./sampling-fields.ts";
import { type AnswerPart, joined } from "./tools/answer-parser.ts";
import { toolFields, toolUse } from "./tools/tool.ts";

const schema = z.object({
  ...samplingFields,
  ...toolFields,
  messages: chatMessages,
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(limits.topLogprobs).nullish(),
});
type Body = z.output<typeof schema>;

const isList = (v: unknown): boolean => Array.isArray(v) && v.length > 0;
const refusals: Refusals = {
  functions: { asks: isList, instead: "Use tools, which took their place." },
  function_call: { asks: v => v !== "none", instead: "Use tool_choice, which took its place." },
  modalities: { asks: v => isList(v) && (v as unknown[]).some(m => m !== "text"), instead: 'Only "text" is answered.' },
  audio: { asks: () => true, instead: "Only text is answered." },
  prediction: { asks: () => true, instead: "Leave it out: it changes speed only." },
  reasoning_effort: { asks: v => v !== "none", instead: "Leave it out: the served model does not reason apart from its answer." },
  web_search_options: { asks: () => true, instead: "Leave it out: this server searches nothing." },
};

/** The functions that the answer may call. Errors: serve/parameter. */
function toolsOf({ tools, tool_choice: choice, parallel_tool_calls }: Body) {
  const plain = (tools ?? []).map(({ function: f }) => ({
    name: f.name,
    description: f.description ?? undefined,
    parameters: f.parameters ?? undefined,
    strict: f.strict ?? undefined,
  }));
  return toolUse(
    plain,
    typeof choice === "object" && choice ? { name: choice.function.name } : (choice ?? undefined),
    parallel_tool_calls ?? true,
  );
}

function likelihoodsOf(body: Body): number | undefined {
  if (body.top_logprobs != null && !body.logprobs)
    throw serveErrors.fail("parameter", { place: "top_logprobs", expected: "logprobs: true beside it", received: "none" });
  return body.logprobs ? (body.top_logprobs ?? 0) : undefined;
}

const wireCall = (call: { readonly id: string; readonly name: string; readonly arguments: string }) => ({
  id: call.id,
  type: "function",
  function: { name: call.name, arguments: call.arguments },
});

/** A part as a delta: a call begins with its name and no arguments, which follow. */
function deltaOf(part: AnswerPart): object {
  if (part.kind === "text") return { content: part.text };
  const { index } = part;
  if (part.kind === "arguments") return { tool_calls: [{ index, function: { arguments: part.text } }] };
  return { tool_calls: [{ index, ...wireCall({ ...part, arguments: "" }) }] };
}

export async function chatCompletions(c: AppContext, services: Services): Promise<Response> {
  const raw = await bodyOf(c);
  const body = parseBody(schema, raw);
  refuse(refusals, raw);
  checkStreamOptions(body);
  const likelihoods = likelihoodsOf(body);
  const engine: Engine = services.engines.find(body.model);
  c.var.exchange.engine = engine;
  const { tokenizer } = engine.model;
  const { prompts, generations, parser } = startChat({
    engine,
    turns: turnsOf(body.messages),
    use: toolsOf(body),
    body,
    maxTokens: body.max_completion_tokens ?? body.max_tokens ?? undefined,
    likelihoods,
    ...askerOf(c),
  });
  const id = newId("chatcmpl");
  const created = services.created();

  if (!body.stream) {
    const answers = await collectAll(generations);
    return c.json({
      ...answerHead(id, "chat.completion", engine, body.model, created),
      choices: answers.map((a, index) => {
        const parse = parser();
        const { content, calls } = joined([...parse.push(a.text), ...parse.end()]);
        const hasCalls = calls.length > 0;
        return {
          index,
          message: {
            role: "assistant",
            content: hasCalls && content === "" ? null : content,
            refusal: null,
            ...(hasCalls ? { tool_calls: calls.map(wireCall) } : {}),
          },
          logprobs: likelihoods === undefined ? null : chatLogprobs(tokenizer, a.tokens),
          finish_reason: finishReasonOf(a.finishReason, hasCalls),
        };
      }),
      usage: wireUsage(
        prompts,
        answers.map(a => a.usage),
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
    const hasCalls = generations.map(() => false);
    const parsers = generations.map(parser);
    const usages: (Usage | undefined)[] = generations.map(() => undefined);
    for await (const { index, event } of merged(generations)) {
      if (!isStarted[index]) yield chunk(index, { role: "assistant", content: "", refusal: null }, null, null);
      isStarted[index] = true;
      const logprobs = likelihoods === undefined ? null : chatLogprobs(tokenizer, event.tokens);
      const parse = parsers[index]!;
      const parts = [...parse.push(event.text), ...(event.kind === "end" ? parse.end() : [])];
      // likelihoods go out with their tokens, whatever becomes of the text
      if (parts.length === 0 && logprobs && logprobs.content.length > 0) yield chunk(index, { content: "" }, logprobs, null);
      for (const [i, part] of parts.entries()) {
        if (part.kind === "call") hasCalls[index] = true;
        yield chunk(index, deltaOf(part), i === 0 ? logprobs : logprobs && { content: [], refusal: null }, null);
      }
      if (event.kind === "text") continue;
      usages[index] = event.usage;
      yield chunk(index, {}, null, finishReasonOf(event.finishReason, hasCalls[index]!));
    }
    if (withUsage) yield { ...head, choices: [], usage: wireUsage(prompts, usages) };
  }
  return streamAnswer(c, services, generations, chunks());
}
