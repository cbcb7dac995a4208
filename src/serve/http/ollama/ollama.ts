/**
 * Ollama's API, so that programs made for it connect: generate, chat, embed, and the lists that they read first. Streams of JSON lines; streaming
 * is the default. Models are not pulled, created or removed here; how long they rest in memory (`keep_alive`) is read for every contract.
 */
import { z } from "zod";
import {
  errorBodies,
  jsonLines,
  ollamaChatRequest,
  ollamaEmbedRequest,
  ollamaGenerateRequest,
  requestFields,
  rowOr,
} from "../../../protocols/index.ts";
import type { Engine } from "../../engine.ts";
import { parentOf } from "../../engines.ts";
import { serveErrors } from "../../errors.ts";
import type { ServedChatTurn } from "../../served-model.ts";
import { collectAll, merged } from "../answers.ts";
import { continueTexts } from "../ask-text.ts";
import { type ChatRun, startChat } from "../chat-run.ts";
import { type AnswerLengths, answering, type Contract, describing, get, post } from "../contract.ts";
import { embedTexts } from "../embed-texts.ts";
import { type AppContext, askerOf, bodyOf, type Services, streamAnswer } from "../exchange.ts";
import { parseBody } from "../parse.ts";
import { checkedBody } from "../request-fields.ts";
import type { AnyEngine } from "../tensorflow/versions.ts";
import { type AnswerParser, type AnswerPart, joined, plainAnswer } from "../tools/answer-parser.ts";
import { formatOf } from "../tools/format.ts";
import { toolUse } from "../tools/tool.ts";
import { ollamaSampling } from "./fields.ts";
import { findOllama, ollamaName } from "./names.ts";

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

/** How what is said goes out: a chat's message or a plain response. */
interface Shape {
  piece(text: string): object;
  calls?(calls: readonly object[]): object;
  /** In the last line. */
  readonly empty: object;
}

/** A finished call as Ollama writes it. What has no object of arguments is said as text. */
function callOf(parts: readonly AnswerPart[]): object | string {
  const [call] = joined(parts.map(p => (p.kind === "text" ? p : { ...p, index: 0 }))).calls;
  try {
    const value: unknown = JSON.parse(call!.arguments);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { function: { name: call!.name, arguments: value } };
  } catch {
    // cut off, or no JSON
  }
  return `{"name": ${JSON.stringify(call!.name)}, "arguments": ${call!.arguments}}`;
}

/** Parts as they come, with calls held until they are whole. */
class WholeCalls {
  readonly #parser: AnswerParser;
  #open: AnswerPart[] = [];

  constructor(parser: AnswerParser) {
    this.#parser = parser;
  }

