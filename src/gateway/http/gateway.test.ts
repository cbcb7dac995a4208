/** The gateway's door over sockets: bytes that stay as they were, slow and leaving clients, bad input, reload, drain. */
import { once } from "node:events";
import { connect } from "node:net";
import OpenAI from "openai";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { checkConfig } from "../config/read-config.ts";
import {
  begin,
  eventText,
  type FakeUpstream,
  fakeUpstream,
  good,
  goodEvents,
  openAccess,
  status,
  type TestGateway,
  testGateway,
  wordChunk,
  words,
} from "../fakes.ts";

let upstream: FakeUpstream;
let gateway: TestGateway;
const configOf = (more: object = {}) => ({
  upstreams: { local: { url: upstream.url } },
  models: { chat: { aliases: ["gpt-4o"], targets: [{ upstream: "local", model: "inner" }] } },
  ...more,
});
beforeEach(async () => {
  upstream = await fakeUpstream(good);
  gateway = await testGateway(configOf());
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
  expect(gateway.failures).toEqual([]);
});

const messages = [{ role: "user", content: "Count." }];
const ask = { model: "chat", messages };

test("a stream's bytes reach the client as the upstream wrote them", async () => {
  const odd = `: comment\r\n\r\n${goodEvents({ stream_options: { include_usage: true } })
    .join("")
    .replaceAll('"logprobs":null', '"logprobs" : null')}`;
  upstream.script = (_, response) => {
    begin(response);
    for (let i = 0; i < odd.length; i += 97) response.write(odd.slice(i, i + 97));
    response.end();
  };
  const response = await gateway.post("/v1/chat/completions", { ...ask, stream: true, stream_options: { include_usage: true } });
  expect(await response.text()).toBe(odd);
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
});

test("each event comes as soon as it is complete, not when the answer is", async () => {
  let go = () => {};
  const gate = new Promise<void>(resolve => {
    go = resolve;
  });
  upstream.script = async (_, response) => {
    begin(response);
    response.write(eventText(wordChunk("first")));
    await gate;
    response.end(goodEvents({}).join(""));
  };
  const response = await gateway.post("/v1/chat/completions", { ...ask, stream: true });
  const reader = response.body!.getReader();
  const { value } = await reader.read();
  expect(new TextDecoder().decode(value)).toBe(eventText(wordChunk("first")));
  go();
  await reader.cancel();
});

test("a whole answer's bytes are the upstream's, and only the model's name of the request is changed", async () => {
  const text = '{ "model":"gpt-4o" ,"messages":[{"role":"user","content":"é\\u00e9"}],"seed":9223372036854775807,"temperature":1.0}';
  let said = "";
  upstream.script = (_, response) => {
    said = '{"id":"x",  "choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2},"big":12345678901234567890}';
    response.writeHead(200, { "content-type": "application/json" });
    response.end(said);
  };
  const response = await gateway.post("/v1/chat/completions", text);
  expect(await response.text()).toBe(said);
  expect(upstream.received[0]!.text).toBe(text.replace('"gpt-4o"', '"inner"'));
});

test("counts that the client did not ask for are asked for, charged, and not shown", async () => {
  const text = await (await gateway.post("/v1/chat/completions", { ...ask, stream: true })).text();
  expect(upstream.received[0]!.body.stream_options).toEqual({ include_usage: true });
  expect(text).not.toContain("prompt_tokens");
  await until(() => gateway.records.length === 1);
  expect(gateway.records[0]).toMatchObject({ status: 200, inputTokens: 7, outputTokens: 60, model: "chat", target: "local/inner" });
});

test("an upstream that lies about its counts is not believed: the pieces are counted", async () => {
  for (const usage of [
    { prompt_tokens: -5, completion_tokens: -1 },
    { prompt_tokens: 1e300, completion_tokens: 0.5 },
    { prompt_tokens: 7, completion_tokens: 0 },
  ]) {
    upstream.script = (_, response) => {
      begin(response);
      const events = goodEvents({});
      response.end([...events.slice(0, -1), eventText({ ...wordChunk(""), choices: [], usage }), ...events.slice(-1)].join(""));
    };
    gateway.records.length = 0;
    await (await gateway.post("/v1/chat/completions", { ...ask, stream: true })).text();
    await until(() => gateway.records.length === 1);
    expect(gateway.records[0]!.outputTokens).toBe(60);
  }
});

