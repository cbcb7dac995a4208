/**
 * A request for an address that the gateway does not know, to the server that has it: who is it, may they, is there room; then its body and the
 * answer go through as they come, bounded, without being read. Asked once: a body that has gone cannot be sent again.
 */
import { Readable } from "node:stream";
import { formatBytes } from "../../base/index.ts";
import { gatewayErrors } from "../errors.ts";
import type { Gateway } from "../gateway.ts";
import { type Handle, leaving } from "../http/ask-model.ts";
import { admitted, allowed, reserved } from "../http/door.ts";
import type { Answer, End, Exchange } from "../http/exchange.ts";
import { everybody } from "../queue/standing.ts";
import { retryAfterOf } from "../routing/read-answer.ts";
import type { Reply } from "../upstreams/call.ts";
import { failureRows, UpstreamFailure } from "../upstreams/failure.ts";
import type { Stop } from "../upstreams/stop.ts";
import type { Ended, Upstream } from "../upstreams/upstream.ts";
import { type PassThrough, passThroughOf, targetPath } from "./places.ts";
import type { PassedMethod } from "./schema.ts";

/** Of the client's, what says how to read the body, what is wished for, and traces. */
const requestHeaders = [
  "content-type",
  "content-language",
  "accept",
  "accept-language",
  "openai-beta",
  "idempotency-key",
  "traceparent",
  "tracestate",
];
/** Of the answer's, what says how to read it. */
const answerHeaders = [
  "content-type",
  "content-encoding",
  "content-language",
  "content-disposition",
  "content-length",
  "cache-control",
  "etag",
  "last-modified",
  "retry-after",
  "retry-after-ms",
];

const nothing = { inputTokens: 0, outputTokens: 0, cachedTokens: 0 };

const tooLarge = (most: number) =>
  gatewayErrors.fail("tooLarge", { place: "body", expected: `at most ${formatBytes(most)}`, received: "more", hint: "Send less at once." });

interface Body {
  stream: Readable | undefined;
  readonly declaredBytes: number | undefined;
  /** Set when it was more than it may be, or ended before it was whole. */
  failure: Error | undefined;
}

