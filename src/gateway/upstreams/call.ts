/**
 * One request to one upstream, and its answer piece by piece: a deadline for each phase (connection, first byte, silence, the whole), no piece
 * read before the last one was taken (so a slow client slows its upstream), and an end of the connection the moment that nobody listens.
 * The only file that knows undici.
 */
import type { Readable } from "node:stream";
import { type Dispatcher, Pool } from "undici";
import { defined, guardPausedResponses } from "../../base/index.ts";
import { encodedInTurns, isLarge } from "../turns.ts";
import { guardedLookup } from "./address.ts";
import { UpstreamFailure } from "./failure.ts";
import type { Network } from "./networks.ts";
import type { Stop } from "./stop.ts";

export interface Deadlines {
  readonly connectMs: number;
  /** From the sent request to the answer's headers. */
  readonly firstByteMs: number;
  /** Between two pieces of the answer. */
  readonly idleMs: number;
}

export interface UpstreamCall {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A stream goes out as it comes; one that breaks off ends the call. */
  readonly body?: string | Buffer | Readable | undefined;
  readonly deadlines: Deadlines;
  /** Ends it wherever it is; its reason is what the caller is told. */
  readonly stop: Stop;
}

/** By name in small letters; of a header that came several times the first. */
export interface ReplyHeaders {
  get(name: string): string | undefined;
}

export interface UpstreamReply {
  readonly status: number;
  readonly headers: ReplyHeaders;
  /** The next piece, undefined at the end. `waitMs`: give up this read with "waiting" after so long, the piece stays to be read. Errors: UpstreamFailure. */
  read(waitMs?: number): Promise<Buffer | "waiting" | undefined>;
  /** All of it, where it has come whole and nothing was read yet: without a wait. */
  arrived?(): Buffer | undefined;
  /** Nobody wants the rest. */
  cancel(): void;
}

export interface Connection {
  /** `replied` hears the status before anyone who waits. Errors: UpstreamFailure. */
  call(call: UpstreamCall, replied?: (status: number) => void): Promise<UpstreamReply>;
  close(): Promise<void>;
}

/** Bytes of an answer that are taken from the socket before the client has had them. */
const aheadBytes = 64 * 1024;
/** An idle connection to an upstream is closed before common servers close theirs (Node and uvicorn: 5 s), which would lose a request. */
const keepAliveMs = 4_000;

const codeOf = (error: unknown): string => (error as { readonly code?: string }).code ?? "";

