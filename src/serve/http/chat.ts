/** POST /v1/chat/completions: a conversation to the assistant's next turn. */
import type { z } from "zod";
import { chatRequest, type Row, requestFields } from "../../protocols/index.ts";
import type { Engine, Generation } from "../engine.ts";
import { serveErrors } from "../errors.ts";
import type { GeneratedToken, Usage } from "../generation.ts";
import type { ServedChatTurn } from "../served-model.ts";
import { withAnswerDefaults } from "./answer-defaults.ts";
import { collectAll, wireUsage } from "./answers.ts";
import { turnsOf } from "./chat-messages.ts";
import { type ChatRun, chatPrompt, finishReasonOf, startChat } from "./chat-run.ts";
import { ChatTokens } from "./chat-tokens.ts";
import { chatWish, unreadWishes } from "./chat-wish.ts";
import type { AnswerLengths } from "./contract.ts";
import { type AppContext, answerHead, askerOf, bodyOf, newResponseId, type Services, streamAnswer } from "./exchange.ts";
import { checkStreamOptions } from "./generation-requests.ts";
import { askedLogprobs } from "./logprob-bounds.ts";
import { chatLogprobs } from "./logprobs.ts";
import { withOnlyModel } from "./only-model.ts";
import { parseBody } from "./parse.ts";
import { checkFields, ignore } from "./request-fields.ts";
import { Telemetry } from "./telemetry.ts";
import { asMaxTokens, checkTokenFields, lengthOf } from "./token-fields.ts";
import { type AnswerPart, joined, wholeParts } from "./tools/answer-parser.ts";
import { allowedTools, toolUse } from "./tools/tool.ts";

/** Of a body as it came: the newer name counts before the older one. */
export const chatLengths: AnswerLengths = body => [lengthOf(body.n_predict, body.max_completion_tokens ?? body.max_tokens)];

type Body = z.output<typeof chatRequest>;