/** Errors: gateway/tooLarge where that was declared. */
function bodyOf(request: Request, most: number): Body {
  const said = request.headers.get("content-length");
  const declaredBytes = said === null ? undefined : Number(said);
  if (declaredBytes !== undefined && declaredBytes > most) throw tooLarge(most);
  const given = request.body;
  const body: Body = { stream: undefined, declaredBytes, failure: undefined };
  if (given === null || declaredBytes === 0) return body;
  async function* counted(): AsyncGenerator<Uint8Array> {
    let size = 0;
    try {
      for await (const piece of given!) {
        size += piece.length;
        if (size > most) throw tooLarge(most);
        yield piece;
      }
    } catch (error) {
      body.failure = error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }
  body.stream = Readable.from(counted(), { objectMode: false });
  return body;
}

const picked = (names: readonly string[], more: readonly string[], get: (name: string) => string | null | undefined) => {
  const found: Record<string, string> = {};
  for (const name of [...names, ...more]) {
    const value = get(name);
    if (value !== null && value !== undefined) found[name] = value;
  }
  return found;
};

/** Addresses that the gateway answers itself. */
export type KnownPaths = ReadonlySet<string>;

/** The handler of addresses that `passThroughOf` finds. Errors: those of the door and of `targetPath`, gateway/method, tooLarge, upstream, timeout, unavailable, cancelled. */
export const passedThrough =
  (gateway: Gateway, known: KnownPaths): Handle =>
  async (request, exchange, end, peer) => {
    gateway.checkRoom();
    const url = new URL(request.url);
    const pass = passThroughOf(gateway.config.passThrough, url.pathname)!;
    exchange.path = `${pass.prefix}/*`;
    const { control, runtime } = gateway;
    const identity = await admitted(control, request.headers, exchange);
    const { methods, model } = pass;
    if (model !== null) exchange.model = model;
    const method = methods.find(m => m === request.method);
    allowed(control, identity, {
      endpoint: "other",
      model,
      parameters: { method: exchange.method, path: url.pathname.slice(0, 256) },
      dataClass: request.headers.get("x-loam-data-class"),
    });
    if (method === undefined)
      throw gatewayErrors.fail("method", { place: exchange.path, expected: methods.join(", "), received: exchange.method });
    const path = targetPath(pass, url.pathname, known);
    const body = bodyOf(request, pass.bodyBytes);
    // what nobody says the length of counts as the most that it may be
    const bytes = body.declaredBytes ?? (body.stream ? pass.bodyBytes : 0);
    exchange.reservation = await reserved(
      control,
      gateway.metrics,
      { identity, model, ip: exchange.ip },
      { inputTokens: 0, maxOutputTokens: 0, bytes },
    );
    runtime.enter();
    const stop = leaving(request, peer);
    const under: Under = {
      gateway,
      exchange,
      pass,
      upstream: runtime.upstream(pass.upstream),
      stop,
      hangUp: peer?.outgoing ? () => peer.outgoing?.destroy() : undefined,
      onEnd: how => {
        clearTimeout(timer);
        gateway.cutters.delete(stop);
        runtime.leave();
        end({ usage: nothing, ...how });
      },
    };
    gateway.cutters.add(stop);
    const { totalMs } = runtime.config;
    const timer = setTimeout(() => stop.stop(new UpstreamFailure("totalTimeout", `not whole after ${totalMs} ms`)), totalMs);
    let isOver = false;
    const once = (how: End) => {
      if (isOver) return;
      isOver = true;
      under.onEnd(how);
    };
    try {
      return await passed({ ...under, onEnd: once }, request, method, `${path}${url.search}`, body);
    } catch (error) {
      body.stream?.destroy();
      // told with its status by what is around every request
      clearTimeout(timer);
      gateway.cutters.delete(stop);
      if (!isOver) runtime.leave();
      isOver = true;
      throw told(error, body, stop, pass);
    }
  };

interface Under {
  readonly gateway: Gateway;
  readonly exchange: Exchange;
  readonly pass: PassThrough;
  readonly upstream: Upstream;
  readonly stop: Stop;
  readonly hangUp: (() => void) | undefined;
  readonly onEnd: (how: End) => void;
}

/** What the client is told of a request that has no answer. */
function told(error: unknown, body: Body, stop: Stop, { upstream }: PassThrough): unknown {
  if (stop.reason?.kind === "left") return gatewayErrors.fail("cancelled", { message: "the client left before its answer" }, error);
  if (body.failure) return body.failure;
  if (!(error instanceof UpstreamFailure)) return error;
  const { sentence } = failureRows[error.kind];
  const status = error.status === undefined ? "" : ` (status ${error.status})`;
  const code = error.kind.endsWith("Timeout")
    ? "timeout"
    : error.kind === "queueFull" || error.kind === "queueTime"
      ? error.kind
      : "upstream";
  return gatewayErrors.fail(code, { place: upstream, message: `${sentence}${status}`, hint: "Try again." }, error);
}

async function passed(under: Under, request: Request, method: PassedMethod, path: string, body: Body): Promise<Answer> {
  const { exchange, pass, upstream, stop, gateway } = under;
  const { config } = upstream;
  if (!upstream.state().isAvailable)
    throw gatewayErrors.fail("unavailable", {
      place: pass.prefix,
      message: "its server takes no requests at the moment",
      hint: "Try again in a few seconds.",
    });
  await upstream.lane?.enter(everybody.priority, everybody.queueMs, stop);
  const startMs = gateway.clock.monotonic();
  const handle = upstream.begin();
  let isNoted = false;
  const note = (how: Ended, said: string, retryAfterMs?: number) => {
    handle.end(how, retryAfterMs);
    if (isNoted) return;
    isNoted = true;
    exchange.attempts = [{ target: pass.upstream, ms: Math.round((gateway.clock.monotonic() - startMs) * 10) / 10, how: said }];
  };
  try {
    const reply = await handle.call({
      method,
      path: `${config.url.pathname.replace(/\/+$/, "")}${path}`,
      headers: {
        ...picked(requestHeaders, pass.requestHeaders, name => request.headers.get(name)),
        "x-request-id": exchange.id,
        ...(body.stream && body.declaredBytes !== undefined ? { "content-length": String(body.declaredBytes) } : {}),
        ...config.headers,
      },
      body: body.stream,
      deadlines: config.deadlines,
      stop,
    });
    exchange.firstMs = gateway.clock.monotonic() - exchange.startMs;
    exchange.target = pass.upstream;
    const { status } = reply;
    const retryAfterMs = retryAfterOf(reply.headers, gateway.clock.now());
    if (status >= 500 || [401, 403, 407].includes(status) || (status >= 300 && status < 400)) {
      reply.cancel();
      // credentials are the gateway's, so what is wrong with them is not the client's; redirects are not followed
      throw new UpstreamFailure(status < 400 ? "malformed" : "status", `status ${status}`, { status, retryAfterMs });
    }
    const isBusy = status === 429;
    if (status === 204 || status === 205) {
      reply.cancel();
      note("answered", "answered");
      under.onEnd({ status });
      return { status, headers: headersOf(under, reply), body: "" };
    }
    return {
      status,
      headers: headersOf(under, reply),
      body: streamOf(under, reply, how => note(isBusy ? "busy" : how.how, isBusy ? "busy" : how.said, retryAfterMs)),
    };
  } catch (error) {
    const failure = error instanceof UpstreamFailure ? error : undefined;
    // a body that its client broke off is not the server's fault
    const isFault = failure?.isFault === true && body.failure === undefined;
    note(isFault ? "failed" : "unknown", failure?.kind ?? "left", failure?.retryAfterMs);
    throw error;
  }
}

function headersOf({ exchange, pass }: Under, reply: Reply): Record<string, string> {
  return {
    ...picked(answerHeaders, pass.answerHeaders, name => reply.headers.get(name)),
    // nginx would otherwise collect a stream
    "x-accel-buffering": "no",
    ...exchange.reservation?.headers(),
    "x-loam-target": pass.upstream,
  };
}

/** The answer as it comes; what breaks off, is too much or is not taken ends with its connection, so that nobody takes it for whole. */
function streamOf(
  { pass, hangUp, onEnd, stop, gateway }: Under,
  reply: Reply,
  note: (end: { readonly how: Ended; readonly said: string }) => void,
): ReadableStream<Uint8Array> {
  const { readerMs } = gateway.config;
  let slow: NodeJS.Timeout | undefined;
  let size = 0;
  const cut = (controller: ReadableStreamDefaultController<Uint8Array>, why: UpstreamFailure) => {
    if (hangUp) hangUp();
    else controller.error(why);
  };
  const broken = (controller: ReadableStreamDefaultController<Uint8Array>, failure: UpstreamFailure) => {
    reply.cancel();
    note({ how: failure.isFault ? "failed" : "unknown", said: failure.kind });
    onEnd({ status: reply.status, error: failure.kind.endsWith("Timeout") ? "gateway/timeout" : "gateway/cut" });
    cut(controller, failure);
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        clearTimeout(slow);
        try {
          const piece = await reply.read();
          if (piece === undefined) {
            note({ how: "answered", said: "answered" });
            onEnd({ status: reply.status });
            return controller.close();
          }
          if (piece === "waiting") return;
          size += piece.length;
          if (size > pass.answerBytes) return broken(controller, new UpstreamFailure("tooLarge", `more than ${pass.answerBytes} bytes`));
          controller.enqueue(new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength));
        } catch (error) {
          const failure = error instanceof UpstreamFailure ? error : new UpstreamFailure("cut", String(error), { cause: error });
          return broken(controller, failure);
        }
        slow = setTimeout(() => {
          reply.cancel();
          note({ how: "unknown", said: "left" });
          onEnd({ status: 499, error: "gateway/slowReader" });
          cut(controller, new UpstreamFailure("left", `nothing was taken for ${readerMs} ms`));
        }, readerMs);
      },
      cancel() {
        clearTimeout(slow);
        reply.cancel();
        note({ how: "unknown", said: stop.reason?.kind ?? "left" });
        onEnd({ status: 499, error: "gateway/cancelled" });
      },
    },
    { highWaterMark: 0 },
  );
}
