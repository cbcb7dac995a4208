/** A request for a model that was let in: to its targets and back, whole or as a stream, and what it came to. */
import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import type { Clock } from "../../base/index.ts";
import { isRow, readUsage, type TokenUsage } from "../../protocols/index.ts";
import type { ModelRoute } from "../config/read-config.ts";
import { gatewayErrors } from "../errors.ts";
import type { RequestObjects } from "../owners/request-objects.ts";
import type { Standing } from "../queue/standing.ts";
import { Attempts, readWhole } from "../routing/attempts.ts";
import type { Runtime } from "../routing/runtime.ts";
import { type ClientAnswer, type Shadows, textOf } from "../routing/shadow.ts";
import { mayAskTwice } from "../routing/way.ts";
import { hasWritten, serverFault } from "../streams/progress.ts";
import { Relay } from "../streams/relay.ts";
import { UpstreamFailure } from "../upstreams/failure.ts";
import type { Stop } from "../upstreams/stop.ts";
import { type Ask, prefixOf } from "./ask.ts";
import { chargedStream, chargedWhole, toldOutputTokens } from "./charged.ts";
import type { Answer, End, Exchange } from "./exchange.ts";
import { limits } from "./limits.ts";
import type { HeaderReader } from "./node-request.ts";
import { asksUsage, copied, requestFor } from "./request-for.ts";
import { errorEvent, wireError } from "./wire-error.ts";

export interface Forwarded {
  readonly ask: Ask;
  /** The model that is asked for, then those that may stand in for it. */
  readonly routes: readonly ModelRoute[];
  readonly standing: Standing | undefined;
  readonly maxOutputTokens: number;
  readonly runtime: Runtime;
  readonly exchange: Exchange;
  readonly headers: HeaderReader;
  readonly objects: RequestObjects;
  /** Wished when the client's connection closes before its answer, and by what ends requests here. */
  readonly stop: Stop;
  /** Closes that connection; absent where there is none. */
  readonly hangUp: (() => void) | undefined;
  readonly clock: Clock;
  /** Sends copies. */
  readonly shadows: Shadows;
  /** Of all requests under way. */
  readonly cutters: Set<Stop>;
  /** Once, when the answer has ended. */
  readonly onEnd: (end: End) => void;
}

const hasLeft = ({ stop }: Forwarded): boolean => stop.reason?.kind === "left";

/** Time after which the client has given up by itself, where it says so (the official clients do). */
const patienceMs = (headers: HeaderReader): number => {
  const seconds = Number(headers.get("x-stainless-timeout") ?? Number.NaN);
  return seconds > 0 ? seconds * 1000 : Number.POSITIVE_INFINITY;
};

/** Ends a request that has taken `mostMs`, of which `spentMs` are over. */
const timed = (stop: Stop, mostMs: number, spentMs = 0): NodeJS.Timeout =>
  setTimeout(() => stop.stop(new UpstreamFailure("totalTimeout", `not whole after ${mostMs} ms`)), mostMs - spentMs);

/** Of prompt and answer, where a price is looked at. */
function expectedTokens({ routes, runtime, exchange, maxOutputTokens }: Forwarded): { input: number; output: number } | undefined {
  if (!routes.some(r => r.strategy === "cost")) return undefined;
  return { input: exchange.inputTokens, output: runtime.memory(routes[0]!.name).expectedTokens(maxOutputTokens) };
}

function attemptsFor(f: Forwarded): Attempts {
  const { ask, routes, runtime, exchange } = f;
  const [route] = routes;
  const { sticky } = route!;
  const stickyKey = sticky === "none" ? undefined : sticky === "user" ? (ask.user ?? exchange.identity?.subject) : exchange.identity?.keyId;
  const usesPrefix = routes.some(r => r.strategy === "prefix");
  return new Attempts({
    runtime,
    routes,
    stop: f.stop,
    asked: { stickyKey, prefix: usesPrefix ? prefixOf(ask) : undefined, tokens: expectedTokens(f), random: runtime.random },
    standing: f.standing,
    caller: exchange.identity?.keyId ?? "",
    fingerprint: () => createHash("sha256").update(ask.text).digest("base64"),
    isStream: ask.isStream,
    mayHedge: route!.hedge !== undefined && mayAskTwice(ask, f.headers),
    request: requestFor(f),
  });
}