test("a client that leaves ends its upstream's work, in a stream and before one, and the log says 499", async () => {
  upstream.script = (_, response) => {
    begin(response);
    response.write(eventText(wordChunk("first")));
  };
  const response = await gateway.post("/v1/chat/completions", { ...ask, stream: true });
  const reader = response.body!.getReader();
  await reader.read();
  await reader.cancel();
  await until(() => upstream.aborted === 1 && gateway.records.length === 1);
  upstream.script = () => {};
  const controller = new AbortController();
  const pending = gateway.post("/v1/chat/completions", ask, { signal: controller.signal }).catch(() => {});
  await until(() => upstream.received.length === 2);
  controller.abort();
  await pending;
  await until(() => upstream.aborted === 2 && gateway.records.length === 2);
  expect(gateway.records.map(r => [r.status, r.error])).toEqual([
    [499, "gateway/cancelled"],
    [499, "gateway/cancelled"],
  ]);
  expect(gateway.gateway.state().upstreams[0]).toMatchObject({ outstanding: 0, failures: 0, breaker: "closed" });
  expect(gateway.gateway.inFlight).toBe(0);
});

test("a client that does not read stops its upstream, and one that never reads again loses the stream", async () => {
  await gateway.close();
  gateway = await testGateway(configOf({ timeouts: { reader: "300ms" } }));
  let written = 0;
  const big = eventText(wordChunk("x".repeat(16_000)));
  upstream.script = async (_, response) => {
    begin(response);
    response.setMaxListeners(0);
    for (let i = 0; i < 4_000 && !response.destroyed; i++) {
      written += big.length;
      if (!response.write(big)) await Promise.race([once(response, "drain"), once(response, "close")]).catch(() => {});
    }
  };
  const { hostname, port } = new URL(gateway.url);
  const socket = connect({ host: hostname, port: Number(port) });
  const body = JSON.stringify({ ...ask, stream: true });
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: Bearer ${gateway.key}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  socket.pause();
  await until(() => gateway.records.length === 1);
  // 64 MB would have come; what went is what sockets and the gateway hold
  expect(written).toBeLessThan(24_000_000);
  expect(gateway.records[0]).toMatchObject({ status: 499, error: "gateway/slowReader" });
  socket.destroy();
});

const refused: readonly (readonly [string, string | object, RequestInit, number, string])[] = [
  ["no JSON", "{", {}, 400, "invalid_body"],
  ["a list", "[]", {}, 400, "invalid_body"],
  ["a key that comes twice", '{"model":"chat","model":"other","messages":[]}', {}, 400, "invalid_body"],
  ["nesting without end", `{"model":"chat","messages":${"[".repeat(100)}${"]".repeat(100)}}`, {}, 400, "invalid_body"],
  ["no model", { messages }, {}, 400, "invalid_value"],
  ["a model that is no text", { model: 7, messages }, {}, 400, "invalid_value"],
  ["a look-alike of a model's name", { model: "сhat", messages }, {}, 404, "model_not_found"],
  ["negative max_tokens", { ...ask, max_tokens: -1 }, {}, 400, "invalid_value"],
  ["huge max_tokens", { ...ask, max_tokens: 1e15 }, {}, 400, "invalid_value"],
  ["a stream of embeddings", { model: "chat", input: "x", stream: true }, {}, 400, "invalid_value"],
  ["another type", ask, { headers: { "content-type": "text/plain" } }, 415, "unsupported_media_type"],
  ["no key", ask, { headers: { authorization: "" } }, 401, "invalid_api_key"],
  ["a wrong key", ask, { headers: { authorization: "Bearer sk-nonsense" } }, 401, "invalid_api_key"],
];
for (const [what, body, init, code, word] of refused)
  test(`${what} is refused with ${code} in OpenAI's form before any upstream is asked`, async () => {
    const response = await gateway.post(what.includes("embeddings") ? "/v1/embeddings" : "/v1/chat/completions", body, init);
    expect(response.status).toBe(code);
    const { error } = (await response.json()) as { error: Record<string, unknown> };
    expect(Object.keys(error)).toEqual(["message", "type", "param", "code"]);
    expect(error.code).toBe(word);
    expect(response.headers.get("x-request-id")).toMatch(/^req_/);
    expect(upstream.received).toEqual([]);
  });

