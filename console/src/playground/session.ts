/**
 * Everything said on this page since it was opened, outside of any component: an answer goes on streaming while another page is looked at. One model, or two
 * side by side that are sent the same; of each side one answer at a time. What exchanges are is in `exchange.ts`; this file only runs them.
 */
import { useSyncExternalStore } from "react";
import { call } from "../client.ts";
import { FailureError, failureOf, interrupted } from "../failure.ts";
import { readAnswer } from "./answer.ts";
import type { Saved, Turn } from "./conversations.ts";
import { begin, type Exchange, ended, failed, historyOf, isRunning, type Side, stopped, withEvent } from "./exchange.ts";
import { type Preference, sendPreference } from "./preferences.ts";
import { chatRequest, completionRequest, type Mode, type Request } from "./request.ts";
import { loadBeside, loadSettings, type Settings, saveSettings } from "./settings.ts";
import type { ToolResult } from "./tools.ts";

export interface Session {
  readonly settings: Settings;
  /** Of the second model; null: the same. */
  readonly beside: Settings | null;
  readonly drafts: Readonly<Record<Mode, string>>;
  readonly exchanges: readonly Exchange[];
  /** Which side is preferred, by turn. */
  readonly preferences: Readonly<Record<number, Preference>>;
}

let session: Session = {
  settings: loadSettings(),
  beside: loadBeside(),
  drafts: { completion: "", chat: "" },
  exchanges: [],
  preferences: {},
};
/** By exchange. */
const aborts = new Map<number, AbortController>();
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
  aborts.set(id, own);
  try {
    const response = await call(request.path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...request.body, stream: true, stream_options: { include_usage: true } }),
      signal: own.signal,
    });
    const requestId = response.headers.get("x-request-id");
    change(id, e => ({ ...e, requestId }));
    if (response.body)
      for await (const event of readAnswer(bytesOf(response.body))) change(id, e => withEvent(e, event, performance.now()));
    change(id, ended);
  } catch (error) {
    change(id, own.signal.aborted ? stopped : e => failed(e, failureOf(error)));
  } finally {
    if (aborts.get(id) === own) aborts.delete(id);
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

/** Settings of a side. */
export const settingsOf = ({ settings, beside }: Pick<Session, "settings" | "beside">, side: Side): Settings =>
  side === 1 && beside !== null ? beside : settings;

/** What a person adds: a prompt, or results of calls. */
interface Said {
  readonly prompt: string;
  readonly results: readonly ToolResult[];
}

function requestFor(mode: Mode, model: string, { prompt, results }: Said, side: Side, before?: number): Request {
  const settings = settingsOf(session, side);
  if (mode === "completion") return completionRequest(model, prompt, settings);
  const own = session.exchanges.filter(e => e.side === side);
  return chatRequest(model, historyOf(own, before), results.length > 0 ? results : prompt, settings);
}

let lastId = 0;
let lastTurn = 0;

const isAnyRunning = (side?: Side): boolean => session.exchanges.some(e => isRunning(e) && (side === undefined || e.side === side));

/** Sends a prompt to one model, or to two at once; does nothing while an answer is under way. */
export function send(mode: Mode, models: readonly string[], prompt: string): void {
  if (isAnyRunning()) return;
  const turn = ++lastTurn;
  const begun = models.slice(0, 2).map((model, i) => {
    const side: Side = i === 0 ? 0 : 1;
    const request = requestFor(mode, model, { prompt, results: [] }, side);
    return begin({ id: ++lastId, side, turn, mode, prompt, request }, performance.now());
  });
  updateNow({ exchanges: [...session.exchanges, ...begun] });
  for (const { id, request } of begun) void run(id, request);
}

/** Gives the results of the calls of an exchange, so that the model goes on; the other side of a comparison stays as it is. */
export function answerCalls(model: string, { side, prompt }: Exchange, results: readonly ToolResult[]): void {
  if (isAnyRunning(side)) return;
  const said = { prompt, results };
  const request = requestFor("chat", model, said, side);
  const begun = begin({ id: ++lastId, side, turn: ++lastTurn, mode: "chat", ...said, request }, performance.now());
  updateNow({ exchanges: [...session.exchanges, begun] });
  void run(begun.id, request);
}

/** Asks the same again with the settings as they are now; in a chat, what came after it on its side goes. */
export function retry(model: string, id: number): void {
  const old = session.exchanges.find(e => e.id === id);
  if (!old || isAnyRunning(old.side)) return;
  const { mode, side, turn, prompt, results } = old;
  const request = requestFor(mode, model, old, side, id);
  const again = begin({ id, side, turn, mode, prompt, results, request }, performance.now());
  const kept = session.exchanges.filter(e => e.mode !== "chat" || mode !== "chat" || e.side !== side || e.id <= id);
  const { [turn]: _, ...preferences } = session.preferences;
  updateNow({ exchanges: kept.map(e => (e.id === id ? again : e)), preferences });
  void run(id, request);
}

/** Stops one answer, or all. */
export function stop(id?: number): void {
  for (const [of, abort] of aborts) if (id === undefined || of === id) abort.abort();
}

export function clear(mode: Mode): void {
  for (const e of session.exchanges) if (e.mode === mode && isRunning(e)) stop(e.id);
  updateNow({ exchanges: session.exchanges.filter(e => e.mode !== mode) });
}

/** Begins or ends a comparison: a conversation that was held with one model goes on with both. */
export function compare(isOn: boolean, beside: string): void {
  const others = session.exchanges.filter(e => e.side === 1);
  if (!isOn || others.some(e => e.mode === "chat")) return;
  const copies = session.exchanges
    .filter(e => e.mode === "chat" && !isRunning(e))
    .map(
      (e): Exchange => ({
        ...e,
        id: ++lastId,
        side: 1,
        requestId: null,
        request: { ...e.request, body: { ...e.request.body, model: beside } } as Request,
      }),
    );
  updateNow({ exchanges: [...session.exchanges, ...copies] });
}

/** Marks a side of a turn as the better one, and gives it to the server as feedback. */
export async function prefer(turn: number, side: Side): Promise<void> {
  const keep = (preference: Preference) => updateNow({ preferences: { ...session.preferences, [turn]: preference } });
  keep({ side, stored: "sending" });
  const stored = await sendPreference(
    session.exchanges.filter(e => e.turn === turn),
    side,
  );
  if (session.preferences[turn]?.side === side) keep({ side, stored });
}

function taken(mode: Mode, model: string, turns: readonly Turn[], settings: Settings, side: Side, firstTurn: number): Exchange[] {
  const found: Exchange[] = [];
  for (const [i, { prompt, text, calls = [], results = [] }] of turns.entries()) {
    const request =
      mode === "completion"
        ? completionRequest(model, prompt, settings)
        : chatRequest(model, historyOf(found), results.length > 0 ? results : prompt, settings);
    const begun = begin({ id: ++lastId, side, turn: firstTurn + i, mode, prompt, results, request }, performance.now());
    found.push(ended({ ...begun, text, calls }));
  }
  return found;
}

/** Takes up a saved conversation in place of what is on the page; a preset changes settings alone. False while an answer is under way. */
export function restore({ mode, model, settings, turns, beside }: Saved): boolean {
  if (isAnyRunning()) return false;
  const besideSettings = beside ? beside.settings : session.beside;
  saveSettings(settings, besideSettings);
  const firstTurn = lastTurn + 1;
  lastTurn += Math.max(turns.length, beside?.turns.length ?? 0);
  const again = [
    ...taken(mode, model ?? "", turns, settings, 0, firstTurn),
    ...(beside ? taken(mode, beside.model, beside.turns, beside.settings ?? settings, 1, firstTurn) : []),
  ];
  const exchanges = again.length === 0 ? session.exchanges : [...session.exchanges.filter(e => e.mode !== mode), ...again];
  updateNow({ settings, beside: besideSettings, exchanges });
  return true;
}

export const setDraft = (mode: Mode, text: string): void => updateNow({ drafts: { ...session.drafts, [mode]: text } });
/** A field at a time: what is shown may be older than what was typed last. `side`: the second model's own, where it has its own. */
export function setSettings(change: Partial<Settings>, side: Side = 0): void {
  const isBeside = side === 1 && session.beside !== null;
  const next = { ...settingsOf(session, side), ...change };
  const [settings, beside] = isBeside ? [session.settings, next] : [next, session.beside];
  saveSettings(settings, beside);
  updateNow({ settings, beside });
}
/** Gives the second model settings of its own, which begin as the first one's, or takes them back. */
export function setOwnSettings(isOwn: boolean): void {
  const beside = isOwn ? session.settings : null;
  saveSettings(session.settings, beside);
  updateNow({ beside });
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};
export const useSession = (): Session => useSyncExternalStore(subscribe, () => session);
