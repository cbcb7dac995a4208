import { readdirSync, readFileSync } from "node:fs";
import { trace } from "@opentelemetry/api";
import { expect, test } from "vitest";
import { requestAttributes } from "../../tracing/index.ts";
import { callersContext } from "./spans.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";
const callerOf = (traceparent: string | undefined, tracestate?: string) =>
  trace.getSpanContext(callersContext({ traceparent, tracestate }));

test("the caller's span is read from traceparent as W3C Trace Context says, and what is malformed is nobody's", () => {
  expect(callerOf(`00-${traceId}-${spanId}-01`, "vendor=1")).toMatchObject({ traceId, spanId, traceFlags: 1, isRemote: true });
  expect(callerOf(`00-${traceId}-${spanId}-01`, "vendor=1")!.traceState!.serialize()).toBe("vendor=1");
  expect(callerOf(`00-${traceId}-${spanId}-00`)!.traceFlags).toBe(0);
  // a later version may say more after the flags, and has flags that we do not know
  expect(callerOf(`cc-${traceId}-${spanId}-03-more`)).toMatchObject({ traceId, traceFlags: 1 });
  const malformed = [
    undefined,
    "",
    `00-${traceId}-${spanId}`,
    `00-${traceId}-${spanId}-01-more`,
    `ff-${traceId}-${spanId}-01`,
    `00-${"0".repeat(32)}-${spanId}-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${traceId}-${spanId}-01, 00-${traceId}-${spanId}-01`,
  ];
  for (const one of malformed) expect(callerOf(one), one).toBeUndefined();
});

test("attributes are numbers and the model's name in every contract's words, and never a text of the body", () => {
  const secret = "my secret";
  const openai = requestAttributes({
    model: "mail-small",
    messages: [{ role: "user", content: secret }],
    prompt: secret,
    user: secret,
    stop: [secret],
    temperature: 0.5,
    max_completion_tokens: 7,
    n: 2,
    seed: 3,
  });
  expect(openai).toEqual({
    "gen_ai.request.model": "mail-small",
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.max_tokens": 7,
    "gen_ai.request.choice.count": 2,
    "gen_ai.request.seed": 3,
  });
  expect(requestAttributes({ model: "m", options: { num_predict: 5, top_k: 40 }, temperature: secret })).toEqual({
    "gen_ai.request.model": "m",
    "gen_ai.request.max_tokens": 5,
    "gen_ai.request.top_k": 40,
  });
  expect(requestAttributes({ inputs: secret, parameters: { max_new_tokens: 9 }, n: 1 })).toEqual({ "gen_ai.request.max_tokens": 9 });
  expect(requestAttributes(undefined)).toEqual({});
});

test("OpenTelemetry is loaded through dynamic imports alone, so that a server without a collector never loads it", () => {
  const source = new URL("../../", import.meta.url);
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter(p => /\.ts$/.test(p) && !/\.(test|laws)\.ts$/.test(p));
  const holding = (pattern: RegExp) =>
    files.filter(p => pattern.test(readFileSync(new URL(p, source), "utf8"))).map(p => p.replaceAll("\\", "/"));
  // imports of types leave nothing behind
  expect(holding(/^(import|export) (?!type )[^;=]*"@opentelemetry\//m).sort()).toEqual([
    "gateway/tracing/spans.ts",
    "serve/tracing/spans.ts",
    "tracing/otlp-metrics.ts",
    "tracing/otlp.ts",
  ]);
  expect(holding(/^(import|export) (?!type )[^;]*from "[./]*(tracing\/)?(otlp|otlp-metrics|spans)\.ts"/m)).toEqual([]);
  expect(holding(/import\("\.\/(otlp|otlp-metrics|spans)\.ts"\)/).sort()).toEqual([
    "gateway/tracing/open-tracing.ts",
    "serve/tracing/open-tracing.ts",
    "tracing/open-otlp.ts",
  ]);
});
