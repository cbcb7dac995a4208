/** By load: what servers say of their queue and cache, read over real sockets. */
import { afterEach, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { type FakeUpstream, fakeUpstream, good, type TestGateway, testGateway } from "../fakes.ts";
import { isFresh, pressure, readLoad } from "./load.ts";

test("Loam's metrics are read, the same values under vLLM's names are not counted twice, and models' queues are added", () => {
  const text = [
    "# HELP loam_queued_requests Answers that wait for a slot.",
    "# TYPE loam_queued_requests gauge",
    'loam_queued_requests{model="mail@3"} 4',
    'loam_queued_requests{model="chat@1"} 2',
    'loam_kv_cache_utilisation_ratio{model="mail@3"} 0.25',
    'loam_kv_cache_utilisation_ratio{model="chat@1"} 0.75',
    'vllm:num_requests_waiting{model_name="mail"} 4',
    'vllm:kv_cache_usage_perc{model_name="mail"} 0.25',
  ].join("\n");
  expect(readLoad(text)).toEqual({ waiting: 6, cacheUse: 0.75 });
});

test("vLLM's, SGLang's, TGI's, llama.cpp's and Triton's names are read, with labels and times of any kind", () => {
  const vllm = 'vllm:num_requests_waiting{engine="0",model_name="a} 9"} 3.0 1700000000000\nvllm:gpu_cache_usage_perc{engine="0"} 0.5\n';
  expect(readLoad(vllm)).toEqual({ waiting: 3, cacheUse: 0.5 });
  expect(readLoad("sglang:num_queue_reqs 1\nsglang:token_usage 0.1")).toEqual({ waiting: 1, cacheUse: 0.1 });
  expect(readLoad("tgi_queue_size 8\n")).toEqual({ waiting: 8, cacheUse: 0 });
  expect(readLoad("llamacpp:requests_deferred 2\nllamacpp:kv_cache_usage_ratio 0.4\n")).toEqual({ waiting: 2, cacheUse: 0.4 });
  const triton = [
    'nv_trt_llm_request_metrics{model="m",request_type="active",version="1"} 7',
    'nv_trt_llm_request_metrics{model="m",request_type="waiting",version="1"} 5',
    'nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="fraction",model="m"} 0.9',
  ].join("\n");
  expect(readLoad(triton)).toEqual({ waiting: 5, cacheUse: 0.9 });
});

test("what is no number, negative, of a longer name or above one is not believed", () => {
  expect(readLoad("loam_queued_requests NaN\nloam_queued_requests_total 5\nx_loam_queued_requests 5")).toBeUndefined();
  expect(readLoad("<html>loam_queued_requests 5</html>")).toBeUndefined();
  expect(readLoad("vllm:num_requests_waiting -1\nvllm:num_requests_waiting 2\nvllm:kv_cache_usage_perc 87")).toEqual({
    waiting: 2,
    cacheUse: 1,
  });
});

test("pressure grows with the queue, with what was sent since, and without end as the cache fills; without a value what is under way counts", () => {
  const at = (waiting: number, cacheUse: number, since = 0) => pressure({ waiting, cacheUse }, since, 99);
  expect(at(1, 0)).toBeGreaterThan(at(0, 0));
  expect(at(0, 0, 1)).toBeGreaterThan(at(0, 0));
  expect([at(0, 0.5), at(0, 0.9)]).toEqual([1, expect.closeTo(9)]);
  expect(at(0, 1)).toBe(at(0, 0.99));
  expect(pressure(undefined, 0, 12)).toBe(12);
});

test("a value is old after three looks that brought none, and after a second at the earliest", () => {
  const sample = { waiting: 0, cacheUse: 0, atMs: 1_000, outstanding: 0 };
  expect([isFresh(sample, 500, 2_500), isFresh(sample, 500, 2_501)]).toEqual([true, false]);
  expect([isFresh(sample, 10, 2_000), isFresh(sample, 10, 2_001)]).toEqual([true, false]);
});

const upstreams: FakeUpstream[] = [];
let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  await Promise.all(upstreams.splice(0).map(u => u.close()));
  expect(gateway?.failures ?? []).toEqual([]);
});
/** A server that says how busy it is. */
const busy = async (): Promise<FakeUpstream & { waiting: number | undefined }> => {
  const fake: FakeUpstream = await fakeUpstream((received, response) => {
    if (received.path !== "/metrics") return good(received, response);
    if (said.waiting === undefined) return void response.destroy();
    response.end(
      `# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting{model_name="m"} ${said.waiting}\nvllm:kv_cache_usage_perc 0.1\n`,
    );
  });
  const said = Object.assign(fake, { waiting: 0 as number | undefined });
  upstreams.push(said);
  return said;
};
const ask = async () => {
  const response = await gateway!.post("/v1/chat/completions", { model: "chat", messages: [{ role: "user", content: "hi" }] });
  await response.text();
  return response.headers.get("x-loam-target");
};
/** A request that was sent while both had a value. */
const askKnown = async () => {
  for (;;) {
    await until(() => waitings().every(w => w !== undefined));
    const target = await ask();
    if (waitings().every(w => w !== undefined)) return target;
  }
};
const waitings = () => gateway!.gateway.state().upstreams.map(u => u.load?.waiting);

