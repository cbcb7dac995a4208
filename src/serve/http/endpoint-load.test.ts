/** What load balancers read: a response's header in Open Request Cost Aggregation's forms, and `/load`. */
import { afterAll, expect, test } from "vitest";
import { openDevice } from "../../tensor/index.ts";
import { createEngine } from "../engine.ts";
import { tinyModel } from "../fakes.ts";
import { createApp } from "./app.ts";

const device = openDevice("cpu", { threads: 1 });
const engine = createEngine({ model: await tinyModel(device), device, slots: 2 });
await engine.ready;
const app = createApp({ engines: [engine] });
afterAll(() => engine.close());

const complete = (headers: Readonly<Record<string, string>>, body: object = {}, signal?: AbortSignal) =>
  Promise.resolve(
    app.fetch(
      new Request("http://127.0.0.1/v1/completions", {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify({ model: "tiny", prompt: "Once", max_tokens: 4, ...body }),
        ...(signal ? { signal } : {}),
      }),
    ),
  );
const load = async () => ((await (await app.fetch(new Request("http://127.0.0.1/load"))).json()) as { server_load: number }).server_load;
const header = "endpoint-load-metrics";
const format = (value: string) => ({ "endpoint-load-metrics-format": value });

test("a response tells the load of its engine where its request asks for it, in the form that it names", async () => {
  const text = (await complete(format("TEXT"))).headers.get(header)!;
  expect(text).toMatch(
    /^TEXT application_utilization=[\d.]+, named_metrics\.kv_cache_usage_perc=[\d.]+, named_metrics\.num_requests_waiting=0$/,
  );
  const json = (await complete(format("json"))).headers.get(header)!;
  expect(json.slice(0, 5)).toBe("JSON ");
  expect(JSON.parse(json.slice(5))).toEqual({
    application_utilization: expect.any(Number),
    named_metrics: { kv_cache_usage_perc: expect.any(Number), num_requests_waiting: 0 },
  });
  for (const none of [{}, format("BIN")]) expect((await complete(none)).headers.get(header)).toBeNull();
});

test("requests that wait are counted, and the utilisation is above 1 while they do", async () => {
  const stop = new AbortController();
  const long = Array.from({ length: 4 }, () =>
    complete({}, { stream: true, max_tokens: 60, min_tokens: 60, ignore_eos: true }, stop.signal),
  );
  const streams = await Promise.all(long);
  await expect.poll(() => engine.stats().queued).toBeGreaterThan(0);
  expect(await load()).toBe(4);
  const asked = await complete(format("TEXT"), { stream: true, max_tokens: 1 });
  const [, utilisation, waiting] = /utilization=([\d.]+),.*waiting=(\d+)/.exec(asked.headers.get(header)!)!;
  expect(Number(waiting)).toBeGreaterThan(0);
  expect(Number(utilisation)).toBeGreaterThan(1);
  stop.abort();
  await Promise.allSettled([...streams, asked].map(s => s.text()));
  await expect.poll(load).toBe(0);
});

test("/load counts what models answer, until it has ended", async () => {
  expect(await load()).toBe(0);
  const response = await complete({}, { stream: true, max_tokens: 60, ignore_eos: true });
  expect(await load()).toBe(1);
  await response.text();
  expect(await load()).toBe(0);
  // refused ones do not stay
  expect((await complete({}, { max_tokens: -5 })).status).toBe(400);
  expect(await load()).toBe(0);
});

test("where a gateway decides, no load is told", async () => {
  const request = new Request("http://127.0.0.1/v1/completions", {
    method: "POST",
    headers: { "content-type": "application/json", ...format("TEXT") },
    body: JSON.stringify({ model: "tiny", prompt: "Once", max_tokens: 1 }),
  });
  const response = await app.fetch(request, {}, async () => undefined);
  expect(response.status).toBe(200);
  expect(response.headers.get(header)).toBeNull();
});