  push(text: string, isEnd: boolean): (object | string)[] {
    const said: (object | string)[] = [];
    const close = () => {
      if (this.#open.length > 0) said.push(callOf(this.#open));
      this.#open = [];
    };
    for (const part of [...this.#parser.push(text), ...(isEnd ? this.#parser.end() : [])]) {
      if (part.kind === "text") {
        close();
        said.push(part.text);
      } else {
        if (part.kind === "call") close();
        this.#open.push(part);
      }
    }
    if (isEnd) close();
    return said;
  }
}

async function answer(
  c: AppContext,
  services: Services,
  name: string,
  isStream: boolean,
  { prompts, generations, parser }: ChatRun,
  shape: Shape,
): Promise<Response> {
  const { clock } = services;
  const startMs = clock.monotonic();
  let firstMs: number | undefined;
  const head = () => ({ model: name, created_at: new Date(clock.now()).toISOString() });
  const nanoseconds = (ms: number) => Math.round(ms * 1e6);
  const promptTokens = prompts.reduce((n, p) => n + p.length, 0);
  const last = (reason: string, count: number) => {
    const nowMs = clock.monotonic();
    return {
      done: true,
      done_reason: reason,
      total_duration: nanoseconds(nowMs - startMs),
      load_duration: 0,
      prompt_eval_count: promptTokens,
      prompt_eval_duration: nanoseconds((firstMs ?? nowMs) - startMs),
      eval_count: count,
      eval_duration: nanoseconds(nowMs - (firstMs ?? nowMs)),
    };
  };
  const calls = new WholeCalls(parser());
  const pieceOf = (said: object | string) => (typeof said === "string" ? shape.piece(said) : (shape.calls?.([said]) ?? shape.empty));

  if (!isStream) {
    const [whole] = await collectAll(generations);
    firstMs = clock.monotonic();
    const said = calls.push(whole!.text, true);
    const text = said.filter(s => typeof s === "string").join("");
    const made = said.filter(s => typeof s === "object");
    const message = made.length > 0 && shape.calls ? shape.calls(made) : shape.piece(text);
    return c.json({ ...head(), ...withText(message, text), ...last(whole!.finishReason, whole!.usage.completionTokens) });
  }
  async function* lines(): AsyncGenerator<unknown, void, undefined> {
    for await (const { event } of merged(generations)) {
      firstMs ??= clock.monotonic();
      for (const said of calls.push(event.text, event.kind === "end")) yield { ...head(), ...pieceOf(said), done: false };
      if (event.kind === "end") yield { ...head(), ...shape.empty, ...last(event.finishReason, event.usage.completionTokens) };
    }
  }
  return streamAnswer(c, services, generations, lines(), jsonLines(errorBodies.ollama));
}

/** A chat's message with calls keeps what was said beside them. */
const withText = (message: object, text: string): object =>
  "message" in message ? { message: { ...(message as { message: object }).message, content: text } } : message;

const responseShape: Shape = { piece: response => ({ response }), empty: { response: "" } };
const messageShape: Shape = {
  piece: content => ({ message: { role: "assistant", content } }),
  calls: tool_calls => ({ message: { role: "assistant", content: "", tool_calls } }),
  empty: { message: { role: "assistant", content: "" } },
};

async function generate(c: AppContext, services: Services): Promise<Response> {
  const body = parseBody(ollamaGenerateRequest, await checkedBody(c, requestFields.ollamaGenerate));
  const engine = decoderOf(c, services, body.model);
  const created_at = new Date(services.clock.now()).toISOString();
  // asks for the model to be loaded, which it is
  if (!body.prompt) return c.json({ model: body.model, created_at, response: "", done: true, done_reason: "load" });
  const { fields, maxTokens } = ollamaSampling(body.options, body.format);
  const asker = askerOf(c);
  const turns: ServedChatTurn[] = [
    ...(body.system ? [{ role: "system", content: body.system }] : []),
    { role: "user", content: body.prompt },
  ];
  const run: ChatRun = body.raw
    ? {
        ...continueTexts({ engine, texts: [body.prompt], options: fields, maxTokens: maxTokens ?? engine.room, ...asker }),
        parser: () => plainAnswer,
      }
    : startChat({ engine, turns, use: undefined, body: { ...fields, model: body.model }, maxTokens, ...asker });
  return answer(c, services, body.model, body.stream ?? true, run, responseShape);
}

async function chat(c: AppContext, services: Services): Promise<Response> {
  const body = parseBody(ollamaChatRequest, await checkedBody(c, requestFields.ollamaChat));
  const engine = decoderOf(c, services, body.model);
  if (body.messages.length === 0)
    return c.json({
      model: body.model,
      created_at: new Date(services.clock.now()).toISOString(),
      ...messageShape.empty,
      done: true,
      done_reason: "load",
    });
  const { fields, maxTokens } = ollamaSampling(body.options, body.format);
  const tools = (body.tools ?? []).map(({ function: f }) => ({
    name: f.name,
    description: f.description ?? undefined,
    parameters: f.parameters ?? undefined,
  }));
  const turns = body.messages.map(({ role, content, tool_calls, tool_name }) => ({
    role,
    content: content ?? "",
    ...(tool_calls?.length ? { tool_calls: tool_calls.map(t => ({ type: "function", function: t.function })) } : {}),
    ...(tool_name ? { name: tool_name } : {}),
  }));
  const run = startChat({
    engine,
    turns,
    use: toolUse(tools, undefined, true),
    body: { ...fields, model: body.model },
    maxTokens,
    ...askerOf(c),
  });
  return answer(c, services, body.model, body.stream ?? true, run, messageShape);
}

function encoderOf(c: AppContext, { engines }: Services, name: string) {
  const engine = engines.findEncoder(findOllama(engines, name).model.id);
  c.var.exchange.engine = engine;
  return engine;
}

async function embed(c: AppContext, services: Services): Promise<Response> {
  const body = parseBody(ollamaEmbedRequest, await checkedBody(c, requestFields.ollamaEmbed));
  const startMs = services.clock.monotonic();
  const { vectors, tokens } = await embedTexts({
    engine: encoderOf(c, services, body.model),
    inputs: typeof body.input === "string" ? [body.input] : body.input,
    truncate: body.truncate ?? true,
    signal: c.req.raw.signal,
    dimensions: body.dimensions ?? undefined,
  });
  c.var.exchange.inputTokens = tokens;
  return c.json({
    model: body.model,
    embeddings: vectors.map(v => Array.from(v)),
    total_duration: Math.round((services.clock.monotonic() - startMs) * 1e6),
    load_duration: 0,
    prompt_eval_count: tokens,
  });
}

/** The older form of `embed`. */
async function embedOne(c: AppContext, services: Services): Promise<Response> {
  const body = parseBody(z.object({ model: z.string(), prompt: z.string() }), await checkedBody(c, requestFields.ollamaEmbeddings));
  const engine = encoderOf(c, services, body.model);
  const { vectors } = await embedTexts({ engine, inputs: [body.prompt], truncate: true, signal: c.req.raw.signal });
  return c.json({ embedding: Array.from(vectors[0]!) });
}

const shortCount = (n: number): string =>
  n >= 1e9 ? `${(n / 1e9).toFixed(1)}B` : n >= 1e6 ? `${(n / 1e6).toFixed(1)}M` : `${(n / 1e3).toFixed(1)}K`;
const detailsOf = (engine: AnyEngine) => ({
  parent_model: parentOf(engine) ?? "",
  format: "loam",
  family: engine.model.family,
  families: [engine.model.family],
  parameter_size: shortCount(engine.numParameters),
  quantization_level: "F32",
});
const entryOf = (engine: AnyEngine, started: number) => ({
  name: ollamaName(engine),
  model: ollamaName(engine),
  modified_at: new Date(engine.model.createdAt ?? started * 1000).toISOString(),
  size: engine.numParameters * 4,
  digest: engine.model.fingerprint,
  details: detailsOf(engine),
});
const all = ({ engines }: Services): readonly AnyEngine[] => engines.everything();

const tags = (c: AppContext, services: Services): Response => c.json({ models: all(services).map(e => entryOf(e, services.started)) });

/** Every served model is loaded, and stays. */
const running = (c: AppContext, services: Services): Response =>
  c.json({ models: all(services).map(e => ({ ...entryOf(e, services.started), expires_at: "9999-12-31T23:59:59Z", size_vram: 0 })) });

async function show(c: AppContext, { engines, started }: Services): Promise<Response> {
  const body = parseBody(z.object({ model: z.string() }), await bodyOf(c));
  const engine = findOllama(engines, body.model);
  const { family, config } = engine.model;
  const template = "room" in engine ? (engine.model.chatTemplate?.source ?? "") : "";
  const capabilities = "room" in engine ? ["completion", ...(formatOf(template) ? ["tools"] : [])] : ["embedding"];
  return c.json({
    modelfile: "",
    parameters: "",
    template,
    details: detailsOf(engine),
    model_info: {
      "general.architecture": family,
      "general.parameter_count": engine.numParameters,
      [`${family}.context_length`]: config.context,
      [`${family}.embedding_length`]: config.width,
      [`${family}.block_count`]: config.layers,
    },
    capabilities,
    modified_at: new Date(engine.model.createdAt ?? started * 1000).toISOString(),
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
    answering("embeddings", post("/api/embed", embed, "embeddings")),
    answering("embeddings", post("/api/embeddings", embedOne, "embeddings")),
    get("/api/tags", tags),
    get("/api/ps", running),
    describing("models", post("/api/show", show)),
    get("/api/version", (c, { version }) => c.json({ version })),
  ],
  errors: errorBodies.ollama,
};
