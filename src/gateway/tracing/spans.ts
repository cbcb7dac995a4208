/**
 * Requests as OpenTelemetry's spans, in the words of its GenAI conventions (semantic conventions 1.37, in development there): a server span for
 * each request, under the caller's where `traceparent` names one, and below it a client span for each call to an upstream, which is the parent
 * of whatever that one traces. Numbers and names; no prompt, no answer, no key.
 */
import {
  type Attributes,
  type Context,
  createTraceState,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { defined } from "../../base/index.ts";
import { readTraceparent, readTracestate, requestAttributes, spanTimeMs, type TracedFields } from "../../tracing/index.ts";
import type { RequestRecord } from "../http/request-record.ts";
import { tracedOperations } from "./operations.ts";
import type { GatewayTracing, RequestTrace, TracedAttempt, TracedRequest } from "./tracing.ts";

function callersContext(headers: TracedRequest["headers"]): Context {
  const caller = readTraceparent(headers.get("traceparent"));
  if (!caller) return ROOT_CONTEXT;
  const { traceId, spanId, isSampled } = caller;
  const state = readTracestate(headers.get("tracestate"));
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    isRemote: true,
    traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    ...(state === undefined ? {} : { traceState: createTraceState(state) }),
  });
}

interface Attempted extends TracedAttempt {
  readonly span: Span;
  readonly startMs: number;
}

class Spans implements RequestTrace {
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly #context: Context;
  readonly #operation: string | undefined;
  readonly #attempts: Attempted[] = [];
  #body: TracedFields | undefined;

  constructor(tracer: Tracer, { id, method, path, headers }: TracedRequest) {
    this.#tracer = tracer;
    this.#operation = tracedOperations[path];
    const parent = callersContext(headers);
    const attributes = { "http.request.method": method, "http.route": path, "loam.request.id": id };
    this.#span = tracer.startSpan(`${method} ${path}`, { kind: SpanKind.SERVER, attributes, startTime: spanTimeMs() }, parent);
    this.#context = trace.setSpan(parent, this.#span);
  }

  get traceId(): string | null {
    return this.#span.isRecording() ? this.#span.spanContext().traceId : null;
  }

  asked(body: TracedFields): void {
    this.#body = body;
  }

  attempt(of: TracedAttempt): Readonly<Record<string, string>> {
    const { target, upstream, model, url } = of;
    const attributes: Attributes = {
      ...defined({ "gen_ai.operation.name": this.#operation }),
      "gen_ai.provider.name": upstream,
      "gen_ai.request.model": model,
      "server.address": url.hostname,
      ...(url.port === "" ? {} : { "server.port": Number(url.port) }),
      "loam.target": target,
      "loam.attempt": this.#attempts.length + 1,
    };
    const startMs = spanTimeMs();
    const name = `${this.#operation ?? "call"} ${model}`;
    const span = this.#tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes, startTime: startMs }, this.#context);
    this.#attempts.push({ ...of, span, startMs });
    const { traceId, spanId, traceFlags, traceState } = span.spanContext();
    const state = traceState?.serialize();
    return { traceparent: `00-${traceId}-${spanId}-0${traceFlags & TraceFlags.SAMPLED}`, ...(state ? { tracestate: state } : {}) };
  }

  end(record: RequestRecord): void {
    if (!this.#span.isRecording()) return;
    const endMs = spanTimeMs();
    this.#endAttempts(record, endMs);
    const { key, subject, model, target, served, status, error, firstMs, resumed } = record;
    const span = this.#span;
    if (this.#operation !== undefined) span.updateName(`${this.#operation} ${model ?? ""}`.trim());
    span.setAttributes({
      "http.response.status_code": status,
      ...(key === null ? {} : { "loam.key.id": key }),
      ...(subject === null ? {} : { "enduser.id": subject }),
      ...(this.#operation === undefined ? {} : { "gen_ai.operation.name": this.#operation, "gen_ai.provider.name": "loam" }),
      ...requestAttributes(this.#body),
      ...(model === null ? {} : { "gen_ai.request.model": model }),
      ...(target === null ? {} : { "loam.target": target, "loam.attempts": this.#attempts.length }),
      ...(served === null ? {} : { "gen_ai.response.model": served }),
      ...(firstMs === null ? {} : { "loam.first_byte_ms": firstMs }),
      ...(resumed === 0 ? {} : { "loam.resumed": resumed }),
      ...(record.cache === null ? {} : { "loam.cache": record.cache }),
      ...(error === null ? {} : { "error.type": error }),
      ...(status < 400 && model !== null
        ? { "gen_ai.usage.input_tokens": record.inputTokens, "gen_ai.usage.output_tokens": record.outputTokens }
        : {}),
      ...(record.cachedTokens > 0 ? { "gen_ai.usage.cache_read.input_tokens": record.cachedTokens } : {}),
    });
    // a server's span is in error where the server was: what a client did wrong is not its failure
    if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR, ...(error === null ? {} : { message: error }) });
    span.end(endMs);
  }

  /** The log knows how each ended, and after how long. */
  #endAttempts(record: RequestRecord, endMs: number): void {
    const noted = [...record.attempts];
    for (const { span, target, startMs } of this.#attempts) {
      const at = noted.findIndex(a => a.target === target);
      const [own] = at < 0 ? [] : noted.splice(at, 1);
      if (own) {
        span.setAttribute("loam.outcome", own.how);
        if (own.how !== "answered" && own.how !== "left")
          span.setAttribute("error.type", own.how).setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end(own ? Math.min(startMs + own.ms, endMs) : endMs);
    }
  }
}

/** `close` is what the tracer's provider does in the end. */
export function gatewaySpans(tracer: Tracer, close: () => Promise<void>): GatewayTracing {
  return { request: of => new Spans(tracer, of), close };
}
