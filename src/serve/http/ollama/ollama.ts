/**
 * Ollama's API, so that programs made for it connect: generate, chat, embed, and the lists that they read first. Streams of JSON lines; streaming
 * is the default. How long models stay in memory (`keep_alive`) is read for every contract; an empty request with `keep_alive: 0` is an unload.
 */
import type { z } from "zod";
import { defined } from "../../../base/index.ts";
import { errorBodies, type OllamaThink, ollamaChatRequest, ollamaGenerateRequest, requestFields, rowOr } from "../../../protocols/index.ts";
import type { Engine } from "../../engine.ts";
import { serveErrors } from "../../errors.ts";
import { keepAliveMs } from "../../lifecycle/keep-alive.ts";
import type { ServedChatTurn } from "../../served-model.ts";
import { continueTexts } from "../ask-text.ts";
import { type ChatRun, type ChatWish, startChat } from "../chat-run.ts";
import { type AnswerLengths, answering, type Contract, describing, get, post } from "../contract.ts";
import { type AppContext, askerOf, type Services } from "../exchange.ts";
import { fillFormatOf, fillTokens } from "../fill-in-middle.ts";
import { generationRequests } from "../generation-requests.ts";
import { nextTurnTokens } from "../next-turn.ts";
import { parseBody } from "../parse.ts";
import { transcriptStops } from "../prompt.ts";
import { isReasoningOpen, type ReasoningMarks, reasoningMarks } from "../reasoning/marks.ts";
import { ReasoningAnswer } from "../reasoning/reasoning-answer.ts";
import { reasoningVariables } from "../reasoning/variables.ts";
import { checkedBody } from "../request-fields.ts";
import { plainAnswer } from "../tools/answer-parser.ts";
import { toolUse } from "../tools/tool.ts";
import { createdAt, messageShape, ollamaAnswer, responseShape, saysNothing } from "./answer.ts";
import { ollamaEmbed, ollamaEmbeddings } from "./embed.ts";
import { ollamaSampling } from "./fields.ts";
import { ollamaChanges, ollamaUnload } from "./manage.ts";
import { ollamaProcesses, ollamaShow, ollamaTags } from "./models.ts";
import { findOllama } from "./names.ts";

function decoderOf(c: AppContext, { engines }: Services, name: string): Engine {
  const engine = findOllama(engines, name);
  c.var.exchange.engine = engine;
  if ("room" in engine) return engine;
  throw serveErrors.fail("unsupported", {
    place: "model",
    message: `"${name.slice(0, 100)}" embeds texts and does not generate`,
    hint: "Use /api/embed.",
  });
}

/** What a request without a prompt asks for: that its model is loaded, or with `keep_alive: 0` that it leaves memory. */
function withoutPrompt(
  c: AppContext,
  services: Services,
  { model, keep_alive }: { readonly model: string; readonly keep_alive?: string | number | null | undefined },
  empty: object,
): Response | Promise<Response> {
  if (keep_alive != null && keepAliveMs(keep_alive) === 0) return ollamaUnload(c, services, model, empty);
  decoderOf(c, services, model);
  return c.json({ model, created_at: createdAt(services), ...empty, done: true, done_reason: "load" });
}

type GenerateBody = z.output<typeof ollamaGenerateRequest>;

/** What Ollama refuses beside `raw`, and what no prompt has together. Errors: serve/parameter. */
function checkTogether({ raw, system, context, suffix }: GenerateBody): void {
  const given = Object.entries({ system, context: context?.length ? context : undefined, suffix }).filter(([, v]) => v);
  const [first] = given;
  if (raw && first)
    throw serveErrors.fail("parameter", {
      place: first[0],
      expected: "nothing beside raw, which takes the prompt as it is",
      received: "a value",
    });
  if (suffix && context?.length)
    throw serveErrors.fail("parameter", {
      place: "context",
      expected: "nothing beside suffix, which fills a gap of one text",
      received: "a value",
    });
}

/** Tokens whose continuation fills the gap before `suffix`. Errors: serve/unsupported where the model has no tokens for a gap. */
function gapOf(engine: Engine, prompt: string, suffix: string) {
  const format = fillFormatOf(engine.model.tokenizer);
  if (!format)
    throw serveErrors.fail("unsupported", {
      place: "suffix",
      message: `"${engine.model.id}" does not support insert: its tokenizer has no fill-in-the-middle tokens`,
      hint: "Leave suffix out, or serve a model that was trained to fill gaps.",
    });
  return { tokens: fillTokens(engine, format, prompt, suffix), stopTokens: format.stopTokens };
}

interface TokenPrompt {
  readonly tokens: readonly number[];
  readonly stopTokens?: readonly number[];
  /** Of the reasoning that stands before the answer. */
  readonly marks?: ReasoningMarks | undefined;
}

/** The prompt is tokens: a gap, or a conversation that goes on. */
function continueTokens(
  c: AppContext,
  engine: Engine,
  { tokens, stopTokens = [], marks }: TokenPrompt,
  { fields, maxTokens, likelihoods }: Asked,
): ChatRun {
  const isOpen = marks !== undefined && isReasoningOpen(engine.model, marks, tokens);
  const isMarked = marks !== undefined && engine.model.tokenizer.specials.has(marks.close);
  const requests = generationRequests({
    body: { ...fields, model: engine.model.id, stop_token_ids: [...stopTokens] },
    engine,
    prompts: [tokens],
    maxTokens,
    stop: engine.model.chatTemplate ? [] : transcriptStops,
    likelihoods,
    ...askerOf(c),
  });
  return {
    prompts: [tokens],
    generations: engine.submitAll(requests.map(r => (isMarked ? { ...r, skipSpecialTokens: false } : r))),
    parser: () => (marks ? new ReasoningAnswer({ marks, isOpen, inner: plainAnswer }) : plainAnswer),
  };
}

