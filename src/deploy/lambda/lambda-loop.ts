/**
 * The event loop of a Lambda function: it opens the server, takes invocations one after another, and answers each through `fetch`, as a stream where the
 * source of the event passes one on. Lambda counts 10 s for the start: what loads for longer goes on loading while the first invocation waits.
 */
import { setTimeout as wait } from "node:timers/promises";
import { isLoamError } from "../../base/index.ts";
import { bufferedResponse, type HttpEvent, parseHttpEvent, requestOf, streamContentType, streamPrelude } from "./http-events.ts";
import { lambdaLimits } from "./limits.ts";
import { type Invocation, lambdaError, type RuntimeApi } from "./runtime-api.ts";

type Fetch = (request: Request, address?: string) => Promise<Response>;

interface LambdaLoop {
  readonly api: RuntimeApi;
  /** Loads the models. */
  readonly open: () => Promise<Fetch>;
  /** Whether streams are passed on: the function's URL or API is in the mode RESPONSE_STREAM. */
  readonly isStreaming: boolean;
  /** How long the start may take before the first invocation is asked for. */
  readonly initMs: number;
  /** The reason that a request's signal is aborted with shortly before Lambda stops the function. */
  readonly late: () => unknown;
  /** Ends the loop: an invocation under way is finished first. */
  readonly signal: AbortSignal;
  /** Told of errors of single invocations. */
  readonly warn: (message: string) => void;
}

/** Left for the error event to reach the client before Lambda stops everything; a quarter of the time where that is less. */
const farewellMs = 1_000;
const leftForAnswer = (deadlineMs: number, nowMs: number): number => {
  const restMs = deadlineMs - nowMs;
  return Math.max(0, restMs - Math.min(farewellMs, restMs / 4));
};

/** X-Ray's header as W3C's. */
export function traceparentOf(trace: string): string | undefined {
  const [, time, id] = /\bRoot=1-([0-9a-f]{8})-([0-9a-f]{24})\b/.exec(trace) ?? [];
  const [, parent] = /\bParent=([0-9a-f]{16})\b/.exec(trace) ?? [];
  if (time === undefined || parent === undefined) return undefined;
  return `00-${time}${id}-${parent}-${/\bSampled=1\b/.test(trace) ? "01" : "00"}`;
}

/** What the client did not say itself. */
function withIds(request: Request, { id, trace }: Invocation): Request {
  if (!request.headers.has("x-request-id")) request.headers.set("x-request-id", id);
  const traceparent = trace === undefined ? undefined : traceparentOf(trace);
  if (traceparent !== undefined && !request.headers.has("traceparent")) request.headers.set("traceparent", traceparent);
  return request;
}

async function sendStream(api: RuntimeApi, id: string, response: Response): Promise<void> {
  const out = api.stream(id, streamContentType);
  await out.write(streamPrelude(response));
  try {
    for await (const piece of response.body ?? []) await out.write(piece);
  } catch (error) {
    await out.end(lambdaError(error));
    throw error;
  }
  await out.end();
}

async function sendWhole(api: RuntimeApi, id: string, event: HttpEvent, response: Response): Promise<void> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const body = bufferedResponse(event, response, bytes);
  if (Buffer.byteLength(body) <= lambdaLimits.bufferedBytes) return api.respond(id, body);
  const message = `the response is ${bytes.length} bytes; this way Lambda passes on ${lambdaLimits.bufferedBytes} in JSON`;
  const refusal = Response.json(
    { error: { message, type: "invalid_request_error", param: null, code: "response_too_large" } },
    { status: 413 },
  );
  return api.respond(id, bufferedResponse(event, refusal, new Uint8Array(await refusal.clone().arrayBuffer())));
}

async function answer(o: LambdaLoop, invocation: Invocation, opened: Promise<Fetch>): Promise<void> {
  const { api, late, isStreaming } = o;
  const event = parseHttpEvent(invocation.event);
  const end = new AbortController();
  const timer = setTimeout(() => end.abort(late()), leftForAnswer(invocation.deadlineMs, Date.now()));
  try {
    const request = withIds(requestOf(event, end.signal), invocation);
    const fetch = await opened;
    const response = await fetch(request, event.address);
    if (isStreaming && event.canStream) await sendStream(api, invocation.id, response);
    else await sendWhole(api, invocation.id, event, response);
  } finally {
    clearTimeout(timer);
    // whatever still computes for it stops: a frozen function would go on in the next invocation
    if (!end.signal.aborted) end.abort();
  }
}

/** Resolves with what was thrown, or undefined when it opened or the time is over. */
async function failureWithin(opened: Promise<Fetch>, ms: number): Promise<{ readonly error: unknown } | undefined> {
  const over = new AbortController();
  const result = await Promise.race([
    opened.then(
      () => undefined,
      (error: unknown) => ({ error }),
    ),
    wait(Math.max(0, ms), undefined, { signal: over.signal }).catch(() => undefined),
  ]);
  over.abort();
  return result;
}

/**
 * Runs until `signal` stops it. Errors: what opening threw, once Lambda was told; deploy/runtime where the Runtime API fails. Whoever calls ends the process: Lambda
 * starts another.
 */
export async function runLambdaLoop(o: LambdaLoop): Promise<void> {
  const { api, signal } = o;
  const opened = o.open();
  opened.catch(() => {});
  const failed = await failureWithin(opened, o.initMs);
  if (failed) {
    // where Lambda does not take it, the reason still ends the process
    await api.failInit(lambdaError(failed.error)).catch(() => {});
    throw failed.error;
  }
  while (!signal.aborted) {
    const invocation = await api.next(signal).catch((error: unknown) => {
      if (signal.aborted) return undefined;
      throw error;
    });
    if (!invocation) return;
    // read by what traces calls of AWS
    if (invocation.trace !== undefined) process.env._X_AMZN_TRACE_ID = invocation.trace;
    try {
      await answer(o, invocation, opened);
    } catch (error) {
      o.warn(`loam: invocation ${invocation.id}: ${(error as Error).message}`);
      await api.fail(invocation.id, lambdaError(error)).catch(ignoreAnswered);
      // nothing will ever be served: another process may fare better
      if (await failureWithin(opened, 0)) throw error;
    }
  }
}

/** A stream that broke off has told Lambda of it already. */
function ignoreAnswered(error: unknown): void {
  if (!isLoamError(error, "deploy/runtime")) throw error;
}
