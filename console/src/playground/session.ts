/**
 * Everything said on this page since it was opened, outside of any component: an answer goes on streaming while another page is looked at.
 * One answer at a time. What exchanges are is in `exchange.ts`; this file only runs them.
 */
import { useSyncExternalStore } from "react";
import { call } from "../client.ts";
import { FailureError, failureOf, interrupted } from "../failure.ts";
import { readAnswer } from "./answer.ts";
import type { Saved } from "./conversations.ts";
import { begin, type Exchange, ended, failed, historyOf, isRunning, stopped, withEvent } from "./exchange.ts";
import { chatRequest, completionRequest, type Mode, type Request } from "./request.ts";
import { loadSettings, type Settings, saveSettings } from "./settings.ts";

export interface Session {
  readonly mode: Mode;
  /** The model chosen by hand; null: the one that the server names first. */
  readonly model: string | null;
  readonly settings: Settings;
  readonly drafts: Readonly<Record<Mode, string>>;
  readonly exchanges: readonly Exchange[];
}

let session: Session = { mode: "completion", model: null, settings: loadSettings(), drafts: { completion: "", chat: "" }, exchanges: [] };
let abort: AbortController | null = null;
let isToldSoon = false;
const listeners = new Set<() => void>();

function tell(): void {
  isToldSoon = false;
  for (const listener of listeners) listener();
}

/** Tokens may come faster than a screen is drawn: listeners hear of many at once. */
function update(next: Session): void {
  session = next;
  if (isToldSoon) return;
  isToldSoon = true;
  setTimeout(tell, 16);
}

/** What people do is shown at once: a text field that lags behind its keys loses them. */
function updateNow(change: Partial<Session>): void {
  session = { ...session, ...change };
  tell();
}

const change = (id: number, next: (e: Exchange) => Exchange) =>
  update({ ...session, exchanges: session.exchanges.map(e => (e.id === id ? next(e) : e)) });

async function run(id: number, request: Request): Promise<void> {
  const own = new AbortController();
  abort = own;
  try {
    const response = await call(request.path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...request.body, stream: true, stream_options: { include_usage: true } }),
      signal: own.signal,
    });
    if (response.body)
      for await (const event of readAnswer(bytesOf(response.body))) change(id, e => withEvent(e, event, performance.now()));
    change(id, ended);
  } catch (error) {
    change(id, own.signal.aborted ? stopped : e => failed(e, failureOf(error)));
  } finally {
    if (abort === own) abort = null;
  }
}

/** A stream as an async iterable; Safari's is none yet. */
async function* bytesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        // A connection that breaks is a TypeError, as one that was never made: here it was made.
        throw error instanceof TypeError ? new FailureError(interrupted) : error;
      });
      if (done) return;
      yield value;
    }
  } finally {
    // Also after an early end: what is left of the stream is not wanted.
    await reader.cancel().catch(() => undefined);
  }
}

const requestFor = (mode: Mode, model: string, prompt: string, before?: number): Request =>
  mode === "completion"
    ? completionRequest(model, prompt, session.settings)
    : chatRequest(model, historyOf(session.exchanges, before), prompt, session.settings);

let lastId = 0;

/** Sends a prompt; does nothing while an answer is under way. */
export function send(model: string, prompt: string): void {
  if (session.exchanges.some(isRunning)) return;
  const { mode } = session;
  const id = ++lastId;
  const request = requestFor(mode, model, prompt);
  updateNow({ exchanges: [...session.exchanges, begin(id, mode, prompt, request, performance.now())] });
  void run(id, request);
}

/** Asks the same again with the settings as they are now; in a chat, what came after it goes. */
export function retry(model: string, id: number): void {
  const old = session.exchanges.find(e => e.id === id);
  if (!old || session.exchanges.some(isRunning)) return;
  const request = requestFor(old.mode, model, old.prompt, id);
  const again = begin(id, old.mode, old.prompt, request, performance.now());
  const kept = session.exchanges.filter(e => e.mode !== "chat" || old.mode !== "chat" || e.id <= id);
  updateNow({ exchanges: kept.map(e => (e.id === id ? again : e)) });
  void run(id, request);
}

export const stop = (): void => abort?.abort();

export function clear(mode: Mode): void {
  if (session.exchanges.some(e => e.mode === mode && isRunning(e))) stop();
  updateNow({ exchanges: session.exchanges.filter(e => e.mode !== mode) });
}

/** Takes up a saved conversation in place of what is on the page; a preset changes settings alone. Does nothing while an answer is under way. */
export function restore({ mode, model, settings, turns }: Saved): void {
  if (session.exchanges.some(isRunning)) return;
  saveSettings(settings);
  const taken: Exchange[] = [];
  for (const { prompt, text } of turns) {
    const request =
      mode === "completion"
        ? completionRequest(model ?? "", prompt, settings)
        : chatRequest(model ?? "", historyOf(taken), prompt, settings);
    taken.push(ended({ ...begin(++lastId, mode, prompt, request, performance.now()), text }));
  }
  const exchanges = turns.length === 0 ? session.exchanges : [...session.exchanges.filter(e => e.mode !== mode), ...taken];
  updateNow({ mode, settings, model: model ?? session.model, exchanges });
}

export const setMode = (mode: Mode): void => updateNow({ mode });
export const setDraft = (mode: Mode, text: string): void => updateNow({ drafts: { ...session.drafts, [mode]: text } });
/** A field at a time: what is shown may be older than what was typed last. */
export function setSettings(change: Partial<Settings>): void {
  const settings = { ...session.settings, ...change };
  saveSettings(settings);
  updateNow({ settings });
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};
export const useSession = (): Session => useSyncExternalStore(subscribe, () => session);
