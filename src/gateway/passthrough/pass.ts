/**
 * A request for an address that the gateway does not know, put to the server that has it: its body and the answer go through as they come, bounded,
 * without being read. Asked once: a body that has gone cannot be sent again.
 */
import { ownerHeader, tensorHeader } from "../../protocols/index.ts";
import { gatewayErrors } from "../errors.ts";
import type { Answer } from "../http/exchange.ts";
import { ownerOf, ownerValue } from "../owners/owner.ts";
import { isJson } from "../owners/passed-objects.ts";
import { openaiSeal, sealedStream, sealedWhole } from "../owners/sealed-reply.ts";
import { everybody } from "../queue/standing.ts";
import { retryAfterOf } from "../routing/read-answer.ts";
import type { UpstreamReply } from "../upstreams/call.ts";
import { UpstreamFailure } from "../upstreams/failure.ts";
import { credentialStatuses } from "../upstreams/renewal.ts";
import type { Ended } from "../upstreams/upstream.ts";
import { type PassUnderWay, passedHeaders, picked, streamOf } from "./answer.ts";
import { reservedBatch, settleBatch } from "./batch-lines.ts";

/** Of the client's, what says how to read the body, what is wished for, and traces. */
const requestHeaders = [
  "content-type",
  "content-language",
  "content-encoding",
  tensorHeader,
  "accept",
  "accept-language",
  "openai-beta",
  "idempotency-key",
  "traceparent",
  "tracestate",
];

/** Of the client's and the gateway's own. */
function headersFor({ exchange, pass, upstream, gateway, headers: given, identity, text, passed }: PassUnderWay): Record<string, string> {
  const { control } = gateway;
  const { body } = passed;
  const headers = picked(requestHeaders, pass.requestHeaders, name => given.get(name));
  const key = headers["idempotency-key"];
  if (key !== undefined) headers["idempotency-key"] = control.objects.idempotencyKey(ownerOf(identity), key);
  const numBytes = text === undefined ? body.stream && body.declaredBytes : Buffer.byteLength(text);
  if (numBytes !== undefined) headers["content-length"] = String(numBytes);
  const owner = upstream.config.here ? { [ownerHeader]: ownerValue(control, identity) } : {};
  return { ...headers, "x-request-id": exchange.id, ...upstream.config.headers, ...owner };
}

/** The answer with its ids sealed, where it has any. */
function sealedOf(reply: UpstreamReply, { pass, passed: { address, objects } }: PassUnderWay): UpstreamReply {
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

/** A batch, once all of its requests are judged and have room. Errors: those of `reservedBatch` and `passOn`. */
export async function beginBatch(under: PassUnderWay): Promise<Answer> {
  const { exchange, gateway, upstream, stop, identity, text, headers, passed } = under;
  const taken = await reservedBatch({
    gateway,
    identity,
    upstream,
    path: passed.address.path.replace(/\?.*$/s, ""),
    text: text!,
    dataClass: headers.get("x-loam-data-class"),
    ip: exchange.ip,
    stop,
  });
  let status = 502;
  try {
    const answer = await passOn(under);
    status = answer.status;
    return answer;
  } finally {
    await settleBatch(taken, status);
  }
}

/** Errors: UpstreamFailure, gateway/unavailable. */
export async function passOn(under: PassUnderWay): Promise<Answer> {
  const { exchange, pass, upstream, stop, gateway, method, text } = under;
  const { address, body } = under.passed;
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
      headers: headersFor(under),
      body: text ?? body.stream,
      deadlines: config.deadlines,
      stop,
    });
    exchange.firstMs = gateway.clock.monotonic() - exchange.startMs;
    exchange.target = pass.upstream;
    const { status } = come;
    const reply = sealedOf(come, under);
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
      under.end({ status });
      return { status, headers: passedHeaders(under, reply), body: "" };
    }
    return {
      status,
      headers: passedHeaders(under, reply, reply !== come),
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
