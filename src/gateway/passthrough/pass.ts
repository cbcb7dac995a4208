/**
 * A request for an address that the gateway does not know, to the server that has it: who is it, may they, is there room; then its body and the
 * answer go through as they come, bounded, without being read. Asked once: a body that has gone cannot be sent again.
 */
import { gatewayErrors } from "../errors.ts";
import type { Gateway } from "../gateway.ts";
import { type Handle, leaving } from "../http/ask-model.ts";
import { admitted, allowed, reserved } from "../http/door.ts";
import type { Answer, End } from "../http/exchange.ts";
import { everybody } from "../queue/standing.ts";
import { retryAfterOf } from "../routing/read-answer.ts";
import { failureRows, UpstreamFailure } from "../upstreams/failure.ts";
import type { Stop } from "../upstreams/stop.ts";
import type { Ended } from "../upstreams/upstream.ts";
import { headersOf, picked, streamOf, type Under } from "./answer.ts";
import { type Body, bodyOf } from "./body.ts";
import { type PassThrough, passThroughOf, targetPath } from "./places.ts";
import type { PassedMethod } from "./schema.ts";

/** Of the client's, what says how to read the body, what is wished for, and traces. */
const requestHeaders = [
  "content-type",
  "content-language",
  "content-encoding",
  "accept",
  "accept-language",
  "openai-beta",
  "idempotency-key",
  "traceparent",
  "tracestate",
];
const nothing = { inputTokens: 0, outputTokens: 0, cachedTokens: 0 };

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