/** The functions that the answer may call. Errors: serve/parameter. */
function toolsOf({ tools, tool_choice: choice, parallel_tool_calls }: Body) {
  const plain = (tools ?? []).map(({ function: f }) => ({
    name: f.name,
    description: f.description ?? undefined,
    parameters: f.parameters ?? undefined,
    strict: f.strict ?? undefined,
  }));
  const isParallel = parallel_tool_calls ?? true;
  if (typeof choice !== "object" || !choice) return toolUse(plain, choice ?? undefined, isParallel);
  if (choice.type === "function") return toolUse(plain, { name: choice.function.name }, isParallel);
  const { mode, tools: allowed } = choice.allowed_tools;
  return toolUse(
    allowedTools(
      plain,
      allowed.map(t => t.function.name),
      "tool_choice.allowed_tools.tools",
    ),
    mode,
    isParallel,
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

/** What the model thought, under the name that most clients know and under vLLM's newer one. */
const reasoned = (text: string) => ({ reasoning: text, reasoning_content: text });

/** A part as a delta: a call begins with its name and no arguments, which follow. */
function deltaOf(part: AnswerPart): object {
  if (part.kind === "reasoning") return reasoned(part.text);
  if (part.kind === "text") return { content: part.text };
  const { index } = part;
  if (part.kind === "arguments") return { tool_calls: [{ index, function: { arguments: part.text } }] };
  return { tool_calls: [{ index, ...wireCall({ ...part, arguments: "" }) }] };
}

/** A chat under way, in OpenAI's words: whole, or as the chunks of a stream. */
interface ChatCompletion {
  readonly isStream: boolean;
  /** Of the prompt. */
  readonly inputTokens: number;
  readonly generations: readonly Generation[];
  whole(): Promise<Row>;
  chunks(): AsyncGenerator<Row, void, undefined>;
}

/** The names under which the client knows fields of a chat. */
type Renaming = (fields: readonly string[]) => readonly string[];

/** Starts a chat from a body of OpenAI's. `names`: of fields in another API's words. Errors: those of its fields, of the engine and of its prompt. */
export function startCompletion(c: AppContext, services: Services, raw: Row, names: Renaming = own => own): ChatCompletion {
  checkFields(c.var.exchange, requestFields.chat, raw);
  const given = parseBody(chatRequest, withOnlyModel(raw, services.engines));
  checkStreamOptions(given);
  const wanted = likelihoodsOf(given);
  const engine: Engine = services.engines.find(given.model);
  c.var.exchange.engine = engine;
  const likelihoods = askedLogprobs("top_logprobs", wanted, engine, services);
  const body = { ...given, prompt_logprobs: askedLogprobs("prompt_logprobs", given.prompt_logprobs, engine, services) };
  checkTokenFields(body, body.logprobs === true, engine);
  const asker = askerOf(c);
  const turns = turnsOf(body.messages);
  ignore(c.var.exchange, names(unreadWishes(engine, body)));
  const run = startChat({
    engine,
    turns,
    use: toolsOf(body),
    body,
    maxTokens: asMaxTokens(body.n_predict, body.max_completion_tokens ?? body.max_tokens ?? undefined),
    likelihoods,
    wish: chatWish(engine, turns, body, services),
    ...asker,
  });
  const { tokenizer } = engine.model;
  const id = newResponseId(c, "chatcmpl");
  const created = services.created();
  const head = (object: string) => answerHead(id, object, engine, body.model, created);
  const asIds = body.return_tokens_as_token_ids ?? false;
  const telling: Telling = {
    logprobsOf: (tokens, isStart) => (likelihoods === undefined ? null : chatLogprobs(tokenizer, tokens, { asIds, isStart })),
    isTold: part => part.kind !== "reasoning" || body.include_reasoning !== false,
    told: new ChatTokens({ body, engine, prompt: run.prompts[0]!, asker }),
    echo: body.echo ? echoOf(turns) : "",
    telemetry: new Telemetry(engine, run.generations, services.clock, { ...body, tellsMetrics: services.answers?.requestMetrics }),
    verbose: body.verbose ? { __verbose: { prompt: tokenizer.decode(run.prompts[0]!) } } : {},
  };
  return {
    isStream: body.stream ?? false,
    inputTokens: run.prompts[0]!.length,
    generations: run.generations,
    whole: () => wholeChat(head("chat.completion"), run, telling),
    chunks: () => chatChunks(head("chat.completion.chunk"), run, telling, body.stream_options?.include_usage === true),
  };
}

/** The tokens of the prompt that a chat would be put to the model as. Errors as of `startCompletion`. */
export function chatPromptTokens(c: AppContext, services: Services, raw: Row): readonly number[] {
  const body = parseBody(chatRequest, withOnlyModel(raw, services.engines));
  const engine = services.engines.find(body.model);
  c.var.exchange.engine = engine;
  const turns = turnsOf(body.messages);
  return chatPrompt(engine, turns, toolsOf(body), chatWish(engine, turns, body, services)).tokens;
}

/** POST /v1/chat/completions/input_tokens, which is llama.cpp's. Errors as of `startCompletion`. */
export async function chatInputTokens(c: AppContext, services: Services): Promise<Response> {
  const body = await bodyOf(c);
  checkFields(c.var.exchange, requestFields.chat, body);
  return c.json({ object: "response.input_tokens", input_tokens: chatPromptTokens(c, services, body).length });
}

/** What of an answer is told, and how. */
interface Telling {
  /** `isStart`: they are the first of an answer. */
  logprobsOf(tokens: readonly GeneratedToken[], isStart: boolean): ReturnType<typeof chatLogprobs> | null;
  isTold(part: AnswerPart): boolean;
  readonly told: ChatTokens;
  /** Stands before the answer. */
  readonly echo: string;
  readonly telemetry: Telemetry;
  /** llama.cpp's: what the template made of the messages. */
  readonly verbose: object;
}

/** vLLM's `echo`: the last message, where it is the assistant's own. */
const echoOf = (turns: readonly ServedChatTurn[]): string => {
  const last = turns.at(-1);
  return last?.role === "assistant" ? last.content : "";
};

async function wholeChat(head: Row, { prompts, generations, parser }: ChatRun, telling: Telling): Promise<Row> {
  const { logprobsOf, isTold, told, echo, telemetry, verbose } = telling;
  const answers = await collectAll(generations).finally(() => telemetry.close());
  let reasoningTokens = 0;
  return {
    ...head,
    choices: answers.map((a, index) => {
      const parse = parser();
      const { content, reasoning, calls } = joined(wholeParts(parse, a.text, a.tokens, a.finishReason !== "stop").filter(isTold));
      reasoningTokens += parse.reasoningTokens ?? 0;
      const hasCalls = calls.length > 0;
      return {
        index,
        message: {
          role: "assistant",
          content: hasCalls && echo + content === "" ? null : echo + content,
          refusal: null,
          ...(reasoning === "" ? {} : reasoned(reasoning)),
          ...(hasCalls ? { tool_calls: calls.map(wireCall) } : {}),
        },
        logprobs: logprobsOf(a.tokens, true),
        finish_reason: finishReasonOf(a.finishReason, hasCalls),
        ...told.choice(a),
      };
    }),
    ...(await told.whole()),
    usage: wireUsage(
      prompts,
      answers.map(a => a.usage),
      reasoningTokens,
    ),
    ...telemetry.timings(0, answers[0]!.usage),
    ...telemetry.metrics(answers[0]!.usage),
    ...verbose,
  };
}

async function* chatChunks(
  head: Row,
  { prompts, generations, parser }: ChatRun,
  telling: Telling,
  withUsage: boolean,
): AsyncGenerator<Row, void, undefined> {
  const { logprobsOf, isTold, told, echo, telemetry, verbose } = telling;
  const { isContinuous } = told;
  const chunk = (index: number, delta: object, logprobs: object | null, finish_reason: string | null, more: object = {}): Row => ({
    ...head,
    choices: [{ index, delta, logprobs, finish_reason, ...more, ...told.takeIds(index) }],
    ...(withUsage ? { usage: isContinuous ? told.usage(index) : null } : {}),
  });
  const isStarted = generations.map(() => false);
  const hasCalls = generations.map(() => false);
  const hasTokens = generations.map(() => false);
  const parsers = generations.map(parser);
  const usages: (Usage | undefined)[] = generations.map(() => undefined);
  for await (const one of telemetry.events()) {
    const { index } = one;
    if (!isStarted[index]) yield { ...chunk(index, { role: "assistant", content: echo, refusal: null }, null, null), ...told.first };
    isStarted[index] = true;
    if ("progress" in one) {
      yield { ...chunk(index, {}, null, null), ...one.progress };
      continue;
    }
    const { event } = one;
    const isStart = !hasTokens[index];
    hasTokens[index] ||= event.tokens.length > 0;
    told.push(index, event);
    const timings = telemetry.timings(index, event.kind === "end" ? event.usage : told.soFar(index));
    const logprobs = logprobsOf(event.tokens, isStart);
    const parse = parsers[index]!;
    const parts = [
      ...parse.push(event.text, event.tokens),
      ...(event.kind === "end" ? parse.end(event.finishReason !== "stop") : []),
    ].filter(isTold);
    // likelihoods go out with their tokens, whatever becomes of the text
    if (parts.length === 0 && logprobs && logprobs.content.length > 0) yield chunk(index, { content: "" }, logprobs, null);
    if (parts.some(p => p.kind === "call")) hasCalls[index] = true;
    const reason = event.kind === "end" ? finishReasonOf(event.finishReason, hasCalls[index]!) : null;
    // where every chunk counts the tokens so far, no chunk comes without further ones
    const isMerged = isContinuous && parts.length > 0;
    for (const [i, part] of parts.entries()) {
      const isLast = isMerged && i === parts.length - 1;
      const shown = i === 0 ? logprobs : logprobs && { content: [], refusal: null };
      const ended = isLast && event.kind === "end" ? told.ended(event) : {};
      yield { ...chunk(index, deltaOf(part), shown, isLast ? reason : null, ended), ...timings };
    }
    if (event.kind === "text") continue;
    usages[index] = event.usage;
    if (!isMerged) yield { ...chunk(index, {}, null, reason, told.ended(event)), ...timings, ...verbose };
  }
  const reasoningTokens = parsers.reduce((n, p) => n + (p.reasoningTokens ?? 0), 0);
  if (withUsage)
    yield {
      ...head,
      choices: [],
      usage: wireUsage(prompts, usages, reasoningTokens),
      ...(usages[0] ? { ...telemetry.timings(0, usages[0]), ...telemetry.metrics(usages[0]) } : {}),
    };
}

export async function chatCompletions(c: AppContext, services: Services): Promise<Response> {
  const chat = startCompletion(c, services, withAnswerDefaults(await bodyOf(c), services.answers));
  return chat.isStream ? streamAnswer(c, services, chat.generations, chat.chunks()) : c.json(await chat.whole());
}