function failureOf(error: Error, hasAnswer: boolean, isSent: boolean): UpstreamFailure {
  if (error instanceof UpstreamFailure) return error;
  if (error.cause instanceof UpstreamFailure) return error.cause;
  const code = codeOf(error);
  const detail = `${code || error.name}: ${error.message}`;
  if (code === "UND_ERR_CONNECT_TIMEOUT") return new UpstreamFailure("connectTimeout", detail, { cause: error });
  if (code.startsWith("HPE_") || code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH" || code === "UND_ERR_HEADERS_OVERFLOW")
    return new UpstreamFailure(hasAnswer ? "cut" : "malformed", detail, { cause: error });
  if (hasAnswer) return new UpstreamFailure("cut", detail, { cause: error });
  return new UpstreamFailure(isSent ? "reset" : "refused", detail, { cause: error });
}

/** Read when somebody asks: of most answers one name is asked for. */
class RawHeaders implements ReplyHeaders {
  readonly #raw: readonly Buffer[];

  constructor(raw: readonly Buffer[]) {
    this.#raw = raw;
  }

  get(name: string): string | undefined {
    const raw = this.#raw;
    for (let i = 0; i + 1 < raw.length; i += 2)
      if (raw[i]!.length === name.length && raw[i]!.toString("latin1").toLowerCase() === name) return raw[i + 1]!.toString("latin1");
    return undefined;
  }
}

/** The handler that undici feeds; a class of its own because undici calls it by name. */
class Exchange implements Dispatcher.DispatchHandlers, UpstreamReply {
  status = 0;
  headers: ReplyHeaders = new RawHeaders([]);
  readonly #deadlines: Deadlines;
  readonly #stop: Stop;
  readonly #replied: ((status: number) => void) | undefined;
  readonly #answer: (reply: UpstreamReply) => void;
  readonly #fail: (failure: UpstreamFailure) => void;
  #pieces: Buffer[] = [];
  #held = 0;
  #abort: ((reason?: Error) => void) | undefined;
  #resume: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isPaused = false;
  #isSent = false;
  #hasAnswer = false;
  #isOver = false;
  #failure: UpstreamFailure | undefined;
  #waiter: (() => void) | undefined;
  /** Since when it has been silent, where somebody waits. */
  #quietFrom: number | undefined;

  constructor(
    { deadlines, stop }: UpstreamCall,
    replied: ((status: number) => void) | undefined,
    answer: (reply: UpstreamReply) => void,
    fail: (failure: UpstreamFailure) => void,
  ) {
    this.#deadlines = deadlines;
    this.#stop = stop;
    this.#replied = replied;
    this.#answer = answer;
    this.#fail = fail;
    stop.add(this.#stopped);
  }

  /** Where no connection was free at once. */
  awaitConnection(): void {
    if (this.#isSent || this.#isOver) return;
    const { connectMs } = this.#deadlines;
    this.#timer = setTimeout(() => this.#end(new UpstreamFailure("connectTimeout", `no connection after ${connectMs} ms`)), connectMs);
  }

  readonly #stopped = (reason: UpstreamFailure): void => this.#end(reason);

  onConnect(abort: (reason?: Error) => void): void {
    this.#abort = abort;
    if (this.#isOver) {
      abort();
      return;
    }
    clearTimeout(this.#timer);
    this.#isSent = true;
    // the request is written before this is done
    queueMicrotask(this.#awaitHeaders);
  }

  readonly #awaitHeaders = (): void => {
    if (this.#hasAnswer || this.#isOver) return;
    const { firstByteMs } = this.#deadlines;
    this.#timer = setTimeout(() => this.#end(new UpstreamFailure("firstByteTimeout", `no headers after ${firstByteMs} ms`)), firstByteMs);
  };

  onHeaders(status: number, raw: Buffer[], resume: () => void): boolean {
    if (status < 200) return true;
    clearTimeout(this.#timer);
    this.status = status;
    this.headers = new RawHeaders(raw);
    this.#resume = resume;
    this.#hasAnswer = true;
    this.#replied?.(status);
    this.#answer(this);
    return true;
  }

  onData(chunk: Buffer): boolean {
    this.#pieces.push(chunk);
    this.#held += chunk.length;
    this.#wake();
    this.#isPaused = this.#held >= aheadBytes;
    return !this.#isPaused;
  }

  onComplete(): void {
    this.#isOver = true;
    this.#stop.delete(this.#stopped);
    this.#wake();
  }

  onError(error: Error): void {
    this.#end(failureOf(error, this.#hasAnswer, this.#isSent));
  }

  #wake(): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.();
  }

  #end(failure: UpstreamFailure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stop.delete(this.#stopped);
    clearTimeout(this.#timer);
    this.#failure = failure;
    this.#abort?.(failure);
    if (!this.#hasAnswer) this.#fail(failure);
    this.#wake();
  }

  async read(waitMs = Number.POSITIVE_INFINITY): Promise<Buffer | "waiting" | undefined> {
    if (this.#pieces.length === 0 && !this.#isOver) {
      this.#quietFrom ??= performance.now();
      const leftMs = Math.max(0, this.#deadlines.idleMs - (performance.now() - this.#quietFrom));
      const ms = Math.min(waitMs, leftMs);
      let isLate = false;
      await new Promise<void>(resolve => {
        this.#waiter = resolve;
        this.#timer = setTimeout(() => {
          isLate = true;
          this.#wake();
        }, ms);
      });
      clearTimeout(this.#timer);
      if (isLate && this.#pieces.length === 0 && !this.#isOver) {
        if (waitMs < leftMs) return "waiting";
        this.#end(new UpstreamFailure("idleTimeout", `nothing for ${this.#deadlines.idleMs} ms`));
      }
    }
    if (this.#pieces.length > 0) {
      this.#quietFrom = undefined;
      const all = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces);
      this.#pieces = [];
      this.#held = 0;
      if (this.#isPaused && !this.#isOver) {
        this.#isPaused = false;
        this.#resume?.();
      }
      return all;
    }
    if (this.#failure) throw this.#failure;
    return undefined;
  }

  arrived(): Buffer | undefined {
    return this.#isOver && this.#failure === undefined && this.#pieces.length === 1 ? this.#pieces.pop() : undefined;
  }

  cancel(): void {
    this.#pieces = [];
    this.#end(new UpstreamFailure("reset", "nobody wants the rest"));
  }
}

interface ConnectionOptions {
  readonly origin: string;
  readonly network: Network;
  /** Connections at once; a request beyond them waits for one, at most `connectMs`. Undefined: as many as are asked for, which a lane bounds. */
  readonly connections: number | undefined;
  /** The certificate is checked; names an authority of one's own. */
  readonly authorities?: string | undefined;
  /** The name in the certificate; default: the host of `origin`. */
  readonly serverName?: string | undefined;
}

/** Keeps connections to one server. */
export function connectTo({ origin, network, connections, authorities, serverName }: ConnectionOptions): Connection {
  guardPausedResponses();
  const pool = new Pool(origin, {
    connections: connections ?? null,
    pipelining: 1,
    keepAliveTimeout: keepAliveMs,
    // the phases have deadlines of their own
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: 60_000, lookup: guardedLookup(network), ...defined({ ca: authorities, servername: serverName }) },
  });
  return {
    call: (call, replied) =>
      new Promise<UpstreamReply>((resolve, reject) => {
        const { method, path, headers, body = null, stop } = call;
        const exchange = new Exchange(call, replied, resolve, reject);
        const dispatch = (bytes: string | Buffer | Readable | null): void => {
          if (stop.reason) return;
          try {
            pool.dispatch({ origin, path, method, headers, body: bytes }, exchange);
            exchange.awaitConnection();
          } catch (error) {
            exchange.onError(error instanceof Error ? error : new Error(String(error)));
          }
        };
        if (typeof body === "string" && isLarge(body.length)) void encodedInTurns(body).then(dispatch);
        else dispatch(body);
      }),
    close: () => pool.destroy(),
  };
}
