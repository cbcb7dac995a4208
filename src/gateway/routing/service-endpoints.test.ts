/** Upstreams that are a Service of Kubernetes, with lists of endpoints from the test's hand: requests and streams go through the gateway's door. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkConfig } from "../config/read-config.ts";
import { eventText, type FakeUpstream, fakeUpstream, good, goodEvents, openAccess, type TestGateway, testGateway } from "../fakes.ts";
import type { ServiceReference } from "../upstreams/service-reference.ts";
import type { FollowService, ServiceEndpoint, ServiceListener } from "./service-endpoints.ts";

let pods: FakeUpstream[];
let service: FakeUpstream;
let gateway: TestGateway;
/** By Service. */
let followed: Map<string, ServiceListener>;
let stopped: ServiceReference[];
let troubles: string[];

const followService: FollowService = (reference, listener) => {
  followed.set(reference.service, listener);
  return () => {
    stopped.push(reference);
    if (followed.get(reference.service) === listener) followed.delete(reference.service);
  };
};

beforeEach(async () => {
  [followed, stopped, troubles] = [new Map(), [], []];
  [service, ...pods] = (await Promise.all(Array.from({ length: 5 }, () => fakeUpstream(good)))) as [FakeUpstream, ...FakeUpstream[]];
});
afterEach(async () => {
  await gateway.close();
  await Promise.all([service, ...pods].map(s => s.close()));
  expect(gateway.failures).toEqual([]);
});

const endpoint = (pod: FakeUpstream): ServiceEndpoint => ({ address: "127.0.0.1", port: Number(new URL(pod.url).port) });
const list = (name: string, ...of: FakeUpstream[]) => followed.get(name)!.onEndpoints(of.map(endpoint));
const upstream = (name: string, more: object = {}) => ({ url: service.url, kubernetes: { service: name }, ...more });
const configOf = (chat: object = {}, more: object = {}) => ({
  upstreams: { mail: upstream("mail") },
  models: { chat: { targets: [{ upstream: "mail" }], ...chat } },
  ...more,
});
const open = async (config: Record<string, unknown>) => {
  gateway = await testGateway(config, { followService, onServiceTrouble: text => troubles.push(text) });
};
const ask = (more: object = {}) =>
  gateway.post("/v1/chat/completions", { model: "chat", messages: [{ role: "user", content: "hi" }], ...more });
const askOften = async (times: number): Promise<number[]> => {
  const before = [service, ...pods].map(s => s.received.length);
  for (let i = 0; i < times; i++) {
    const response = await ask();
    await response.text();
    expect(response.status).toBe(200);
  }
  return [service, ...pods].map((s, i) => s.received.length - before[i]!);
};

test("the Service's own address is asked until the list has come, then each endpoint in turn", async () => {
  await open(configOf());
  expect(await askOften(3)).toEqual([3, 0, 0, 0, 0]);
  list("mail", pods[0]!, pods[1]!, pods[2]!);
  expect(await askOften(9)).toEqual([0, 3, 3, 3, 0]);
  // one more, which another replica of the gateway may have heard of before
  list("mail", pods[3]!, pods[2]!, pods[1]!, pods[0]!);
  expect(await askOften(8)).toEqual([0, 2, 2, 2, 2]);
});

test("an endpoint that leaves takes no new request, and its streams end whole", async () => {
  await open(configOf());
  list("mail", pods[0]!);
  let goOn = () => {};
  pods[0]!.script = async ({ body }, response) => {
    const events = goodEvents(body);
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(events.slice(0, 3).join(""));
    await new Promise<void>(resolve => {
      goOn = resolve;
    });
    response.end(events.slice(3).join(""));
  };
  const stream = await ask({ stream: true });
  const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value ?? "";
  list("mail", pods[1]!);
  expect(await askOften(4)).toEqual([0, 0, 4, 0, 0]);
  // two lists later it still is its runtime's
  list("mail", pods[2]!);
  list("mail", pods[2]!, pods[3]!);
  goOn();
  for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
  expect(text).toContain("w59");
  expect(text.endsWith(eventText("[DONE]"))).toBe(true);
  expect(pods[0]!.aborted).toBe(0);
});

test("shares of two Services stay exact, however many pods each has", async () => {
  await open({
    upstreams: { stable: upstream("stable"), canary: upstream("canary") },
    models: {
      chat: {
        targets: [
          { upstream: "stable", weight: 9 },
          { upstream: "canary", weight: 1 },
        ],
      },
    },
  });
  list("stable", pods[0]!, pods[1]!, pods[2]!);
  list("canary", pods[3]!);
  const [, a, b, c, canary] = await askOften(100);
  expect(canary).toBe(10);
  expect([a, b, c]).toEqual([30, 30, 30]);
});

