/**
 * The end of a listener without a request lost. Whoever sends requests learns of the end later than the server does: for `delayMs` everything is still
 * answered while the server says that it is not ready and closes each connection with its answer ("lame duck"). Then no connection is taken any more, those
 * that are idle close, and those at work close with their answer.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Server } from "node:http";
import { Server as NetServer } from "node:net";
import { pause } from "./pause.ts";

export interface LastRequests {
  /** How long new connections are still taken. */
  readonly delayMs: number;
  /** How long answers under way may take after that. */
  readonly graceMs: number;
  /** Default: 500; for tests. */
  readonly quietMs?: number;
  /** Waits; for tests. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Where an orchestrator takes a server out of its lists while it ends it: as long as its proxies may take to follow. */
export const defaultDelayMs = (environment: Readonly<Record<string, string | undefined>>): number =>
  environment.KUBERNETES_SERVICE_HOST === undefined ? 0 : 2_000;

/** Between two looks for connections whose answer has ended: one that stays open would get one more request after the end. */
const lookMs = 50;
/**
 * A stream that began before the end has not said that its connection closes, so its client may send the next request on it at once: that one is still answered.
 * Idle connections are closed only when no answer ended for so long.
 */
const defaultQuietMs = 500;

/**
 * Until what clients have sent by now is read: a timer that is late comes before the sockets in a turn of the event loop, and a connection that is closed with a
 * request unread is reset. The first turn may have asked the sockets already.
 */
const socketsRead = async (): Promise<void> => {
  for (let turn = 0; turn < 2; turn++) await new Promise<void>(resolve => setImmediate(resolve));
};

/** Resolves when every connection is closed, or the time is over. The server takes no connection from then on; whoever calls closes what is left. */
export async function lastRequests(
  server: Server,
  { delayMs, graceMs, quietMs = defaultQuietMs, wait = pause }: LastRequests,
): Promise<void> {
  const over = new AbortController();
  const waited = (ms: number) => wait(ms, over.signal).catch(() => {});
  let endedMs = Number.NEGATIVE_INFINITY;
  const ended = (message: unknown) => {
    if ((message as { readonly server?: unknown }).server === server) endedMs = performance.now();
  };
  subscribe("http.server.response.finish", ended);
  const closeIdle = async () => {
    if (performance.now() - endedMs < quietMs) return;
    await socketsRead();
    if (performance.now() - endedMs >= quietMs) server.closeIdleConnections();
  };
  if (delayMs > 0) await waited(delayMs);
  // not http's own close, which ends idle connections before their clients know
  const gone = new Promise<void>(resolve => NetServer.prototype.close.call(server, () => resolve()));
  void closeIdle();
  const look = setInterval(() => void closeIdle(), lookMs);
  await Promise.race([gone, waited(graceMs)]);
  clearInterval(look);
  unsubscribe("http.server.response.finish", ended);
  over.abort();
}
