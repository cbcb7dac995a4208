/** An answer in Ollama's form, whole or in JSON lines: text, calls of tools, log-probabilities, the conversation as tokens, and the times. */
import { defined } from "../../../base/index.ts";
import { errorBodies, jsonLines } from "../../../protocols/index.ts";
import type { Engine } from "../../engine.ts";
import type { GeneratedToken } from "../../generation.ts";
import { collectAll, merged } from "../answers.ts";
import type { ChatRun } from "../chat-run.ts";
import { type AppContext, type Services, streamAnswer } from "../exchange.ts";
import { chatLogprobs } from "../logprobs.ts";
import { type AnswerParser, type AnswerPart, joined } from "../tools/answer-parser.ts";

/** What an answer, or a piece of it, says. */
interface Said {
  readonly text: string;
  readonly thinking?: string;
  readonly calls?: readonly object[];
}
/** How it goes out: as a chat's message or as a plain response. */
type Shape = (said: Said) => object;
export const responseShape: Shape = ({ text, thinking }) => ({ response: text, ...defined({ thinking }) });
export const messageShape: Shape = ({ text, thinking, calls }) => ({
  message: { role: "assistant", content: text, ...defined({ thinking, tool_calls: calls }) },
});
export const saysNothing: Said = { text: "" };

/** A finished call as Ollama writes it. What has no object of arguments is said as text, or not at all where the answer was cut off in it. */
function callOf(parts: readonly AnswerPart[], isCut: boolean): Said {
  const [call] = joined(parts.map(p => (p.kind === "call" || p.kind === "arguments" ? { ...p, index: 0 } : p))).calls;
  try {
    const value: unknown = JSON.parse(call!.arguments);
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return { text: "", calls: [{ function: { name: call!.name, arguments: value } }] };
  } catch {
    // cut off, or no JSON
  }
  if (isCut) return saysNothing;
  return { text: `{"name": ${JSON.stringify(call!.name)}, "arguments": ${call!.arguments}}` };
}

/** Parts as they come, with calls held until they are whole. */
class WholeCalls {
  readonly #parser: AnswerParser;
  #open: AnswerPart[] = [];

  constructor(parser: AnswerParser) {
    this.#parser = parser;
  }

  /** `end`: why the answer ended, with its last text. */
  push(text: string, end?: string): Said[] {
    const said: Said[] = [];
    const close = (isCut = false) => {
      if (this.#open.length > 0) said.push(callOf(this.#open, isCut));
      this.#open = [];
    };
    for (const part of [...this.#parser.push(text), ...(end === undefined ? [] : this.#parser.end(end === "length"))]) {
      if (part.kind === "text") {
        close();
        said.push({ text: part.text });
      } else if (part.kind === "reasoning") said.push({ text: "", thinking: part.text });
      else {
        if (part.kind === "call") close();
        this.#open.push(part);
      }
    }
    if (end !== undefined) close(end === "length");
    return said;
  }
}

/** Pieces as one. */
function together(said: readonly Said[]): Said {
  const thinking = said.map(s => s.thinking ?? "").join("");
  const calls = said.flatMap(s => s.calls ?? []);
  return {
    text: said.map(s => s.text).join(""),
    ...(thinking === "" ? {} : { thinking }),
    ...(calls.length === 0 ? {} : { calls }),
  };
}

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
  /** What the model thought goes out, too. */
  readonly hasThinking: boolean;
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
  const { engine, name, isStream, run, shape, hasLogprobs, hasThinking, hasContext } = answer;
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
  const shown = (said: readonly Said[]) => (hasThinking ? said : said.filter(s => s.thinking === undefined));
  const logprobs = (tokens: readonly GeneratedToken[]) => (hasLogprobs ? { logprobs: wireLogprobs(engine, tokens) } : {});

  if (!isStream) {
    const [whole] = await collectAll(generations);
    watch.first();
    if (hasContext) context.push(...whole!.tokens.map(t => t.token));
    const body = { ...shape(together(shown(calls.push(whole!.text, whole!.finishReason)))), ...logprobs(whole!.tokens) };
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
      for (const said of shown(calls.push(event.text, event.kind === "end" ? event.finishReason : undefined)))
        yield { ...head(), ...shape(said), ...taken(), done: false };
      if (event.kind === "end")
        yield { ...head(), ...shape(saysNothing), ...taken(), ...last(event.finishReason, event.usage.completionTokens) };
    }
  }
  return streamAnswer(c, services, generations, lines(), jsonLines(errorBodies.ollama));
}
