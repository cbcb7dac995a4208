/**
 * A model to talk to in this process. It asks the same application that a server puts on a socket, so templates, stops and limits are the server's.
 */
import { type App, createApp } from "../../serve/index.ts";
import { type Call, type CallOptions, callOf, type Watch } from "../call.ts";
import { Closers } from "../closers.ts";
import { untilStopped } from "../until-stopped.ts";
import type { Workplace } from "../workspace.ts";
import { type ChatQuestion, type Reply, reply } from "./ask.ts";
import { type Found, findModel } from "./find-model.ts";
import { openEngine } from "./open-engine.ts";
import { openServedGuards } from "./served-guards.ts";

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

/** An engine under the project's own guards. Errors: those of the model's files, and of `openServedGuards`. */
async function guardedEngine(found: Found, { folder, cwd }: Workplace, context: number | undefined, warn: (message: string) => void) {
  const closers = new Closers();
  try {
    const guards = closers.use(await openServedGuards({ project: found.project, folder, cwd, warn }));
    const { engine } = closers.use(await openEngine(found, { slots: 1, context, ...guards.choice }));
    await engine.ready;
    return { engine, [Symbol.asyncDispose]: () => closers[Symbol.asyncDispose]() };
  } catch (error) {
    await closers[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Opens a model, under `serve.blocked` and `serve.moderate` of the project. Errors: project/argument, project/model and project/reference for a moderation that
 * cannot be, serve/blocklist, store/notFound, those of its files; base/interrupted.
 */
export async function openChat(place: Workplace, { model, context }: ChatOptions, watch: Watch): Promise<ProjectChat> {
  const found = await findModel(place.folder, place.cwd, model);
  try {
    const load = guardedEngine(found, place, context, message => watch.emit({ event: "warning", message }));
    const opened = await untilStopped(load, watch, loaded => loaded[Symbol.asyncDispose]());
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