/** How a template is told what `think` says. Errors: serve/unsupported where the model does not think apart from its answer. */
function thinkingOf(engine: Engine, name: string, think: OllamaThink): ChatWish {
  if (think == null || think === "") return {};
  const source = engine.model.chatTemplate?.source ?? "";
  if (think !== false && !reasoningMarks(engine.model) && !source.includes("reasoning_effort"))
    throw serveErrors.fail("unsupported", {
      place: "think",
      message: `"${name.slice(0, 100)}" does not support thinking`,
      hint: "Leave think out, or ask a model whose capabilities in /api/show have it.",
    });
  const effort = typeof think === "string" ? think : undefined;
  return { variables: reasoningVariables(source, { ...defined({ effort }), isEnabled: think !== false }) };
}

type Asked = ReturnType<typeof ollamaSampling> & { readonly likelihoods: number | undefined };
const askedOf = (body: Pick<GenerateBody, "options" | "format" | "logprobs" | "top_logprobs">): Asked => ({
  ...ollamaSampling(body.options, body.format),
  likelihoods: body.logprobs ? (body.top_logprobs ?? 0) : undefined,
});

function generation(c: AppContext, engine: Engine, body: GenerateBody): ChatRun {
  const { prompt, suffix, system, context, raw } = body;
  const asked = askedOf(body);
  const { fields, maxTokens, likelihoods } = asked;
  const asker = askerOf(c);
  if (raw) {
    const run = continueTexts({ engine, texts: [prompt!], options: fields, maxTokens: maxTokens ?? engine.room, likelihoods, ...asker });
    return { ...run, parser: () => plainAnswer };
  }
  if (suffix) return continueTokens(c, engine, gapOf(engine, prompt ?? "", suffix), asked);
  const turns: ServedChatTurn[] = [...(system ? [{ role: "system", content: system }] : []), { role: "user", content: prompt! }];
  const wish = thinkingOf(engine, body.model, body.think);
  if (context?.length) {
    const tokens = [...context, ...nextTurnTokens(engine, turns, wish.variables)];
    return continueTokens(c, engine, { tokens, marks: reasoningMarks(engine.model) }, asked);
  }
  return startChat({ engine, turns, use: undefined, body: { ...fields, model: body.model }, maxTokens, likelihoods, wish, ...asker });
}

async function generate(c: AppContext, services: Services): Promise<Response> {
  const body = parseBody(ollamaGenerateRequest, await checkedBody(c, requestFields.ollamaGenerate));
  if (!body.prompt && !body.suffix) return withoutPrompt(c, services, body, responseShape(saysNothing));
  checkTogether(body);
  const engine = decoderOf(c, services, body.model);
  return ollamaAnswer(c, services, {
    engine,
    name: body.model,
    isStream: body.stream ?? true,
    run: generation(c, engine, body),
    shape: responseShape,
    hasLogprobs: body.logprobs === true,
    hasThinking: body.think !== false,
    hasContext: !body.raw && !body.suffix,
  });
}

/** A turn of the assistant's that says something and calls nothing. */
const isOpenTurn = (turn: ServedChatTurn | undefined): boolean =>
  turn?.role === "assistant" && turn.content !== "" && turn.tool_calls === undefined;

async function chat(c: AppContext, services: Services): Promise<Response> {
  const body = parseBody(ollamaChatRequest, await checkedBody(c, requestFields.ollamaChat));
  const messages = body.messages ?? [];
  if (messages.length === 0) return withoutPrompt(c, services, body, messageShape(saysNothing));
  const engine = decoderOf(c, services, body.model);
  const { fields, maxTokens, likelihoods } = askedOf(body);
  const tools = (body.tools ?? []).map(({ function: f }) => ({
    name: f.name,
    description: f.description ?? undefined,
    parameters: f.parameters ?? undefined,
  }));
  const turns = messages.map(({ role, content, thinking, tool_calls, tool_name }) => ({
    role,
    content: content ?? "",
    ...(thinking ? { reasoning_content: thinking } : {}),
    ...(tool_calls?.length ? { tool_calls: tool_calls.map(t => ({ type: "function", function: t.function })) } : {}),
    ...(tool_name ? { name: tool_name } : {}),
  }));
  const run = startChat({
    engine,
    turns,
    use: toolUse(tools, undefined, true),
    body: { ...fields, model: body.model },
    maxTokens,
    likelihoods,
    // a last message of the assistant's goes on
    wish: { ...thinkingOf(engine, body.model, body.think), isContinued: isOpenTurn(turns.at(-1)) },
    ...askerOf(c),
  });
  return ollamaAnswer(c, services, {
    engine,
    name: body.model,
    isStream: body.stream ?? true,
    run,
    shape: messageShape,
    hasLogprobs: body.logprobs === true,
    hasThinking: body.think !== false,
    hasContext: false,
  });
}

/** Of a body as it came. */
const optionLengths: AnswerLengths = ({ options }) => [rowOr(options).num_predict];

export const ollama: Contract = {
  name: "ollama",
  endpoint: "models",
  takesUndeclared: true,
  routes: [
    answering("completions", post("/api/generate", generate, "text_completion"), optionLengths),
    answering("chat", post("/api/chat", chat, "chat"), optionLengths),
    answering("embeddings", post("/api/embed", ollamaEmbed, "embeddings")),
    answering("embeddings", post("/api/embeddings", ollamaEmbeddings, "embeddings")),
    get("/api/tags", ollamaTags),
    get("/api/ps", ollamaProcesses),
    describing("models", post("/api/show", ollamaShow)),
    get("/api/version", (c, { version }) => c.json({ version })),
    ...ollamaChanges,
  ],
  errors: errorBodies.ollama,
};