test("a body that is too large is refused before it is read, and headers without end are not read", async () => {
  const { hostname, port } = new URL(gateway.url);
  const said = (text: string) =>
    new Promise<string>(resolve => {
      const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(text));
      let got = "";
      socket.on("data", d => {
        got += d.toString();
      });
      socket.on("error", () => resolve(got)).on("close", () => resolve(got));
      setTimeout(() => socket.end(), 500);
    });
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: Bearer ${gateway.key}\r\n`;
  expect(await said(`${head}content-length: 99999999999\r\n\r\n{`)).toContain("HTTP/1.1 413");
  expect(await said(`${head}x: ${"a".repeat(20_000)}\r\n\r\n`)).toContain("HTTP/1.1 431");
  // two lengths, or a length and chunks, are how a request is smuggled past a proxy
  expect(await said(`${head}content-length: 4\r\ncontent-length: 5\r\n\r\n{}{}`)).toContain("HTTP/1.1 400");
  expect(await said(`${head}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`)).toContain("HTTP/1.1 400");
  expect(upstream.received).toEqual([]);
});

test("nothing of the client's headers reaches an upstream but what belongs there, and the gateway's own key does", async () => {
  await gateway.close();
  process.env.LOAM_TEST_UPSTREAM_KEY = "inner-secret";
  gateway = await testGateway({ ...configOf(), upstreams: { local: { url: upstream.url, key: { env: "LOAM_TEST_UPSTREAM_KEY" } } } });
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  await gateway.post("/v1/chat/completions", ask, {
    headers: { cookie: "a=b", "x-forwarded-host": "evil", traceparent, "x-request-id": "mine-1" },
  });
  const { headers } = upstream.received[0]!;
  expect(headers).toMatchObject({ authorization: "Bearer inner-secret", traceparent, "x-request-id": "mine-1" });
  expect(Object.keys(headers)).not.toContain("cookie");
  expect(Object.keys(headers)).not.toContain("x-forwarded-host");
  expect(JSON.stringify(gateway.gateway.state())).not.toContain("inner-secret");
});

test("models are listed for those who may use them, by their public names", async () => {
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
  expect((await client.models.list()).data.map(m => m.id)).toEqual(["chat"]);
  expect((await client.models.retrieve("gpt-4o")).id).toBe("gpt-4o");
  await expect(client.models.retrieve("nothing")).rejects.toMatchObject({ status: 404, code: "model_not_found" });
});

test("a policy decides, its sentence is told, and a fallback that is not allowed is not asked", async () => {
  await gateway.close();
  upstream.script = status(500);
  const other = await fakeUpstream(good);
  gateway = await testGateway(
    {
      upstreams: { local: { url: upstream.url }, other: { url: other.url } },
      models: {
        chat: { targets: [{ upstream: "local" }], fallbacks: ["dear", "cheap"] },
        dear: { targets: [{ upstream: "other" }] },
        cheap: { targets: [{ upstream: "other" }] },
      },
      retries: { attempts: 0 },
    },
    {
      access: {
        ...openAccess,
        policies: [
          { id: "all", effect: "allow" },
          { id: "no-dear", effect: "deny", models: ["dear"] },
        ],
      },
    },
  );
  const denied = await gateway.post("/v1/chat/completions", { ...ask, model: "dear" });
  expect(denied.status).toBe(403);
  expect(((await denied.json()) as { error: { message: string } }).error.message).toContain("no-dear");
  expect((await gateway.post("/v1/chat/completions", ask)).headers.get("x-loam-target")).toBe("other/cheap");
  expect(other.received.map(r => r.body.model)).toEqual(["cheap"]);
  await other.close();
});

test("a limit denies with 429 what does not fit, and what an answer did not use is given back", async () => {
  await gateway.close();
  gateway = await testGateway(configOf(), {
    access: { ...openAccess, limits: [{ name: "few", measure: "outputTokens", per: ["key"], limit: 300, window: "1h" }] },
  });
  // each reserves 200 and uses 60: two at once do not fit, one after the other they do
  let go = () => {};
  const gate = new Promise<void>(resolve => {
    go = resolve;
  });
  upstream.script = async (received, response) => {
    await gate;
    await good(received, response);
  };
  const first = gateway.post("/v1/chat/completions", { ...ask, max_tokens: 200 });
  await until(() => upstream.received.length === 1);
  const denied = await gateway.post("/v1/chat/completions", { ...ask, max_tokens: 200 });
  expect([denied.status, ((await denied.json()) as { error: { code: string } }).error.code]).toEqual([429, "rate_limit_exceeded"]);
  expect(Number(denied.headers.get("retry-after"))).toBeGreaterThan(0);
  go();
  const { status: code, headers } = await first;
  expect([code, headers.get("x-ratelimit-limit-tokens")]).toEqual([200, "300"]);
  expect((await gateway.post("/v1/chat/completions", { ...ask, max_tokens: 200 })).status).toBe(200);
  const [row] = await gateway.gateway.control.usage("2000-01-01", "2100-01-01");
  expect(row).toMatchObject({ subject: "ann", model: "chat", outputTokens: 120 });
});

test("a reload takes effect for what comes next; a stream under way ends as it began; a wrong one changes nothing", async () => {
  let go = () => {};
  const gate = new Promise<void>(resolve => {
    go = resolve;
  });
  upstream.script = async (received, response) => {
    begin(response);
    response.write(eventText(wordChunk("first")));
    await gate;
    response.end(goodEvents(received.body).join(""));
  };
  const other = await fakeUpstream(good);
  const under = await gateway.post("/v1/chat/completions", { ...ask, stream: true });
  const load = async (config: object) =>
    gateway.gateway.reload(
      await checkConfig({ ...config, state: "memory:", log: { to: "none" }, access: openAccess }, "g.yaml", "."),
      "test",
    );
  await load({ ...configOf(), upstreams: { local: { url: other.url } } });
  await gateway.post("/v1/chat/completions", ask);
  expect(other.received.length).toBe(1);
  await expect(load({ ...configOf(), models: { chat: { targets: [{ upstream: "lokal" }] } } })).rejects.toMatchObject({
    code: "gateway/config",
  });
  await expect(load({ ...configOf(), upstreams: { local: { url: "http://169.254.169.254/v1" } } })).rejects.toMatchObject({
    code: "gateway/config",
  });
  go();
  expect(await under.text()).toContain("[DONE]");
  expect((await gateway.post("/v1/chat/completions", ask)).status).toBe(200);
  expect(other.received.length).toBe(2);
  await other.close();
});

test("draining: streams under way are finished, new work is refused with 503, and what lasts too long is told so", async () => {
  let go = () => {};
  const gate = new Promise<void>(resolve => {
    go = resolve;
  });
  upstream.script = async (received, response) => {
    begin(response);
    response.write(eventText(wordChunk("first")));
    if (received.body.max_tokens !== 1) await gate;
    if (received.body.max_tokens === 2) return;
    response.end(goodEvents(received.body, words).join(""));
  };
  const streams = await Promise.all([3, 2].map(n => gateway.post("/v1/chat/completions", { ...ask, stream: true, max_tokens: n })));
  const drained = gateway.gateway.drain(3_000);
  const refusal = await gateway.post("/v1/chat/completions", ask);
  expect([refusal.status, refusal.headers.get("retry-after"), refusal.headers.get("connection")]).toEqual([503, "5", "close"]);
  for (const path of ["/readyz", "/health"]) expect((await fetch(`${gateway.url}${path}`)).status, path).toBe(503);
  expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
  go();
  expect(await streams[0]!.text()).toContain("[DONE]");
  expect(await drained).toEqual({ cutOff: 1 });
  gateway.gateway.cutOff();
  expect(await streams[1]!.text()).toContain("shutting down");
});

test("metrics, state and usage are the administrators'", async () => {
  await (await gateway.post("/v1/chat/completions", ask)).text();
  for (const path of ["/metrics", "/gateway/state", "/gateway/usage"]) {
    expect((await fetch(`${gateway.url}${path}`)).status).toBe(401);
    expect((await fetch(`${gateway.url}${path}`, { headers: { authorization: `Bearer ${gateway.key}` } })).status).toBe(200);
  }
  const text = await gateway.gateway.metrics.text();
  expect(text).toContain('loam_gateway_requests_total{path="/v1/chat/completions",model="chat",status="200"} 1');
  expect(text).toContain('loam_gateway_tokens_total{model="chat",kind="output"} 60');
});

test("an address or method that does not exist is answered in OpenAI's form", async () => {
  const nowhere = await fetch(`${gateway.url}/v1/nothing`, { method: "POST" });
  expect([nowhere.status, ((await nowhere.json()) as { error: { code: string } }).error.code]).toEqual([404, "unknown_url"]);
  const method = await fetch(`${gateway.url}/v1/chat/completions`);
  expect([method.status, method.headers.get("allow")]).toEqual([405, "POST"]);
});
