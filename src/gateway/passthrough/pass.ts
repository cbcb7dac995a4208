/**
 * A request for an address that the gateway does not know, to the server that has it: who is it, may they, is there room; then its body and the
 * answer go through as they come, bounded, without being read. Asked once: a body that has gone cannot be sent again.
 */
import type { Identity } from "../contract.ts";
import { gatewayErrors } from "../errors.ts";
import type { Gateway } from "../gateway.ts";
import { type Handle, leaving } from "../http/ask-model.ts";
import { admitted, allowed, reserved } from "../http/door.ts";
import type { Answer, End } from "../http/exchange.ts";
import { ownerHeader, ownerOf, ownerValue } from "../owners/owner.ts";
import { isJson, type PassedAddress, PassedObjects, readsBody, wholeBody } from "../owners/passed-objects.ts";
import { openaiSeal, sealedStream, sealedWhole } from "../owners/sealed-reply.ts";
import { everybody } from "../queue/standing.ts";
import { failureError } from "../routing/last-word.ts";
import { retryAfterOf } from "../routing/read-answer.ts";
import type { Reply } from "../upstreams/call.ts";
import { UpstreamFailure } from "../upstreams/failure.ts";
import { credentialStatuses } from "../upstreams/renewal.ts";
import type { Stop } from "../upstreams/stop.ts";
import type { Ended } from "../upstreams/upstream.ts";
import { headersOf, picked, streamOf, type Under } from "./answer.ts";
import { beginsBatch, reservedBatch, settleBatch } from "./batch-lines.ts";
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
    const owner = ownerOf(identity);
    const objects = new PassedObjects({ pass, config: runtime.upstream(pass.upstream).config, seal: control.objects, owner });
    const address = objects.address(method, path, url.search);
    const body = bodyOf(request, pass.bodyBytes);
    const type = request.headers.get("content-type");
    // a server of this process brings each line here
    const isBatch =
      address.kind !== "unread" && beginsBatch(method, path) && body.stream !== undefined && !runtime.upstream(pass.upstream).config.here;
    const isRead = readsBody(address, type, body.stream !== undefined) || isBatch;
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
      const whole = isRead ? await wholeBody(body.stream!) : undefined;
      const text = whole === undefined || address.kind === "open" ? whole : objects.body(whole, type, address.kind === "owned");
      const asked = { request, method, address, body, text, objects, identity };
      return await (isBatch ? begun : passed)({ ...under, onEnd: once }, asked);
    } catch (error) {
      body.stream?.destroy();
      // told with its status by what is around every request
      clearTimeout(timer);
      gateway.cutters.delete(stop);
      if (!isOver) runtime.leave();
      isOver = true;
      throw clientError(error, body, stop, pass);
    }
  };

/** What the client is told of a request that has no answer. */
function clientError(error: unknown, body: Body, stop: Stop, { upstream }: PassThrough): unknown {
  if (stop.reason?.kind === "left") return gatewayErrors.fail("cancelled", { message: "the client left before its answer" }, error);
  if (body.failure) return body.failure;
  return error instanceof UpstreamFailure ? failureError(error, upstream) : error;
}

interface Asked {
  readonly request: Request;
  readonly method: PassedMethod;
  readonly address: PassedAddress;
  readonly body: Body;
  /** Of the body, where it was read. */
  readonly text: string | undefined;
  readonly objects: PassedObjects;
  readonly identity: Identity;
}

/** Of the client's and the gateway's own. */
function headersFor({ exchange, pass, upstream, gateway }: Under, { request, body, text, identity }: Asked): Record<string, string> {
  const { control } = gateway;
  const headers = picked(requestHeaders, pass.requestHeaders, name => request.headers.get(name));
  const key = headers["idempotency-key"];
  if (key !== undefined) headers["idempotency-key"] = control.objects.idempotencyKey(ownerOf(identity), key);
  const numBytes = text === undefined ? body.stream && body.declaredBytes : Buffer.byteLength(text);
  if (numBytes !== undefined) headers["content-length"] = String(numBytes);
  const owner = upstream.config.here ? { [ownerHeader]: ownerValue(control, identity) } : {};
  return { ...headers, "x-request-id": exchange.id, ...upstream.config.headers, ...owner };
}