test("of a model that routes by prefix, only the prompts of the pod that left move to others", async () => {
  await open(configOf({ strategy: "prefix" }));
  const places = async (): Promise<(string | null)[]> => {
    const found: (string | null)[] = [];
    for (let i = 0; i < 40; i++) {
      const response = await ask({ messages: [{ role: "user", content: `prompt ${i} ${"x".repeat(300)}` }] });
      await response.text();
      found.push(response.headers.get("x-loam-target"));
    }
    return found;
  };
  list("mail", ...pods);
  const before = await places();
  expect(new Set(before).size).toBe(4);
  list("mail", pods[0]!, pods[1]!, pods[2]!);
  const after = await places();
  const gone = `mail@127.0.0.1:${endpoint(pods[3]!).port}/chat`;
  for (const [i, place] of before.entries()) if (place !== gone) expect(after[i]).toBe(place);
  expect(after).not.toContain(gone);
});

test("no endpoint is a 503 that asks for another attempt, and the next list ends it", async () => {
  await open(configOf());
  list("mail");
  const response = await ask();
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ error: { code: "service_unavailable" } });
  list("mail", pods[0]!);
  expect(await askOften(2)).toEqual([0, 2, 0, 0, 0]);
});

test("an endpoint at an address that no upstream may have is not asked", async () => {
  await open(configOf());
  followed.get("mail")!.onEndpoints([{ address: "169.254.169.254", port: 80 }, endpoint(pods[0]!)]);
  expect(await askOften(4)).toEqual([0, 4, 0, 0, 0]);
  expect(gateway.gateway.runtime.upstreams().map(u => u.id)).toEqual([`mail@127.0.0.1:${endpoint(pods[0]!).port}`]);
});

test("endpoints are checked one by one: a request that one refuses goes to another, and the circuit of that one alone opens", async () => {
  await open(configOf({}, { upstreams: { mail: upstream("mail", { breaker: { failures: 1, open: "1h" } }) } }));
  await pods[0]!.close();
  list("mail", pods[0]!, pods[1]!);
  expect(await askOften(6)).toEqual([0, 0, 6, 0, 0]);
  const states = gateway.gateway.state().upstreams.map(u => [u.id.endsWith(String(endpoint(pods[0]!).port)), u.failures]);
  expect(states.filter(([isFirst]) => isFirst)).toEqual([[true, 1]]);
  pods[0] = await fakeUpstream(good);
});

test("metrics of requests name the upstream of the file, so that pods that come and go add no series", async () => {
  await open(configOf());
  for (const pod of pods) {
    list("mail", pod, service);
    await askOften(2);
  }
  gateway.gateway.tell();
  const text = await gateway.gateway.metrics.registry.metrics();
  const lines = text.split("\n").filter(l => /^loam_gateway_(upstream_attempts|target_requests)_total\{/.test(l));
  expect(lines).toEqual([
    'loam_gateway_upstream_attempts_total{target="mail/chat",how="answered"} 8',
    'loam_gateway_target_requests_total{model="chat",target="mail/chat",status="200"} 8',
  ]);
});

test("pass-through and shadow traffic go to the Service's own address", async () => {
  await open(configOf({ shadow: { upstream: "mail" } }, { passThrough: { "/mail": { upstream: "mail" } } }));
  list("mail", pods[0]!);
  expect((await askOften(1)).slice(1)).toEqual([1, 0, 0, 0]);
  await expect.poll(() => service.received.length).toBe(1);
});

const reload = async (config: object) =>
  gateway.gateway.reload(
    await checkConfig({ ...config, state: "memory:", log: { to: "none" }, access: openAccess }, "gateway.yaml", "."),
    "test",
  );

test("a reload keeps the endpoints of a Service that stays, and stops following one that goes", async () => {
  await open(configOf());
  list("mail", pods[0]!);
  const listener = followed.get("mail");
  await reload(configOf({ aliases: ["other"] }));
  expect(followed.get("mail")).toBe(listener);
  expect(await askOften(2)).toEqual([0, 2, 0, 0, 0]);
  await reload(configOf({}, { upstreams: { mail: upstream("mail-two") } }));
  expect(stopped).toEqual([{ service: "mail" }]);
  expect(await askOften(2)).toEqual([2, 0, 0, 0, 0]);
  list("mail-two", pods[1]!);
  expect(await askOften(2)).toEqual([0, 0, 2, 0, 0]);
  // a list of a Service that is followed no more
  listener!.onEndpoints([endpoint(pods[2]!)]);
  expect(await askOften(2)).toEqual([0, 0, 2, 0, 0]);
  await gateway.close();
  expect(stopped.map(s => s.service)).toEqual(["mail", "mail-two"]);
});

test("an invalid list is reported with its place, and the last list stays", async () => {
  await open(configOf());
  list("mail", pods[0]!);
  followed.get("mail")!.onTrouble("the API server is not reached");
  expect(troubles).toEqual(["upstreams.mail.kubernetes: the API server is not reached"]);
  expect(await askOften(2)).toEqual([0, 2, 0, 0, 0]);
});

test("a gateway that follows no Services refuses a file that names one", async () => {
  await open(configOf());
  await expect(testGateway(configOf())).rejects.toThrow(
    /upstreams\.mail\.kubernetes: expected a gateway that was opened with `followService`, got mail/,
  );
});
