/** POST /v1/chat/completions: a conversation to the assistant's next turn. */
import type { z } from "zod";
import { chatRequest, type Row, requestFields } from "../../protocols/index.ts";
import type { Engine, Generation } from "../engine.ts";
import { serveErrors } from "../errors.ts";
import type { GeneratedToken, Usage } from "../generation.ts";
import { collectAll, merged, wireUsage } from "./answers.ts";
import { turnsOf } from "./chat-messages.ts";
import { type ChatRun, chatPrompt, finishReasonOf, startChat } from "./chat-run.ts";
import { ChatTokens } from "./chat-tokens.ts";
import type { AnswerLengths } from "./contract.ts";
import { type AppContext, answerHead, askerOf, bodyOf, newId, type Services, streamAnswer } from "./exchange.ts";
import { checkStreamOptions } from "./generation-requests.ts";
import { chatLogprobs } from "./logprobs.ts";
import { parseBody } from "./parse.ts";
import { checkFields } from "./request-fields.ts";
import { asMaxTokens, checkTokenFields, lengthOf } from "./token-fields.ts";
import { type AnswerPart, joined } from "./tools/answer-parser.ts";
import { toolUse } from "./tools/tool.ts";

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

/** A chat under way, in OpenAI's words: whole, or as the chunks of a stream. */
interface ChatCompletion {
  readonly isStream: boolean;
  readonly generations: readonly Generation[];
  whole(): Promise<Row>;
  chunks(): AsyncGenerator<Row, void, undefined>;
}

/** Starts a chat from a body of OpenAI's. Errors: those of its fields, of the engine and of its prompt. */
export function startCompletion(c: AppContext, services: Services, raw: Row): ChatCompletion {
  checkFields(c.var.exchange, requestFields.chat, raw);
  const body = parseBody(chatRequest, raw);
  checkStreamOptions(body);
  const likelihoods = likelihoodsOf(body);
  const engine: Engine = services.engines.find(body.model);
  c.var.exchange.engine = engine;
  checkTokenFields(body, body.logprobs === true, engine);
  const asker = askerOf(c);
  const run = startChat({
    engine,
    turns: turnsOf(body.messages),
    use: toolsOf(body),
    body,
    maxTokens: asMaxTokens(body.n_predict, body.max_completion_tokens ?? body.max_tokens ?? undefined),
    likelihoods,
    ...asker,
  });
  const { tokenizer } = engine.model;
  const id = newId("chatcmpl");
  const created = services.created();
  const head = (object: string) => answerHead(id, object, engine, body.model, created);
  const asIds = body.return_tokens_as_token_ids ?? false;
  const told = new ChatTokens({ body, engine, prompt: run.prompts[0]!, asker });
  const logprobsOf = (tokens: readonly GeneratedToken[]) => (likelihoods === undefined ? null : chatLogprobs(tokenizer, tokens, asIds));
  return {
    isStream: body.stream ?? false,
    generations: run.generations,
    whole: () => wholeChat(head("chat.completion"), run, logprobsOf, told),
    chunks: () => chatChunks(head("chat.completion.chunk"), run, logprobsOf, told, body.stream_options?.include_usage === true),
  };
}

/** The tokens of the prompt that a chat would be put to the model as. Errors as of `startCompletion`. */
export function chatPromptTokens(c: AppContext, services: Services, raw: Row): readonly number[] {
  const body = parseBody(chatRequest, raw);
  const engine = services.engines.find(body.model);
  c.var.exchange.engine = engine;
  return chatPrompt(engine, turnsOf(body.messages), toolsOf(body)).tokens;
}

type LogprobsOf = (tokens: readonly GeneratedToken[]) => ReturnType<typeof chatLogprobs> | null;

async function wholeChat(head: Row, { prompts, generations, parser }: ChatRun, logprobsOf: LogprobsOf, told: ChatTokens): Promise<Row> {
  const answers = await collectAll(generations);
  return {
    ...head,
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
        logprobs: logprobsOf(a.tokens),
        finish_reason: finishReasonOf(a.finishReason, hasCalls),
        ...told.choice(a),
      };
    }),
    ...(await told.whole()),
    usage: wireUsage(
      prompts,
      answers.map(a => a.usage),
    ),
  };
}

async function* chatChunks(
  head: Row,
  { prompts, generations, parser }: ChatRun,
  logprobsOf: LogprobsOf,
  told: ChatTokens,
  withUsage: boolean,
): AsyncGenerator<Row, void, undefined> {
  const { isContinuous } = told;
  const chunk = (index: number, delta: object, logprobs: object | null, finish_reason: string | null): Row => ({
    ...head,
    choices: [{ index, delta, logprobs, finish_reason, ...told.takeIds(index) }],
    ...(withUsage ? { usage: isContinuous ? told.usage(index) : null } : {}),
  });
  const isStarted = generations.map(() => false);
  const hasCalls = generations.map(() => false);
  const parsers = generations.map(parser);
  const usages: (Usage | undefined)[] = generations.map(() => undefined);
  for await (const { index, event } of merged(generations)) {
    if (!isStarted[index]) yield { ...chunk(index, { role: "assistant", content: "", refusal: null }, null, null), ...told.first };
    isStarted[index] = true;
    told.push(index, event);
    const logprobs = logprobsOf(event.tokens);
    const parse = parsers[index]!;
    const parts = [...parse.push(event.text), ...(event.kind === "end" ? parse.end() : [])];
    // likelihoods go out with their tokens, whatever becomes of the text
    if (parts.length === 0 && logprobs && logprobs.content.length > 0) yield chunk(index, { content: "" }, logprobs, null);
    if (parts.some(p => p.kind === "call")) hasCalls[index] = true;
    const reason = event.kind === "end" ? finishReasonOf(event.finishReason, hasCalls[index]!) : null;
    // where every chunk counts the tokens so far, no chunk comes without further ones
    const isMerged = isContinuous && parts.length > 0;
    for (const [i, part] of parts.entries()) {
      const isLast = isMerged && i === parts.length - 1;
      yield chunk(index, deltaOf(part), i === 0 ? logprobs : logprobs && { content: [], refusal: null }, isLast ? reason : null);
    }
    if (event.kind === "text") continue;
    usages[index] = event.usage;
    if (!isMerged) yield chunk(index, {}, null, reason);
  }
  if (withUsage) yield { ...head, choices: [], usage: wireUsage(prompts, usages) };
}

export async function chatCompletions(c: AppContext, services: Services): Promise<Response> {
  const chat = startCompletion(c, services, await bodyOf(c));
  return chat.isStream ? streamAnswer(c, services, chat.generations, chat.chunks()) : c.json(await chat.whole());
}
