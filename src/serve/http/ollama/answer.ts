/** An answer in Ollama's form, whole or in JSON lines: text, calls of tools, log-probabilities, the conversation as tokens, and the times. */
import { errorBodies, jsonLines } from "../../../protocols/index.ts";
import type { Engine } from "../../engine.ts";
import type { GeneratedToken } from "../../generation.ts";
import { collectAll, merged } from "../answers.ts";
import type { ChatRun } from "../chat-run.ts";
import { type AppContext, type Services, streamAnswer } from "../exchange.ts";
import { chatLogprobs } from "../logprobs.ts";
import { type AnswerParser, type AnswerPart, joined } from "../tools/answer-parser.ts";

/** How what is said goes out: a chat's message or a plain response. */
interface Shape {
  piece(text: string): object;
  calls?(calls: readonly object[]): object;
  /** In the last line. */
  readonly empty: object;
}
export const responseShape: Shape = { piece: response => ({ response }), empty: { response: "" } };
export const messageShape: Shape = {
  piece: content => ({ message: { role: "assistant", content } }),
  calls: tool_calls => ({ message: { role: "assistant", content: "", tool_calls } }),
  empty: { message: { role: "assistant", content: "" } },
};

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

/** A chat's message with calls keeps what was said beside them. */
const withText = (message: object, text: string): object =>
  "message" in message ? { message: { ...(message as { message: object }).message, content: text } } : message;

/** Entries without what is not there, as Ollama's are. */
const wireLogprobs = (engine: Engine, tokens: readonly GeneratedToken[]) => {
  const shown = ({ token, logprob, bytes }: { token: string; logprob: number; bytes: number[] | null }) => ({
    token,
    logprob,
    ...(bytes ? { bytes } : {}),
  });
  return chatLogprobs(engine.model.tokenizer, tokens).content.map(({ top_logprobs: top, ...own }) => ({
    ...shown(own),
    ...(top.length > 0 ? { top_logprobs: top.map(shown) } : {}),
  }));
};

interface OllamaAnswer {
  readonly engine: Engine;
  /** The model's name as the request gives it. */
  readonly name: string;
  readonly isStream: boolean;
  readonly run: ChatRun;
  readonly shape: Shape;
  readonly hasLogprobs: boolean;
  /** The prompt's and the answer's tokens go out at the end, for the next request. */
  readonly hasContext: boolean;
}

export const nanoseconds = (ms: number): number => Math.round(ms * 1e6);
export const createdAt = ({ clock }: Services): string => new Date(clock.now()).toISOString();

/** The times of one request. */
function stopwatch(c: AppContext, { clock }: Services) {
  const { loadMs = 0 } = c.var.exchange;
  const startMs = clock.monotonic();
  let firstMs: number | undefined;
  return {
    first: () => {
      firstMs ??= clock.monotonic();
    },
    durations: (promptTokens: number, tokens: number) => {
      const nowMs = clock.monotonic();
      return {
        total_duration: nanoseconds(loadMs + nowMs - startMs),
        load_duration: nanoseconds(loadMs),
        prompt_eval_count: promptTokens,
        prompt_eval_duration: nanoseconds((firstMs ?? nowMs) - startMs),
        eval_count: tokens,
        eval_duration: nanoseconds(nowMs - (firstMs ?? nowMs)),
      };
    },
  };
}

export async function ollamaAnswer(c: AppContext, services: Services, answer: OllamaAnswer): Promise<Response> {
  const { engine, name, isStream, run, shape, hasLogprobs, hasContext } = answer;
  const { prompts, generations, parser } = run;
  const watch = stopwatch(c, services);
  const head = () => ({ model: name, created_at: createdAt(services) });
  const promptTokens = prompts.reduce((n, p) => n + p.length, 0);
  const context: number[] = [...(hasContext ? prompts[0]! : [])];
  const withContext = () => (hasContext ? { context } : {});
  const last = (reason: string, count: number) => ({
    done: true,
    done_reason: reason,
    ...withContext(),
    ...watch.durations(promptTokens, count),
  });
  const calls = new WholeCalls(parser());
  const pieceOf = (said: object | string) => (typeof said === "string" ? shape.piece(said) : (shape.calls?.([said]) ?? shape.empty));
  const logprobs = (tokens: readonly GeneratedToken[]) => (hasLogprobs ? { logprobs: wireLogprobs(engine, tokens) } : {});

  if (!isStream) {
    const [whole] = await collectAll(generations);
    watch.first();
    if (hasContext) context.push(...whole!.tokens.map(t => t.token));
    const said = calls.push(whole!.text, true);
    const text = said.filter(s => typeof s === "string").join("");
    const made = said.filter(s => typeof s === "object");
    const message = made.length > 0 && shape.calls ? shape.calls(made) : shape.piece(text);
    const body = { ...withText(message, text), ...logprobs(whole!.tokens) };
    return c.json({ ...head(), ...body, ...last(whole!.finishReason, whole!.usage.completionTokens) });
  }
  async function* lines(): AsyncGenerator<unknown, void, undefined> {
    // tokens whose text is held back go with the next text
    let waiting: GeneratedToken[] = [];
    const taken = () => {
      const tokens = waiting;
      waiting = [];
      return hasLogprobs && tokens.length > 0 ? logprobs(tokens) : {};
    };
    for await (const { event } of merged(generations)) {
      watch.first();
      if (hasContext) for (const { token } of event.tokens) context.push(token);
      if (hasLogprobs) waiting.push(...event.tokens);
      for (const said of calls.push(event.text, event.kind === "end")) yield { ...head(), ...pieceOf(said), ...taken(), done: false };
      if (event.kind === "end") yield { ...head(), ...shape.empty, ...taken(), ...last(event.finishReason, event.usage.completionTokens) };
    }
  }
  return streamAnswer(c, services, generations, lines(), jsonLines(errorBodies.ollama));
}