interface Checked {
  readonly text: string;
  readonly usage: TokenUsage | undefined;
  /** Nothing usable is said of what was written. */
  readonly isUncounted: boolean;
  readonly model: unknown;
}

/** A whole answer as text, and its usage. Errors: UpstreamFailure where a 200 is no answer. */
function checked(bytes: Buffer): Checked {
  // text goes to the socket in one piece with the headers; it is the same bytes only where they are UTF-8
  if (!isUtf8(bytes)) throw new UpstreamFailure("malformed", "a 200 whose body is no UTF-8");
  const text = bytes.toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UpstreamFailure("malformed", "a 200 whose body is no JSON");
  }
  if (!isRow(value)) throw new UpstreamFailure("malformed", "a 200 whose body is no JSON object");
  const isOwn = value.object === "response" && !serverFault(value);
  const isError = (value.error !== undefined && value.error !== null && !isOwn) || value.object === "error";
  if (isError) throw new UpstreamFailure("errorObject", "an error object inside of a 200", { body: JSON.stringify(value.error ?? value) });
  const usage = readUsage(value.usage);
  // a response that failed has written what it says
  const isUncounted = usage === undefined ? value.status !== "failed" : usage.outputTokens === 0 && hasWritten(value);
  return { text, usage, isUncounted, model: value.model };
}

/** Who answered: Loam's server says its version in a header; others say a model in the body. */
const versionOf = ({ version }: Attempts, model: unknown): string | undefined =>
  version ?? (typeof model === "string" ? model.slice(0, limits.modelCharacters) : undefined);

/** An answer of a target, with what all of them carry. */
function toClient({ reservation, target }: Exchange, status: number, body: Answer["body"], headers: Record<string, string>): Answer {
  if (target !== undefined) headers["x-loam-target"] = target;
  return reservation ? { status, body, headers, more: reservation.headerList() } : { status, body, headers };
}

/** Errors: UpstreamRefusal, gateway/upstream, gateway/timeout, gateway/unavailable, gateway/cancelled. */
export async function forward(f: Forwarded): Promise<Answer> {
  const attempts = attemptsFor(f);
  f.exchange.attempts = attempts.made;
  f.exchange.way = attempts;
  const { totalMs } = f.runtime.config;
  const patientMs = Math.min(totalMs, patienceMs(f.headers));
  const startMs = f.clock.monotonic();
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  let hasBegun = false;
  const over = () => {
    isOver = true;
    clearTimeout(timer);
    f.cutters.delete(f.stop);
  };
  f.cutters.add(f.stop);
  try {
    const answering = f.ask.isStream ? streamed(f, attempts, over) : whole(f, attempts);
    // undici writes a request behind what is done at once: then it is on its way, and this is done while the upstream works
    setImmediate(() => {
      if (isOver) return;
      timer = timed(f.stop, hasBegun ? totalMs : patientMs);
      f.exchange.reservation?.headerList();
    });
    const answer = await answering;
    if (!f.ask.isStream) over();
    hasBegun = true;
    // the official clients are patient until an answer begins: a stream that has begun may take what the gateway allows
    if (timer && !isOver && patientMs < totalMs) {
      clearTimeout(timer);
      timer = timed(f.stop, totalMs, f.clock.monotonic() - startMs);
    }
    return answer;
  } catch (error) {
    f.exchange.target = attempts.target;
    over();
    if (!hasLeft(f)) throw error;
    // a server has read the prompt, and was cut off from whatever it wrote
    if (attempts.target !== undefined) f.onEnd({ status: 499, error: "gateway/cancelled", usage: chargedStream(f, undefined, 0) });
    throw gatewayErrors.fail("cancelled", { message: "the client left before its answer" }, error);
  }
}

