import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { expect, test } from "vitest";
import { exemplarLabels, latencyHistogram } from "./exemplars.ts";
import { acceptsOpenMetrics, openMetricsText } from "./exposition.ts";

/** Samples of a text, without exemplars: what Prometheus makes series of. */
const samples = (text: string) =>
  text
    .split("\n")
    .filter(line => line !== "" && !line.startsWith("#"))
    .map(line => line.replace(/ # \{.*$/, ""))
    .sort();

function filled(): Registry {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Counter({ name: "a_total", help: "A.", labelNames: ["x"], registers }).inc({ x: 'q"uo\\te\nline' }, 3);
  new Counter({ name: "strange", help: "Without its ending.", registers }).inc(2);
  // a counter that is called as a histogram with the ending
  new Counter({ name: "tokens_total", help: "Sum.", registers }).inc(9);
  new Histogram({ name: "tokens", help: "Each.", buckets: [1, 2], registers }).observe(1.5);
  new Gauge({ name: "g", help: "G\nand more \\.", registers }).set(Number.POSITIVE_INFINITY);
  return registry;
}

test("OpenMetrics tells of the same series as the classic format, before and after", async () => {
  const registry = filled();
  // figures of the process move between two looks
  const still = (text: string) => samples(text).filter(line => !/^(process_|nodejs_)/.test(line));
  const before = await registry.metrics();
  const open = await openMetricsText(registry);
  expect(still(open)).toEqual(still(before));
  expect(still(open).length).toBeGreaterThan(8);
  expect(still(await registry.metrics())).toEqual(still(before));
  const names = (text: string) => new Set(samples(text).map(line => /^[\w:]+/.exec(line)![0]));
  expect(names(open)).toEqual(names(before));
});

test("an OpenMetrics text is made as the format asks: families once, counters without _total, nothing after EOF", async () => {
  const text = await openMetricsText(filled(), { tokens: { name: "vllm:tokens" } });
  expect(text.endsWith("\n# EOF\n")).toBe(true);
  expect(text).not.toMatch(/\n\n/);
  const families = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(m => [m[1], m[2]] as const);
  expect(new Set(families.map(([name]) => name)).size).toBe(families.length);
  const typeOf = Object.fromEntries(families);
  expect(typeOf).toMatchObject({
    a: "counter",
    strange: "unknown",
    tokens_total: "unknown",
    tokens: "histogram",
    "vllm:tokens": "histogram",
  });
  expect(text).toContain('a_total{x="q\\"uo\\\\te\\nline"} 3\n');
  expect(text).toContain("g +Inf\n");
  expect(text).toContain('vllm:tokens_bucket{le="2"} 1\n');
});

test("a bucket names the last request that fell into it, by id and trace, and the classic format says nothing of it", async () => {
  const registry = new Registry();
  const observe = latencyHistogram({ name: "t_seconds", help: "T.", labelNames: ["model"], buckets: [0.1, 1], registry });
  observe({ model: "m" }, 0.05, "req-1", undefined);
  observe({ model: "m" }, 0.06, "req-2", "0af7651916cd43dd8448eb211c80319c");
  observe({ model: "m" }, 5, "req-3", undefined);
  observe({ model: "m" }, 0.5, undefined, undefined);
  const text = await openMetricsText(registry);
  const seconds = String.raw`\d+(\.\d+)?`;
  expect(text).toMatch(
    new RegExp(
      String.raw`^t_seconds_bucket\{le="0.1",model="m"\} 2 # \{request_id="req-2",trace_id="0af7651916cd43dd8448eb211c80319c"\} 0.06 ${seconds}$`,
      "m",
    ),
  );
  expect(text).toMatch(new RegExp(String.raw`^t_seconds_bucket\{le="\+Inf",model="m"\} 4 # \{request_id="req-3"\} 5 ${seconds}$`, "m"));
  expect(text).toMatch(/^t_seconds_bucket\{le="1",model="m"\} 3$/m);
  expect(await registry.metrics()).not.toMatch(/req-|# \{/);
});

test("an exemplar never has more than the 128 characters that OpenMetrics allows, whatever id a client chose", () => {
  const trace = "0af7651916cd43dd8448eb211c80319c";
  expect(exemplarLabels("r", trace)).toEqual({ request_id: "r", trace_id: trace });
  for (const length of [0, 1, 78, 79, 117, 118, 119, 128, 4000]) {
    const labels = exemplarLabels("x".repeat(length), trace);
    expect(Object.entries(labels).flat().join("").length, String(length)).toBeLessThanOrEqual(128);
  }
  expect(exemplarLabels("x".repeat(118), trace)).toEqual({ request_id: "x".repeat(118) });
  expect(exemplarLabels("x".repeat(119), trace)).toEqual({ trace_id: trace });
});

test("OpenMetrics is what a scraper gets that asks for it, and nobody else", () => {
  const asked: readonly [string | null, boolean][] = [
    // Prometheus 2.42
    [
      "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
      true,
    ],
    // Prometheus 3
    [
      "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
      true,
    ],
    ["application/openmetrics-text", true],
    [null, false],
    ["", false],
    ["*/*", false],
    ["text/plain", false],
    ["text/html,*/*;q=0.8", false],
    ["application/openmetrics-text;version=2.0.0", false],
    ["application/openmetrics-text;q=0", false],
    ["text/plain;version=0.0.4,application/openmetrics-text;q=0.5", false],
    ["application/openmetrics-text;q=x", false],
  ];
  for (const [accept, is] of asked) expect(acceptsOpenMetrics(accept), String(accept)).toBe(is);
});
