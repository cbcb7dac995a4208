/** Everything at once: lines, hedges, copies, rules, fallbacks, failing servers and leaving clients. Nothing may be lost or left over. */
import { afterEach, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { random } from "../../base/index.ts";
import type { ControlGiven } from "../control-config.ts";
import {
  type FakeUpstream,
  fakeUpstream,
  good,
  goodEvents,
  openAccess,
  type Script,
  status,
  type TestGateway,
  testGateway,
} from "../fakes.ts";
import type { ShadowRecord } from "./shadow.ts";

const drawn = random(11);
const wait = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));
const slow: Script = async (received, response) => {
  await wait(10 + 30 * drawn.uniform());
  await good(received, response);
};
const cut: Script = ({ body }, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(goodEvents(body).slice(0, 9).join(""));
  setTimeout(() => response.destroy(), 3);
};
const silent: Script = () => {};
const scripts: readonly Script[] = [good, good, slow, slow, slow, status(500), status(429), status(400), cut, silent];

let gateway: TestGateway;
let upstreams: FakeUpstream[] = [];
afterEach(async () => {
  await gateway.close();
  await Promise.all(upstreams.map(u => u.close()));
  expect(gateway.failures).toEqual([]);
});

/** The first answers wait until somebody waits for their places, so that there is a line however slowly requests come. */
let hasLine = false;
/** No server answers at all any more: a request is hedged, for its hedge is due long before its first byte is. */
let isQuiet = false;
async function untilLine(): Promise<void> {
  for (let i = 0; i < 100 && !hasLine; i++) {
    hasLine = gateway.gateway.state().upstreams.some(u => (u.lane?.waiting ?? 0) > 0);
    if (!hasLine) await wait(5);
  }
}

test("a hundred requests against servers that fail in every way: each ends once, and no place, hold or connection is left behind", async () => {
  upstreams = await Promise.all(
    [0, 1, 2, 3].map(() =>
      fakeUpstream(async (received, response) => {
        await untilLine();
        return isQuiet ? silent(received, response) : scripts[Math.floor(drawn.uniform() * scripts.length)]!(received, response);
      }),
    ),
  );
  const part = (i: number, more: object = {}) => ({
    url: upstreams[i]!.url,
    timeouts: { firstByte: "150ms", idle: "150ms" },
    breaker: { failures: 8, open: "20ms" },
    ...more,
  });
  const copies: ShadowRecord[] = [];
  const limits: ControlGiven["limits"] = [
    { name: "at-once", measure: "concurrency", limit: 1_000 },
    { name: "spent", measure: "cost", limit: 1_000, period: "total" },
  ];
  gateway = await testGateway(
    {
      upstreams: {
        a: part(0, { concurrency: 4, queue: { most: 30, longest: "400ms" } }),
        b: part(1, { concurrency: 3, queue: { most: 10, longest: "400ms" } }),
        c: part(2),
        dark: part(3, { concurrency: 2 }),
      },
      models: {
        chat: {
          targets: [
            { upstream: "a", weight: 3 },
            { upstream: "b", tags: ["b"] },
            { upstream: "c", priority: 1 },
          ],
          rules: [{ when: { tags: ["b"] }, use: ["b"], otherwise: "others" }],
          fallbacks: ["small"],
          hedge: { after: "15ms", share: 0.5 },
          shadow: { upstream: "dark", share: 0.5, atOnce: 4 },
        },
        small: { targets: [{ upstream: "c", model: "small" }] },
      },
      priorities: [{ when: { tags: ["first"] }, priority: 5 }],
      retries: { attempts: 1, backoff: "1ms" },
      timeouts: { total: "3s" },
    },
    {
      access: {
        ...openAccess,
        limits,
        prices: { currency: "EUR", models: { chat: { output: 1 }, "c/small": { output: 9 }, small: { output: 2 } } },
      },
      onShadow: r => copies.push(r),
    },
  );
  const numRequests = 100;
  let left = 0;
  const one = async (i: number): Promise<void> => {
    const leaving = new AbortController();
    const leaves = drawn.uniform() < 0.15;
    if (leaves) setTimeout(() => leaving.abort(), 40 * drawn.uniform());
    const tags = [...(i % 5 === 0 ? ["b"] : []), ...(i % 7 === 0 ? ["first"] : [])].join(",");
    try {
      const response = await gateway.post(
        "/v1/chat/completions",
        { model: "chat", stream: i % 2 === 0, messages: [{ role: "user", content: `${i}` }], max_tokens: 100 },
        { signal: leaving.signal, headers: { "x-loam-tags": tags } },
      );
      const text = await response.text();
      if (response.status !== 200) expect([400, 429, 502, 503, 504]).toContain(response.status);
      // whole, or with an error that says it is not
      else expect(text.includes("w59") || text.includes('"error"')).toBe(true);
    } catch (error) {
      if (!leaves) throw error;
      left++;
    }
  };
  const queue = Array.from({ length: numRequests }, (_, i) => i);
  await Promise.all(
    Array.from({ length: 50 }, async () => {
      for (let i = queue.pop(); i !== undefined; i = queue.pop()) await one(i);
    }),
  );
  // on a busy machine every hedge of the hundred may have been too late, or found no place free
  isQuiet = true;
  let sent = numRequests;
  for (; !gateway.records.some(r => r.isHedged) && sent < 3 * numRequests; sent++) await one(sent);
  // a request whose client left before its headers were read has none to record
  await until(() => gateway.gateway.inFlight === 0);
  expect(gateway.records.length).toBeGreaterThanOrEqual(sent - left);
  expect(new Set(gateway.records.map(r => r.id)).size).toBe(gateway.records.length);
  await until(() =>
    gateway.gateway.state().upstreams.every(u => u.outstanding === 0 && (u.lane?.running ?? 0) === 0 && (u.lane?.waiting ?? 0) === 0),
  );
  const view = async () => (await gateway.gateway.control.limitsView()).limits.flatMap(l => l.buckets);
  await until(async () => (await view()).every(b => b.held === 0));
  const buckets = await view();
  expect(buckets.every(b => b.held === 0)).toBe(true);
  // what the budget was charged is what usage says it cost, whoever answered
  const [usage] = await gateway.gateway.control.usage("2000-01-01", "2100-01-01");
  expect(buckets.find(b => b.used > 0)?.used).toBe(usage!.costNano);
  expect(usage!.outputTokens).toBe(gateway.records.reduce((n, r) => n + r.outputTokens, 0));
  // all of it happened
  expect(gateway.records.some(r => r.isHedged)).toBe(true);
  expect(gateway.records.some(r => r.queuedMs > 0)).toBe(true);
  expect(gateway.records.some(r => r.rule === "rule-1")).toBe(true);
  expect(copies.length).toBeGreaterThan(0);
}, 120_000);