async function whole(f: Forwarded, attempts: Attempts): Promise<Answer> {
  const { exchange, clock } = f;
  for (;;) {
    const source = await attempts.open();
    exchange.firstMs = clock.monotonic() - exchange.startMs;
    try {
      const come = readWhole(source.reply, limits.answerBytes);
      const bytes = come instanceof Promise ? await come : come;
      const { text, usage, isUncounted, model } = checked(bytes);
      exchange.served = versionOf(attempts, model);
      source.end("answered");
      exchange.target = attempts.target;
      if (f.routes[0]!.shadow)
        copied(f)?.({
          text: textOf(text).text,
          ms: clock.monotonic() - exchange.startMs,
          firstMs: exchange.firstMs,
          outputTokens: usage?.outputTokens ?? 0,
        });
      f.onEnd({ status: source.reply.status, usage: chargedWhole(f, usage, isUncounted) });
      return toClient(exchange, source.reply.status, text, { "content-type": "application/json" });
    } catch (error) {
      if (!(error instanceof UpstreamFailure)) throw error;
      source.reply.cancel();
      source.end(error.isFault ? "failed" : "unknown", error);
      if (!error.isRetryable) throw error;
    }
  }
}

async function streamed(f: Forwarded, attempts: Attempts, unwatch: () => void): Promise<Answer> {
  const { ask, runtime, exchange, clock } = f;
  const { heartbeatMs, readerMs } = runtime.config;
  const api = ask.api.streamed!;
  let slow: NodeJS.Timeout | undefined;
  let why: string | undefined;
  /** The status in the log: of the answer that the client was given, or 499. */
  let status = 200;
  /** Of the copy, where one went: takes how the client's answer ended. */
  let tell: ReturnType<typeof copied>;
  let ended: ClientAnswer | "broken" | undefined;
  const told = api === "chat" ? toldOutputTokens(f) : undefined;
  const relay = new Relay({
    api,
    // an answer that is gone on with has what is left of that
    body: told === undefined ? ask.body : { ...ask.body, max_tokens: told },
    choices: ask.choices,
    dropsUsage: asksUsage(ask),
    heartbeatMs,
    eventBytes: limits.eventBytes,
    open: async resumption => {
      const source = await attempts.open(resumption);
      exchange.served = attempts.version;
      return source;
    },
    errorEvent: error => errorEvent(api, error, exchange.id),
    onEnd: ({ error, progress, resumed }) => {
      clearTimeout(slow);
      unwatch();
      exchange.resumed = resumed;
      exchange.target = attempts.target;
      // all of a short answer can come with its first byte
      if (error === undefined) exchange.firstMs ??= clock.monotonic() - exchange.startMs;
      const { usage, pieces, first } = progress;
      if (typeof first?.model === "string") exchange.served ??= first.model.slice(0, limits.modelCharacters);
      const counted = chargedStream(f, usage, pieces);
      const isWhole = error === undefined && why === undefined && progress.isWhole && !hasLeft(f);
      const ms = clock.monotonic() - exchange.startMs;
      ended = isWhole ? { text: progress.text, ms, firstMs: exchange.firstMs ?? ms, outputTokens: counted.outputTokens } : "broken";
      if (tell) tell(ended === "broken" ? undefined : ended);
      const wire = error === undefined ? undefined : wireError(error, exchange.id);
      if (error instanceof Error) exchange.detail = error.message;
      if (isFirst && wire) return;
      if (hasLeft(f)) f.onEnd({ status: 499, error: "gateway/cancelled", usage: counted });
      else f.onEnd({ status, error: why ?? wire?.ours, usage: counted });
    },
  });
  let isFirst = true;
  // until here an error can still be a status
  const first = await relay.read();
  isFirst = false;
  exchange.firstMs ??= clock.monotonic() - exchange.startMs;
  exchange.target = attempts.target;
  if (f.routes[0]!.shadow) {
    tell = copied(f);
    if (ended !== undefined) tell?.(ended === "broken" ? undefined : ended);
  }
  let next: Buffer | undefined = first;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      clearTimeout(slow);
      try {
        const bytes = next ?? (await relay.read());
        next = undefined;
        if (bytes === undefined) return controller.close();
        controller.enqueue(bytes);
      } catch (error) {
        controller.enqueue(errorEvent(api, error, exchange.id));
        return controller.close();
      }
      slow = setTimeout(() => {
        status = 499;
        why = "gateway/slowReader";
        relay.cancel();
        if (f.hangUp) f.hangUp();
        else controller.error(gatewayErrors.fail("slowReader", { message: `nothing was taken for ${readerMs} ms` }));
      }, readerMs);
    },
    cancel() {
      status = 499;
      why = "gateway/cancelled";
      relay.cancel();
    },
  });
  return toClient(exchange, 200, body, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    // nginx would otherwise collect the stream
    "x-accel-buffering": "no",
  });
}