test("requests go where the queue is short, and elsewhere when that changes; what falls silent is judged by what is under way to it", async () => {
  const [a, b] = [await busy(), await busy()];
  [a.waiting, b.waiting] = [9, 0];
  const part = (u: FakeUpstream) => ({ url: u.url, load: { every: "400ms" } });
  gateway = await testGateway({
    upstreams: { a: part(a), b: part(b) },
    models: { chat: { strategy: "load", targets: [{ upstream: "a" }, { upstream: "b" }] } },
  });
  await until(() => waitings().every(w => w !== undefined));
  expect([await askKnown(), await askKnown(), await askKnown()]).toEqual(["b/chat", "b/chat", "b/chat"]);
  await until(() => waitings()[0] === 9);
  expect(await gateway.gateway.metrics.text()).toContain('loam_gateway_upstream_waiting{upstream="a"} 9');
  b.waiting = 30;
  await until(() => waitings()[1] === 30);
  expect([await askKnown(), await askKnown()]).toEqual(["a/chat", "a/chat"]);
  // b says nothing any more, and nothing is under way to it
  b.waiting = undefined;
  await until(() => waitings()[1] === undefined);
  expect(await ask()).toBe("b/chat");
  // looking at metrics is no request: no failure, no breaker
  expect(gateway.gateway.state().upstreams[1]).toMatchObject({ failures: 0, isAvailable: true });
});

test("a model of the strategy load has its servers looked at without being told where; others are left alone", async () => {
  const [a, b] = [await busy(), await busy()];
  gateway = await testGateway({
    upstreams: { a: { url: a.url }, b: { url: b.url } },
    models: { chat: { strategy: "load", targets: [{ upstream: "a" }] }, other: { targets: [{ upstream: "b" }] } },
  });
  await until(() => waitings()[0] === 0);
  expect([a.received.map(r => r.path), b.received.length]).toEqual([["/metrics"], 0]);
});

test("between two looks requests do not all run to the server that was free a moment ago", async () => {
  const [a, b] = [await busy(), await busy()];
  let release = () => {};
  const gate = new Promise<void>(resolve => {
    release = resolve;
  });
  for (const u of [a, b]) {
    const { script } = u;
    u.script = async (received, response) => {
      if (received.path !== "/metrics") await gate;
      await script(received, response);
    };
  }
  [a.waiting, b.waiting] = [3, 0];
  const part = (u: FakeUpstream) => ({ url: u.url, load: { every: "1h" } });
  gateway = await testGateway({
    upstreams: { a: part(a), b: part(b) },
    models: { chat: { strategy: "load", targets: [{ upstream: "a" }, { upstream: "b" }] } },
  });
  await until(() => waitings().every(w => w !== undefined));
  const all: Promise<unknown>[] = [];
  const asked = (u: FakeUpstream) => u.received.filter(r => r.path !== "/metrics").length;
  for (let i = 0; i < 13; i++) {
    all.push(ask());
    await until(() => asked(a) + asked(b) === i + 1);
  }
  // 3 + 5 and 0 + 8 are level
  expect([asked(a), asked(b)]).toEqual([5, 8]);
  release();
  await Promise.all(all);
});
