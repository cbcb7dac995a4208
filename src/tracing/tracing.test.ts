import { expect, test } from "vitest";
import { collectorUrl, metricsUrl, readTracestate } from "./index.ts";

test("a collector is where the option says, else where OpenTelemetry's variables say, else nowhere", () => {
  expect(collectorUrl(undefined, {})).toBeUndefined();
  expect(collectorUrl("http://collector:4318", {})).toBe("http://collector:4318/v1/traces");
  expect(collectorUrl("http://collector:4318/v1/traces", {})).toBe("http://collector:4318/v1/traces");
  expect(collectorUrl(undefined, { OTEL_EXPORTER_OTLP_ENDPOINT: "https://c/otlp/" })).toBe("https://c/otlp/v1/traces");
  // OpenTelemetry takes the variable of one signal as it is
  expect(collectorUrl(undefined, { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://c/t", OTEL_EXPORTER_OTLP_ENDPOINT: "http://d" })).toBe(
    "http://c/t",
  );
  const on = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c" };
  expect(collectorUrl(undefined, { ...on, OTEL_SDK_DISABLED: "true" })).toBeUndefined();
  expect(collectorUrl(undefined, { ...on, OTEL_TRACES_EXPORTER: "none" })).toBeUndefined();
  expect(() => collectorUrl("collector", {})).toThrow('--otlp: expected an address such as http://127.0.0.1:4318, got "collector"');
  expect(() => collectorUrl(undefined, { OTEL_EXPORTER_OTLP_ENDPOINT: "grpc://c:4317" })).toThrow("OTEL_EXPORTER_OTLP_ENDPOINT");
});

test("metrics go to the same collector as traces, and each signal can be turned off alone", () => {
  expect(metricsUrl(undefined, {})).toBeUndefined();
  for (const given of [
    "http://c:4318",
    "http://c:4318/",
    "http://c:4318/v1/traces",
    "http://c:4318/v1/metrics",
    "http://c:4318/v1/traces/",
  ])
    expect([metricsUrl(given, {}), collectorUrl(given, {})], given).toEqual(["http://c:4318/v1/metrics", "http://c:4318/v1/traces"]);
  expect(metricsUrl("http://c/otlp", {})).toBe("http://c/otlp/v1/metrics");
  const on = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c" };
  expect(metricsUrl(undefined, on)).toBe("http://c/v1/metrics");
  expect(metricsUrl(undefined, { ...on, OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "http://d/m" })).toBe("http://d/m");
  expect(metricsUrl(undefined, { ...on, OTEL_METRICS_EXPORTER: "none" })).toBeUndefined();
  expect(collectorUrl(undefined, { ...on, OTEL_METRICS_EXPORTER: "none" })).toBe("http://c/v1/traces");
  expect(metricsUrl(undefined, { ...on, OTEL_TRACES_EXPORTER: "none" })).toBe("http://c/v1/metrics");
  expect(metricsUrl(undefined, { ...on, OTEL_SDK_DISABLED: "true" })).toBeUndefined();
  // a collector of traces alone is given by an option, and is not bothered with metrics
  expect(metricsUrl("http://jaeger:4318", { OTEL_METRICS_EXPORTER: "none" })).toBeUndefined();
  expect(() => metricsUrl("c", {}, "tracing.otlp")).toThrow("tracing.otlp: expected an address");
});

test("a tracestate is passed on as a list of members, and not where it is malformed or too long", () => {
  expect(readTracestate("vendor=1, other@sys=a b;c , ,third/x=y")).toBe("vendor=1,other@sys=a b;c,third/x=y");
  const long = Array.from({ length: 31 }, (_, i) => `key${i}=${"v".repeat(20)}`).join(",");
  const many = Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(",");
  for (const wrong of ["", null, undefined, "novalue", "Upper=1", "a=1,a=2", "a=b=c", "a=\r\nx: y", "a=é", long, many])
    expect(readTracestate(wrong), String(wrong)).toBeUndefined();
});
