/**
 * The HTTP client of what asks a model behind an endpoint (evaluation, teachers, writers of texts): a POST of JSON, tried again where a failure may
 * pass. What an answer means and how long is waited is the caller's. The gateway's calls are another thing (`gateway/upstreams/call.ts`): they stream,
 * are held by a deadline for each phase, and fail over to other servers instead of trying the same one again.
 */
import { guardPausedResponses, isLoamError, pause } from "../base/index.ts";
import { rowOr } from "./values.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly isOk: boolean;
  readonly text: string;
  readonly retryAfter: string | null;
}

interface HttpFailure {
  readonly failure: string;
}

/** Why a request is made again, and how long after, where the server said so. */
export class HttpRetry {
  readonly failure: string;
  readonly askedMs: number | undefined;
  constructor(failure: string, askedMs?: number) {
    this.failure = failure;
    this.askedMs = askedMs;
  }
}

interface HttpPost<T> {
  readonly url: string;
  readonly body: object;
  /** Sent as a bearer token. */
  readonly key?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs: number;
  /** Times that the request is made before it counts as failed. */
  readonly attempts: number;
  /** Milliseconds to wait after this attempt, 1 the first; `askedMs` is what the server asked for. */
  waitMs(attempt: number, askedMs: number | undefined): number;
  /** What an answer comes to. Errors: what no further attempt changes. */
  read(answer: HttpAnswer, attempt: number): T | HttpRetry;
  /** A failure without an answer, in words. */
  said?(error: Error, isTimeout: boolean): string;
  /** The error when the last attempt failed. */
  failed(failure: string, attempts: number): Error;
  /** Waited for before each attempt: a turn within a rate. */
  readonly turn?: ((signal: AbortSignal | undefined) => Promise<void>) | undefined;
  /** Default: the platform's. */
  readonly fetch?: ((request: Request) => Response | Promise<Response>) | undefined;
  readonly redirect?: "follow" | "error";
  /** Reads an answer's body, with a bound where one is wanted. */
  readonly bodyOf?: (response: Response, attempt: number) => Promise<string>;
}

const causeOf = ({ cause, message }: Error): string => (cause instanceof Error ? cause.message : message);

/** One attempt. Errors: what `bodyOf` and `fetch` throw as errors of Loam's own, which no further attempt changes; the signal's reason. */
async function attemptPost<T>(o: HttpPost<T>, request: Request, timeout: AbortSignal, attempt: number): Promise<HttpAnswer | HttpFailure> {
  const { fetch: send = fetch, bodyOf = r => r.text(), said = causeOf } = o;
  try {
    const response = await send(request);
    const { status, ok: isOk } = response;
    return { status, isOk, text: await bodyOf(response, attempt), retryAfter: response.headers.get("retry-after") };
  } catch (error) {
    o.signal?.throwIfAborted();
    if (isLoamError(error)) throw error;
    return { failure: said(error as Error, timeout.aborted) };
  }
}

/** Errors: those of `read` and `failed`; the signal's reason. */
export async function postJson<T>(o: HttpPost<T>): Promise<T> {
  guardPausedResponses();
  const { signal } = o;
  const headers = { "content-type": "application/json", ...(o.key ? { authorization: `Bearer ${o.key}` } : {}) };
  const body = JSON.stringify(o.body);
  for (let attempt = 1; ; attempt++) {
    await o.turn?.(signal);
    signal?.throwIfAborted();
    const timeout = AbortSignal.timeout(o.timeoutMs);
    const bounded = signal ? AbortSignal.any([signal, timeout]) : timeout;
    const request = new Request(o.url, { method: "POST", headers, body, signal: bounded, redirect: o.redirect ?? "follow" });
    const answer = await attemptPost(o, request, timeout, attempt);
    let retry: HttpRetry;
    if ("failure" in answer) retry = new HttpRetry(answer.failure);
    else {
      // a server may answer, too, that it was stopped
      if (!answer.isOk) signal?.throwIfAborted();
      const read = o.read(answer, attempt);
      if (!(read instanceof HttpRetry)) return read;
      retry = read;
    }
    if (attempt >= o.attempts) throw o.failed(retry.failure, attempt);
    await pause(o.waitMs(attempt, retry.askedMs), signal);
  }
}

/** What a server says of an error: OpenAI's form, Ollama's, or a bare message; undefined where it says nothing readable. */
export function statedError(text: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { error, message } = rowOr(value);
  const said = typeof error === "string" ? error : (rowOr(error).message ?? message);
  return typeof said === "string" && said !== "" ? said : undefined;
}
