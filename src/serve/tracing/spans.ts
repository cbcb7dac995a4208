/**
 * Requests as OpenTelemetry's spans: a server span for each, under the caller's where a `traceparent` header names one, and below it for each
 * answer the time in the queue, in the prompt (prefill) and in the writing (decode). Which request an answer belongs to follows from where it
 * is submitted (AsyncLocalStorage), so that no handler knows of spans. A trace that is not sampled costs its head and nothing more.
 */
import { AsyncLocalStorage } from "node:async_hooks";
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
import { readTraceparent, requestAttributes, requestModel, spanTimeMs } from "../../tracing/index.ts";
import type { Engine } from "../engine.ts";
import type { Usage } from "../generation.ts";
import type { Observed } from "../observer.ts";
import type { ServedRequestTrace, ServedTracedRequest, TracedEnd, Tracing } from "./tracing.ts";

type Phase = "queue" | "prefill" | "decode";

/** The caller's span as the headers name it. What is malformed is left alone. */
export function callersContext({ traceparent, tracestate }: Pick<ServedTracedRequest, "traceparent" | "tracestate">): Context {
  const caller = readTraceparent(traceparent);
  if (!caller) return ROOT_CONTEXT;
  const { traceId, spanId, isSampled } = caller;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    isRemote: true,
    traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    ...(tracestate === undefined ? {} : { traceState: createTraceState(tracestate) }),
  });
}

class Request implements ServedRequestTrace {
  readonly span: Span;
  readonly context: Context;
  readonly #method: string;
  readonly #current: AsyncLocalStorage<Request>;
  #inputTokens = 0;
  #outputTokens = 0;
  #cachedTokens = 0;
  readonly #finishReasons: string[] = [];

  constructor(span: Span, method: string, parent: Context, current: AsyncLocalStorage<Request>) {
    this.span = span;
    this.#method = method;
    this.context = trace.setSpan(parent, span);
    this.#current = current;
  }

  get traceId(): string | null {
    return this.span.isRecording() ? this.span.spanContext().traceId : null;
  }

  within<T>(run: () => T): T {
    return this.span.isRecording() ? this.#current.run(this, run) : run();
  }

  answered(outcome: string, { promptTokens, completionTokens, cachedTokens = 0 }: Usage, choice: number): void {
    // several answers to one prompt read it once
    if (choice === 0) {
      this.#inputTokens += promptTokens;
      this.#cachedTokens += cachedTokens;
    }
    this.#outputTokens += completionTokens;
    this.#finishReasons.push(outcome);
  }

  end({ route, operation, status, error, model, body, inputTokens }: TracedEnd): void {
    const { span } = this;
    if (!span.isRecording()) return;
    // contracts whose addresses do not say what is asked for continue texts, where answers were made
    const kind = operation ?? (this.#finishReasons.length > 0 ? "text_completion" : undefined);
    span.updateName(kind ? [kind, requestModel(body) ?? model ?? ""].join(" ").trim() : `${this.#method} ${route}`);
    span.setAttributes({ "http.route": route, "http.response.status_code": status });
    if (kind) span.setAttributes({ "gen_ai.operation.name": kind, "gen_ai.provider.name": "loam", ...requestAttributes(body) });
    if (model !== undefined) span.setAttribute("gen_ai.response.model", model);
    if (this.#finishReasons.length > 0) {
      span.setAttributes({
        "gen_ai.response.finish_reasons": this.#finishReasons,
        "gen_ai.usage.input_tokens": this.#inputTokens,
        "gen_ai.usage.output_tokens": this.#outputTokens,
      });
      if (this.#cachedTokens > 0) span.setAttribute("gen_ai.usage.cache_read.input_tokens", this.#cachedTokens);
    } else if (inputTokens !== undefined) span.setAttribute("gen_ai.usage.input_tokens", inputTokens);
    if (error !== undefined) span.setAttribute("error.type", error);
    // a server's span is in error where the server was: what a client did wrong is not its failure
    if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR, ...defined({ message: error }) });
    span.end(spanTimeMs());
  }
}

/** One answer on its way through an engine: always in one phase. */
class Answer {
  readonly request: Request;
  readonly #tracer: Tracer;
  readonly #attributes: Attributes;
  #phase: Phase = "queue";
  #span: Span;

  constructor(tracer: Tracer, request: Request, { choice }: Observed, model: string) {
    this.request = request;
    this.#tracer = tracer;
    this.#attributes = { "gen_ai.response.model": model, "loam.choice": choice };
    this.#span = this.#start();
  }

  get phase(): Phase {
    return this.#phase;
  }

  enter(phase: Phase, ended: Attributes = {}): void {
    this.#span.setAttributes(ended);
    this.#span.end(spanTimeMs());
    this.#phase = phase;
    this.#span = this.#start();
  }

  end(outcome: string, { completionTokens }: Usage): void {
    this.#span.setAttributes({ "loam.outcome": outcome, "gen_ai.usage.output_tokens": completionTokens });
    if (outcome === "error") this.#span.setAttribute("error.type", "serve/program").setStatus({ code: SpanStatusCode.ERROR });
    this.#span.end(spanTimeMs());
  }

  #start(): Span {
    return this.#tracer.startSpan(
      this.#phase,
      { kind: SpanKind.INTERNAL, attributes: this.#attributes, startTime: spanTimeMs() },
      this.request.context,
    );
  }
}

/** Tracing by a tracer; `close` is what its provider does in the end. */
export function spanTracing(tracer: Tracer, close: () => Promise<void>): Tracing {
  const current = new AsyncLocalStorage<Request>();
  return {
    request(of) {
      const { id, method, url } = of;
      const parent = callersContext(of);
      const attributes = {
        "http.request.method": method,
        "url.path": url.pathname,
        "url.scheme": url.protocol.replace(":", ""),
        "server.address": url.hostname,
        ...(url.port === "" ? {} : { "server.port": Number(url.port) }),
        "loam.request.id": id,
      };
      return new Request(
        tracer.startSpan(method, { kind: SpanKind.SERVER, attributes, startTime: spanTimeMs() }, parent),
        method,
        parent,
        current,
      );
    },
    watch(engine: Engine) {
      const model = engine.model.id;
      const answers = new WeakMap<Observed, Answer>();
      engine.observe({
        submitted: of => {
          const request = current.getStore();
          if (request) answers.set(of, new Answer(tracer, request, of, model));
        },
        started: (_, of) => {
          const answer = answers.get(of);
          if (answer?.phase === "queue") answer.enter("prefill");
        },
        firstToken: (_, of) => {
          const { promptTokens, cachedTokens = 0 } = of.usage;
          answers
            .get(of)
            ?.enter("decode", { "gen_ai.usage.input_tokens": promptTokens, "gen_ai.usage.cache_read.input_tokens": cachedTokens });
        },
        finished: (outcome, usage, _, of) => {
          const answer = answers.get(of);
          answer?.end(outcome, usage);
          answer?.request.answered(outcome, usage, of.choice);
        },
      });
    },
    close,
  };
}
