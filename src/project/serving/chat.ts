/**
 * A model to talk to in this process. It asks the same application that a server puts on a socket, so templates, stops and limits are the server's.
 */
import { type App, createApp } from "../../serve/index.ts";
import { type Call, type CallOptions, callOf, type Watch } from "../call.ts";
import { untilStopped } from "../until-stopped.ts";
import type { Workplace } from "../workspace.ts";
import { type ChatQuestion, type Reply, reply } from "./ask.ts";
import { findModel } from "./find-model.ts";
import { openEngine } from "./open-engine.ts";

export interface ChatOptions {
  /** A name, a version or a path; default: the served model. */
  readonly model?: string | undefined;
  /** Tokens of prompt and answer together. */
  readonly context?: number | undefined;
}

export interface AskOptions {
  /** Default: 0.8; 0 is greedy. */
  readonly temperature?: number | undefined;
  /** Default: 0.95. */
  readonly topP?: number | undefined;
  /** Default: 200. */
  readonly maxTokens?: number | undefined;
  /** The same seed gives the same response; default: 1. */
  readonly seed?: number | undefined;
}

/** A model that is open. */
export interface ProjectChat extends AsyncDisposable {
  /** `mail-small@1`. */
  readonly model: string;
  /** Whether it was taught to chat; one that was not continues a transcript. */
  readonly hasTemplate: boolean;
  /** Answers turns, or continues a text; its events are the pieces of the response. */
  ask(prompt: ChatQuestion["prompt"], options?: AskOptions & CallOptions): Call<Reply>;
  close(): Promise<void>;
}

function askFor(
  app: App,
  model: string,
  prompt: ChatQuestion["prompt"],
  { temperature = 0.8, topP = 0.95, maxTokens = 200, seed = 1 }: AskOptions,
  { signal, emit }: Watch,
): Promise<Reply> {
  const sampling = { temperature, top_p: topP, max_tokens: maxTokens, seed };
  return reply(app, { model, sampling, prompt }, { signal, onText: text => emit({ event: "text", text }) });
}

/** Opens a model. Errors: project/argument, store/notFound, those of its files; base/interrupted. */
export async function openChat({ folder, cwd }: Workplace, { model, context }: ChatOptions, watch: Watch): Promise<ProjectChat> {
  const found = await findModel(folder, cwd, model);
  try {
    const load = async () => {
      const opened = await openEngine(found, { slots: 1, context });
      await opened.engine.ready;
      return opened;
    };
    const opened = await untilStopped(load(), watch, loaded => loaded[Symbol.asyncDispose]());
    const { engine } = opened;
    const app = createApp({ engines: [engine] });
    const shut = async () => {
      app.close();
      await opened[Symbol.asyncDispose]();
      await found[Symbol.asyncDispose]();
    };
    let closed: Promise<void> | undefined;
    const close = () => {
      closed ??= shut();
      return closed;
    };
    return {
      model: engine.model.id,
      hasTemplate: engine.model.chatTemplate !== undefined,
      ask: (prompt, options = {}) => callOf(watch => askFor(app, engine.model.id, prompt, options, watch), options),
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await found[Symbol.asyncDispose]();
    throw error;
  }
}

/** One response of a model that is opened for it. Errors: as of `openChat`; project/answer. */
export async function generateOnce(
  place: Workplace,
  prompt: ChatQuestion["prompt"],
  options: ChatOptions & AskOptions,
  watch: Watch,
): Promise<Reply> {
  await using chat = await openChat(place, options, watch);
  const asked = chat.ask(prompt, { ...options, signal: watch.signal });
  for await (const event of asked) watch.emit(event);
  return asked;
}
