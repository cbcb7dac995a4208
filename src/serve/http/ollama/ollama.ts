/**
 * Ollama's API, so that programs made for it connect: generate, chat, embed, and the lists that they read first. Streams of JSON lines; streaming
 * is the default. Models are not pulled, created or removed here; how long they rest in memory (`keep_alive`) is read for every contract.
 */
import { z } from "zod";
import type { Engine } from "../../engine.ts";
import { parentOf } from "../../engines.ts";
import { serveErrors } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { ChatTurn } from "../../served-model.ts";
import { collectAll, merged } from "../answers.ts";
import { continueTexts } from "../ask-text.ts";
import { type ChatRun, startChat } from "../chat-run.ts";
import { answering, type Contract, describing, get, post } from "../contract.ts";
import { embedTexts } from "../embed-texts.ts";
import { jsonLines } from "../event-stream.ts";
import { type AppContext, askerOf, bodyOf, type Services, streamAnswer } from "../exchange.ts";
import { parseBody, refuse } from "../parse.ts";
import type { AnyEngine } from "../tensorflow/versions.ts";
import { type AnswerParser, type AnswerPart, joined, plainAnswer } from "../tools/answer-parser.ts";
import { formatOf } from "../tools/format.ts";
import { toolName, toolUse } from "../tools/tool.ts";
import type { WireError } from "../wire-error.ts";
import { format, ollamaRefusals, options, samplingOf } from "./fields.ts";
import { findOllama, ollamaName } from "./names.ts";

const common = {
  model: z.string(),
  stream: z.boolean().nullish(),
  format,
  options,
  keep_alive: z.union([z.string(), z.number()]).nullish(),
};
const generateSchema = z.object({ ...common, prompt: z.string().nullish(), system: z.string().nullish(), raw: z.boolean().nullish() });
const chatSchema = z.object({
  ...common,
  messages: z
    .array(
      z.object({
        role: z.enum(["system", "user", "assistant", "tool"]),
        content: z.string().nullish(),
        images: z.array(z.unknown()).max(0, { error: "no images: only text is read" }).nullish(),
        tool_calls: z
          .array(z.object({ function: z.object({ name: z.string(), arguments: z.record(z.string(), z.unknown()) }) }))
          .max(limits.tools)
          .nullish(),
        tool_name: z.string().nullish(),
      }),
    )
    .max(limits.messages),
  tools: z
    .array(
      z.object({
        type: z.literal("function"),
        function: z.object({
          name: toolName,
          description: z.string().nullish(),
          parameters: z.record(z.string(), z.unknown()).nullish(),
        }),
      }),
    )
    .max(limits.tools)
    .nullish(),
});

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

const errorOf = ({ body }: WireError) => ({ error: body.error.message });

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
  return streamAnswer(c, services, generations, lines(), jsonLines(errorOf));
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
  const raw = await bodyOf(c);
  const body = parseBody(generateSchema, raw);
  refuse(ollamaRefusals, raw);
  const engine = decoderOf(c, services, body.model);
  const created_at = new Date(services.clock.now()).toISOString();
  // asks for the model to be loaded, which it is
  if (!body.prompt) return c.json({ model: body.model, created_at, response: "", done: true, done_reason: "load" });
  const { fields, maxTokens } = samplingOf(body.options, body.format);
  const asker = askerOf(c);
  const turns: ChatTurn[] = [...(body.system ? [{ role: "system", content: body.system }] : []), { role: "user", content: body.prompt }];
  const run: ChatRun = body.raw
    ? {
        ...continueTexts({ engine, texts: [body.prompt], options: fields, maxTokens: maxTokens ?? engine.room, ...asker }),
        parser: () => plainAnswer,
      }
    : startChat({ engine, turns, use: undefined, body: { ...fields, model: body.model }, maxTokens, ...asker });
  return answer(c, services, body.model, body.stream ?? true, run, responseShape);
}

async function chat(c: AppContext, services: Services): Promise<Response> {
  const raw = await bodyOf(c);
  const body = parseBody(chatSchema, raw);
  refuse(ollamaRefusals, raw);
  const engine = decoderOf(c, services, body.model);
  if (body.messages.length === 0)
    return c.json({
      model: body.model,
      created_at: new Date(services.clock.now()).toISOString(),
      ...messageShape.empty,
      done: true,
      done_reason: "load",
    });
  const { fields, maxTokens } = samplingOf(body.options, body.format);
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

const text = z.string();
const embedSchema = z.object({
  model: z.string(),
  input: z.union([text, z.array(text).min(1).max(limits.embeddingTexts)], { error: "a text, or a list of texts" }),
  truncate: z.boolean().nullish(),
  dimensions: z.int().min(1).nullish(),
});

function encoderOf(c: AppContext, { engines }: Services, name: string) {
  const engine = engines.findEncoder(findOllama(engines, name).model.id);
  c.var.exchange.engine = engine;
  return engine;
}

async function embed(c: AppContext, services: Services): Promise<Response> {
  const body = parseBody(embedSchema, await bodyOf(c));
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
  const body = parseBody(z.object({ model: z.string(), prompt: text }), await bodyOf(c));
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

export const ollama: Contract = {
  name: "ollama",
  endpoint: "models",
  takesUndeclared: true,
  routes: [
    answering("completions", post("/api/generate", generate, "text_completion")),
    answering("chat", post("/api/chat", chat, "chat")),
    answering("embeddings", post("/api/embed", embed, "embeddings")),
    answering("embeddings", post("/api/embeddings", embedOne, "embeddings")),
    get("/api/tags", tags),
    get("/api/ps", running),
    describing("models", post("/api/show", show)),
    get("/api/version", (c, { version }) => c.json({ version })),
  ],
  error: wire => ({ status: wire.status, body: errorOf(wire) }),
};
