/**
 * HTTP to one API server: requests with a deadline, streams of lines for watches. Connections of watches are apart from those of requests, so that a
 * hundred watches do not keep a request waiting. The only file of this module that knows undici.
 */
import { Readable } from "node:stream";
import { Agent, type Dispatcher } from "undici";
import { defined, guardPausedResponses, withDetails } from "../base/index.ts";
import type { KubernetesAccount } from "./account.ts";
import { kubernetesErrors } from "./errors.ts";
import { responseFailure } from "./failures.ts";

export interface Sent {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With the query. */
  readonly path: string;
  readonly contentType?: string | undefined;
  readonly body?: string | undefined;
  /** Beside those of every request: of a pod's own server behind the API server's proxy. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Called when the body is written to the socket, not before: what it throws ends the request before the server has had it. */
  readonly guard?: (() => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs: number;
}

export interface KubernetesConnection {
  /** The body of a success. Errors: kubernetes/* by status, kubernetes/unreachable, the signal's reason, what `guard` throws. */
  request(sent: Sent): Promise<string>;
  /** The lines of a response without an end. `idleMs`: silence after which it counts as broken. Errors: as `request`. */
  lines(path: string, idleMs: number, signal: AbortSignal): AsyncGenerator<string>;
  close(): Promise<void>;
}

/** Requests at once. The API server's own default is 400 reads and 200 writes for all its clients. */
const mostConnections = 32;
const connectMs = 10_000;
/** A connection whose other end vanished is noticed after about a minute (9 probes). */
const probeAfterMs = 15_000;
/** A line of a watch holds one object; etcd takes 1.5 MiB, in JSON of the API server that can be a few times as much. */
const longestLine = 64 << 20;

/** What guards threw, so that the caller gets that and not undici's story about a broken body. */
async function* guardedBody(body: string, guard: () => void): AsyncGenerator<Buffer> {
  guard();
  yield Buffer.from(body);
}

function unreachable(place: string, error: unknown): Error {
  const { code = "", message = String(error) } = error as { code?: string; message?: string };
  const wasSent = !["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"].includes(code);
  return withDetails(kubernetesErrors.fail("unreachable", { place, message: `${code ? `${code}: ` : ""}${message}` }, error), { wasSent });
}

async function* linesOf(body: AsyncIterable<Buffer>, place: string): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest: string[] = [];
  let held = 0;
  for await (const piece of body) {
    const parts = decoder.decode(piece, { stream: true }).split("\n");
    for (const part of parts.slice(0, -1)) {
      const line = rest.length > 0 ? rest.join("") + part : part;
      rest = [];
      held = 0;
      if (line !== "") yield line;
    }
    const last = parts.at(-1)!;
    if (last === "") continue;
    rest.push(last);
    held += last.length;
    if (held > longestLine)
      throw kubernetesErrors.fail("response", { place, expected: `lines up to ${longestLine} characters`, received: "a longer one" });
  }
}

export function openConnection(account: KubernetesAccount): KubernetesConnection {
  guardPausedResponses();
  const { server, tls } = account;
  const url = new URL(server);
  const base = url.pathname === "/" ? "" : url.pathname;
  const connect = { ...defined(tls), timeout: connectMs, keepAliveInitialDelay: probeAfterMs };
  const requests = new Agent({
    connect,
    connections: mostConnections,
    pipelining: 1,
    keepAliveTimeout: 30_000,
    bodyTimeout: 0,
    headersTimeout: 0,
  });
  const watches = new Agent({ connect, pipelining: 1, headersTimeout: 30_000 });
  const headers = (contentType?: string) =>
    defined({ accept: "application/json", "user-agent": "loam", authorization: account.authorization(), "content-type": contentType });
  const placeOf = (method: string, path: string) => `${method} ${url.host}${path.split("?")[0]}`;
  const options = (method: Dispatcher.HttpMethod, path: string, contentType?: string) => ({
    origin: url.origin,
    path: `${base}${path}`,
    method,
    headers: headers(contentType),
  });
  const bodyOf = (body: string, guard: (() => void) | undefined, failed: (error: unknown) => void) =>
    guard === undefined
      ? body
      : Readable.from(
          guardedBody(body, () => {
            try {
              guard();
            } catch (error) {
              failed(error);
              throw error;
            }
          }),
          { objectMode: false },
        );
  return {
    async request({ method, path, contentType, body, headers: more, guard, signal, timeoutMs }) {
      signal?.throwIfAborted();
      guard?.();
      const place = placeOf(method, path);
      const deadline = AbortSignal.timeout(timeoutMs);
      const stop = signal ? AbortSignal.any([signal, deadline]) : deadline;
      let refused: { readonly error: unknown } | undefined;
      try {
        const o = options(method, path, contentType);
        const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
        const reply = await requests.request({
          ...o,
          headers: { ...o.headers, ...more, ...length },
          signal: stop,
          ...(body === undefined
            ? {}
            : {
                body: bodyOf(body, guard, error => {
                  refused = { error };
                }),
              }),
        });
        const text = await reply.body.text();
        if (reply.statusCode >= 200 && reply.statusCode < 300) return text;
        const after = reply.headers["retry-after"];
        throw responseFailure(place, reply.statusCode, text, Array.isArray(after) ? after[0] : after);
      } catch (error) {
        if (refused) throw refused.error;
        if (signal?.aborted) throw signal.reason;
        if ((error as { problem?: unknown }).problem !== undefined) throw error;
        throw unreachable(place, deadline.aborted ? new Error(`no response in ${timeoutMs} ms`) : error);
      }
    },
    async *lines(path, idleMs, signal) {
      const place = placeOf("GET", path);
      // ends the request with its reader, however that ends
      const own = new AbortController();
      const stop = AbortSignal.any([signal, own.signal]);
      try {
        const reply = await watches.request({ ...options("GET", path), signal: stop, bodyTimeout: idleMs });
        if (reply.statusCode !== 200) {
          const after = reply.headers["retry-after"];
          throw responseFailure(place, reply.statusCode, await reply.body.text(), Array.isArray(after) ? after[0] : after);
        }
        yield* linesOf(reply.body, place);
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if ((error as { problem?: unknown }).problem !== undefined) throw error;
        throw unreachable(place, error);
      } finally {
        own.abort();
      }
    },
    async close() {
      await Promise.all([requests.destroy(), watches.destroy()]);
    },
  };
}
