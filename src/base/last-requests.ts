/**
 * The end of a listener without a request lost. Whoever sends requests learns of the end later than the server does: for `delayMs` everything is still
 * answered while the server says that it is not ready and closes each connection with its answer ("lame duck"). Then no connection is taken any more, those
 * that are idle close, and those at work close with their answer.
 */
import type { Server } from "node:http";
import { Server as NetServer } from "node:net";
import { pause } from "./pause.ts";

export interface LastRequests {
  /** How long new connections are still taken. */
  readonly delayMs: number;
  /** How long answers under way may take after that. */
  readonly graceMs: number;
  /** Waits; for tests. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Where an orchestrator takes a server out of its lists while it ends it: as long as its proxies may take to follow. */
export const defaultDelayMs = (environment: Readonly<Record<string, string | undefined>>): number =>
  environment.KUBERNETES_SERVICE_HOST === undefined ? 0 : 2_000;

/** Between two looks for connections whose answer has ended: one that stays open would get one more request after the end. */
const lookMs = 50;

/** Resolves when every connection is closed, or the time is over. The server takes no connection from then on; whoever calls closes what is left. */
export async function lastRequests(server: Server, { delayMs, graceMs, wait = pause }: LastRequests): Promise<void> {
  const over = new AbortController();
  const waited = (ms: number) => wait(ms, over.signal).catch(() => {});
  if (delayMs > 0) await waited(delayMs);
  // right after the loop has taken what the kernel held for it: connections that it still holds when the listener closes are reset unread
  await new Promise<void>(resolve => setImmediate(resolve));
  // not http's own close, which ends idle connections before their clients know
  const gone = new Promise<void>(resolve => NetServer.prototype.close.call(server, () => resolve()));
  server.closeIdleConnections();
  const look = setInterval(() => server.closeIdleConnections(), lookMs);
  await Promise.race([gone, waited(graceMs)]);
  clearInterval(look);
  over.abort();
}
