/**
 * What has changed on the server, told to every tab by one stream: HTTP/1.1 gives a browser six connections a host, and eight tabs that hold one each
 * would leave none for requests. The tab that has a lock (Web Locks) holds the stream and tells the others (`BroadcastChannel`); when it closes, the
 * browser gives the lock to the next. Where there is no stream (another server, a page without TLS on another host) pages poll.
 */
import { call, serverUrl } from "./client.ts";
import { FailureError } from "./failure.ts";
import { type Changes, changes } from "./generated/server.ts";
import { sseParser } from "./sse.ts";

type Revisions = Changes["revisions"];
export type Topic = keyof Revisions;

/** Said between tabs: `hello` asks for what is known. */
type Said = { readonly kind: "hello" } | { readonly kind: "known"; readonly isLive: boolean; readonly revisions: Revisions };

/** Before the stream is opened again, doubled with each failure up to the longest. */
const retryMs = { first: 500, longest: 15_000 };
/** The server sends a comment every 15 s: after this silence the connection is dead. */
const silenceMs = 45_000;

let isLive = false;
let revisions: Revisions = {};
const listeners = new Set<() => void>();

export const onChanges = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};
/** Whether a tab holds a stream: if not, whoever wants to know has to ask. */
export const hasStream = (): boolean => isLive;
/** Differs as soon as what one of the topics covers may have changed. */
export const revisionOf = (topics: readonly Topic[]): string => topics.map(topic => revisions[topic] ?? 0).join(" ");

function learn(live: boolean, newer: Revisions): void {
  isLive = live;
  revisions = { ...revisions, ...newer };
  for (const listener of listeners) listener();
}

/** Ends with the stream. Errors: FailureError; the signal's reason. */
async function follow(signal: AbortSignal, told: (newer: Revisions) => void): Promise<void> {
  const silence = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), silenceMs);
  };
  try {
    heard();
    const { body } = await call("/api/events", {
      headers: { accept: "text/event-stream" },
      signal: AbortSignal.any([signal, silence.signal]),
    });
    const parser = sseParser();
    const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      heard();
      for (const { event, data } of parser.push(read.value)) if (event === "changes") told(changes.parse(JSON.parse(data)).revisions);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Seconds between tries grow; false: this page is refused, another may not be. */
async function lead(signal: AbortSignal, tell: (live: boolean, newer: Revisions) => void): Promise<void> {
  let waitMs = retryMs.first;
  while (!signal.aborted) {
    try {
      await follow(signal, newer => {
        waitMs = retryMs.first;
        tell(true, newer);
      });
    } catch (error) {
      if (signal.aborted) return;
      const status = error instanceof FailureError ? error.failure.status : null;
      tell(false, {});
      // a server without a stream, or one that lets this page see none
      if (status !== null && status < 500 && status !== 429) return;
    }
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, waitMs);
      signal.addEventListener("abort", () => resolve(clearTimeout(timer)), { once: true });
    });
    waitMs = Math.min(2 * waitMs, retryMs.longest);
  }
}

/** Follows until the returned function is called: by another tab's stream, or by one of its own when no other has one. */
export function followChanges(): () => void {
  if (!("locks" in navigator) || !("BroadcastChannel" in globalThis)) return () => {};
  const name = `loam changes ${serverUrl("/")}`;
  const channel = new BroadcastChannel(name);
  const end = new AbortController();
  let isLeader = false;
  const say = (said: Said) => channel.postMessage(said);
  const sayKnown = () => say({ kind: "known", isLive, revisions });
  channel.onmessage = ({ data }: MessageEvent<Said>) => {
    if (data.kind === "known" && !isLeader) learn(data.isLive, data.revisions);
    if (data.kind === "hello" && isLeader) sayKnown();
  };
  say({ kind: "hello" });
  navigator.locks
    .request(name, { signal: end.signal }, async () => {
      isLeader = true;
      await lead(end.signal, (live, newer) => {
        learn(live, newer);
        sayKnown();
      });
      isLeader = false;
    })
    // aborted while it waited
    .catch(() => {});
  return () => {
    end.abort();
    channel.close();
    learn(false, {});
  };
}