/** The answer with its ids sealed, where it has any. */
function sealedOf(reply: Reply, { pass }: Under, { address, objects }: Asked): Reply {
  if (address.kind !== "owned" || address.isContent || reply.status >= 300) return reply;
  const type = reply.headers.get("content-type");
  const isStream = type !== undefined && /^text\/event-stream\b/i.test(type);
  if (!isStream && !isJson(type)) return reply;
  if (reply.headers.get("content-encoding") !== undefined) {
    reply.cancel();
    throw new UpstreamFailure("malformed", "an answer in an encoding that was not asked for");
  }
  const seal = openaiSeal(objects.sealId);
  return isStream ? sealedStream(reply, seal) : sealedWhole(reply, seal, pass.answerBytes);
}

/** A batch, once all of its requests are judged and have room. Errors: those of `reservedBatch` and `passed`. */
async function begun(under: Under, asked: Asked): Promise<Answer> {
  const { exchange, gateway, upstream, stop } = under;
  const { identity, address, text, request } = asked;
  const taken = await reservedBatch({
    gateway,
    identity,
    upstream,
    path: address.path.replace(/\?.*$/s, ""),
    text: text!,
    dataClass: request.headers.get("x-loam-data-class"),
    ip: exchange.ip,
    stop,
  });
  let status = 502;
  try {
    const answer = await passed(under, asked);
    status = answer.status;
    return answer;
  } finally {
    await settleBatch(taken, status);
  }
}

async function passed(under: Under, asked: Asked): Promise<Answer> {
  const { exchange, pass, upstream, stop, gateway } = under;
  const { method, address, body, text } = asked;
  const { config } = upstream;
  // a route is a model of its own: what it does says nothing of the upstream's models
  const begun = { model: `${pass.prefix}/*`, caller: exchange.identity?.keyId ?? "" };
  if (!upstream.stateOf(begun.model, begun.caller).isAvailable)
    throw gatewayErrors.fail("unavailable", {
      place: pass.prefix,
      message: "its server takes no requests at the moment",
      hint: "Try again in a few seconds.",
    });
  await upstream.lane?.enter({ key: begun.caller, priority: everybody.priority, mostMs: everybody.queueMs }, stop);
  const startMs = gateway.clock.monotonic();
  const handle = upstream.begin(begun);
  let isNoted = false;
  const note = (how: Ended, said: string, failure?: UpstreamFailure) => {
    handle.end(how, failure);
    if (isNoted) return;
    isNoted = true;
    exchange.attempts = [{ target: pass.upstream, ms: Math.round((gateway.clock.monotonic() - startMs) * 10) / 10, how: said }];
  };
  try {
    const come = await handle.call({
      method,
      path: `${config.url.pathname.replace(/\/+$/, "")}${address.path}`,
      headers: headersFor(under, asked),
      body: text ?? body.stream,
      deadlines: config.deadlines,
      stop,
    });
    exchange.firstMs = gateway.clock.monotonic() - exchange.startMs;
    exchange.target = pass.upstream;
    const { status } = come;
    const reply = sealedOf(come, under, asked);
    const retryAfterMs = retryAfterOf(reply.headers, gateway.clock.now());
    if (status >= 500 || credentialStatuses.has(status) || (status >= 300 && status < 400)) {
      reply.cancel();
      // credentials are the gateway's, so what is wrong with them is not the client's; redirects are not followed
      const kind = credentialStatuses.has(status) ? "credentials" : status < 400 ? "malformed" : "status";
      throw new UpstreamFailure(kind, `status ${status}`, { status, retryAfterMs });
    }
    const busy = status === 429 ? new UpstreamFailure("busy", "status 429", { status, retryAfterMs }) : undefined;
    if (status === 204 || status === 205) {
      reply.cancel();
      note("answered", "answered");
      under.onEnd({ status });
      return { status, headers: headersOf(under, reply), body: "" };
    }
    return {
      status,
      headers: headersOf(under, reply, reply !== come),
      body: streamOf(under, reply, how => (busy ? note("busy", "busy", busy) : note(how.how, how.said, how.failure))),
    };
  } catch (error) {
    const failure = error instanceof UpstreamFailure ? error : undefined;
    // a body that its client broke off is not the server's fault
    const isFault = failure?.isFault === true && body.failure === undefined;
    note(isFault ? "failed" : "unknown", failure?.kind ?? "left", failure);
    throw error;
  }
}
