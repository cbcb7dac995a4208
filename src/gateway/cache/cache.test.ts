/** Answers that are given again, over real sockets: the same to the letter, to the right people, as their clients wish. */

import { expect, test } from "vitest";
import { handClock } from "../../base/index.ts";
import type { ControlGiven } from "../control-config.ts";
import { begin, eventText, good, goodEvents, openAccess, roleChunk, type Script, wordChunk, words } from "../fakes.ts";
import { cacheRig, gated, messages, question, until } from "./rig.laws.ts";

const rig = cacheRig();

/** An answer that says how often it was asked for, so that an old one is seen. */
const counting: Script = (received, response) => {
  response.writeHead(200, { "content-type": "application/json" });
  const message = { role: "assistant", content: `answer ${rig.upstream.received.length}` };
  const choices = [{ index: 0, message, finish_reason: "stop" }];
  response.end(JSON.stringify({ id: `c${rig.upstream.received.length}`, object: "chat.completion", model: received.body.model, choices }));
};

test("a whole answer is given again to the letter, by one call", async () => {
  rig.upstream.script = (_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end('{"id":"x",  "choices":[{"message":{"content":"é\\u00e9"},"finish_reason":"stop"}],"big":12345678901234567890}');
  };
  await rig.start();
  const [first, second] = [await rig.asked(), await rig.asked()];
  expect([first.how, second.how]).toEqual(["miss", "hit"]);
  expect(second.text).toBe(first.text);
  expect(second.headers.get("x-loam-target")).toBe("local/inner");
  expect(second.headers.get("age")).toBe("0");
  expect(rig.upstream.received.length).toBe(1);
});

test("a stream is given again as the stream that it was, and is kept apart from the whole answer and from the one with counts", async () => {
  await rig.start();
  const streamed = { ...question, stream: true };
  const [first, second] = [await rig.asked(streamed), await rig.asked(streamed)];
  expect(second.text).toBe(first.text);
  expect([first.how, second.how, second.headers.get("content-type")]).toEqual(["miss", "hit", "text/event-stream; charset=utf-8"]);
  expect(await rig.how()).toBe("miss");
  const counted = await rig.asked({ ...streamed, stream_options: { include_usage: true } });
  expect([counted.how, counted.text.includes("prompt_tokens")]).toEqual(["miss", true]);
  expect((await rig.asked(streamed)).text).not.toContain("prompt_tokens");
  expect(rig.upstream.received.length).toBe(3);
});

test("a stream of many megabytes is given again whole", async () => {
  rig.upstream.script = (_, response) => {
    begin(response);
    response.end([roleChunk, ...words.map(w => wordChunk(w.repeat(10_000)))].map(eventText).join("") + goodEvents({}).slice(-2).join(""));
  };
  await rig.start();
  const streamed = { ...question, stream: true };
  const [first, second] = [await rig.asked(streamed), await rig.asked(streamed)];
  expect(second.text === first.text).toBe(true);
  expect(second.how).toBe("hit");
});

test("an alias, the order of keys and what is null say nothing; everything else of the body does", async () => {
  await rig.start();
  await rig.asked();
  expect(
    await rig.how({ temperature: 0, messages: [{ content: "Count.", role: "user" }], model: "gpt-4o", stream: false, tools: null }),
  ).toBe("hit");
  for (const more of [
    { max_tokens: 5 },
    { top_p: 0.5 },
    { user: "bob" },
    { seed: 1 },
    { tools: [{ type: "function", function: { name: "f" } }] },
  ])
    expect(await rig.how({ ...question, ...more })).toBe("miss");
  for (const content of ["count.", "Count. ", "Cоunt."])
    expect(await rig.how({ ...question, messages: [{ role: "user", content }] })).toBe("miss");
  expect(await rig.how({ ...question, model: "other" })).toBe("miss");
  expect(await rig.how({ ...question, model: "chat@next" })).toBe("miss");
  expect(await rig.how(question, { headers: { "openai-beta": "new" } })).toBe("miss");
});

const two: ControlGiven = {
  ...openAccess,
  principals: {
    organisations: { acme: {}, umbrella: {} },
    teams: { red: { organisation: "acme" }, blue: { organisation: "acme" }, black: { organisation: "umbrella" } },
    users: { ann: { roles: ["admin"], teams: ["red"] }, bob: { teams: ["blue"] }, eve: { teams: ["black"] }, dan: {} },
  },
};
for (const [scope, sharers] of [
  ["key", "-"],
  ["organisation", "bob"],
  ["all", "bob, dan, eve, own"],
] as const)
  test(`with scope ${scope} an answer of ann's is given to: ${sharers}`, async () => {
    await rig.start({ scope }, {}, { access: two });
    await rig.asked();
    const { keys } = rig.gateway.gateway.control;
    const given: string[] = [];
    for (const who of ["bob", "dan", "eve", "own"]) {
      const { secret } = await keys.create({ name: who, subject: who === "own" ? "dan" : who }, "test");
      if ((await rig.how(question, { headers: { authorization: `Bearer ${secret}` } })) === "hit") given.push(who);
    }
    expect(given.join(", ") || "-").toBe(sharers);
    // and each of them has their own again
    expect(await rig.how()).toBe("hit");
  });

test("a client says what it wants of the cache, as HTTP has it", async () => {
  const clock = handClock(1_000_000);
  rig.upstream.script = counting;
  await rig.start({ ttl: "60s" }, {}, { clock });
  const says = (directive: string) => rig.asked(question, { headers: { "cache-control": directive } });
  const only = await says("only-if-cached");
  expect([only.status, (JSON.parse(only.text) as { error: { code: string } }).error.code]).toEqual([504, "not_cached"]);
  expect(only.headers.get("x-should-retry")).toBe("false");
  expect(rig.upstream.received.length).toBe(0);
  await rig.asked();
  clock.advance(10_000);
  const old = await says("only-if-cached");
  expect([old.how, old.headers.get("age"), old.text.includes("answer 1")]).toEqual(["hit", "10", true]);
  expect((await says("max-age=10")).how).toBe("hit");
  // too old for this client: asked, and the new one is kept
  expect((await says("max-age=9")).text).toContain("answer 2");
  expect((await rig.asked()).text).toContain("answer 2");
  expect((await says("no-cache")).text).toContain("answer 3");
  expect((await rig.asked()).text).toContain("answer 3");
  const stored = await says("No-Store");
  expect([stored.how, stored.text.includes("answer 4")]).toEqual(["bypass", true]);
  expect((await rig.asked()).text).toContain("answer 3");
  clock.advance(60_000);
  expect((await rig.asked()).text).toContain("answer 5");
});

test("policies decide before the cache does", async () => {
  const access: ControlGiven = {
    ...openAccess,
    principals: { users: { ann: { roles: ["admin"] }, bob: {} } },
    policies: [
      { id: "all", effect: "allow" },
      { id: "not-bob", effect: "deny", who: { subjects: ["bob"] }, models: ["chat"] },
    ],
  };
  await rig.start({ scope: "all" }, {}, { access });
  await rig.asked();
  const { secret } = await rig.gateway.gateway.control.keys.create({ name: "bob", subject: "bob" }, "test");
  const denied = await rig.asked(question, { headers: { authorization: `Bearer ${secret}` } });
  expect([denied.status, denied.how]).toEqual([403, null]);
});

test("a kept answer costs a request and nothing else, or its tokens where the file says so", async () => {
  for (const [charge, tokens] of [
    ["request", 60],
    ["tokens", 180],
  ] as const) {
    rig.upstream.received.length = 0;
    await rig.start({ charge });
    for (let i = 0; i < 3; i++) await rig.asked();
    expect(rig.upstream.received.length).toBe(1);
    const [row] = await rig.gateway.gateway.control.usage("2000-01-01", "2100-01-01");
    expect(row).toMatchObject({ requests: 3, outputTokens: tokens, errors: 0 });
    expect(rig.gateway.records.map(r => [r.status, r.cache, r.target, r.attempts.length])).toEqual([
      [200, "miss", "local/inner", 1],
      [200, "hit", "local/inner", 0],
      [200, "hit", "local/inner", 0],
    ]);
    await rig.gateway.close();
  }
  await rig.start();
});

test("administrators see and clear it; what was under way meanwhile is not kept", async () => {
  await rig.start();
  const admin = (method: string, query = "") =>
    fetch(`${rig.gateway.url}/gateway/cache${query}`, { method, headers: { authorization: `Bearer ${rig.gateway.key}` } });
  await rig.asked();
  await rig.asked({ ...question, model: "other" });
  await rig.asked();
  expect(await (await admin("GET")).json()).toMatchObject({
    entries: 2,
    kept: 2,
    results: { chat: { hit: 1, miss: 1 }, other: { miss: 1 } },
  });
  expect(await (await admin("DELETE", "?model=gpt-4o")).json()).toEqual({ cleared: 1 });
  expect([await rig.how({ ...question, model: "other" }), await rig.how()]).toEqual(["hit", "miss"]);
  const gate = gated();
  rig.upstream.script = gate.script;
  const pending = rig.asked({ ...question, seed: 5 });
  await until(() => rig.gateway.gateway.inFlight === 1);
  expect(await (await admin("DELETE")).json()).toEqual({ cleared: 2 });
  gate.go();
  expect((await pending).how).toBe("miss");
  expect(await rig.how({ ...question, seed: 5 })).toBe("miss");
  expect((await admin("DELETE", "?tenent=x")).status).toBe(400);
  const metrics = await (await fetch(`${rig.gateway.url}/metrics`, { headers: { authorization: `Bearer ${rig.gateway.key}` } })).text();
  expect(metrics).toContain('loam_gateway_cache_requests_total{model="chat",result="hit"} 1');
  expect(metrics).toContain("loam_gateway_cache_entries 1");
});

test("embeddings and Anthropic's messages are kept too, each in its own words", async () => {
  rig.upstream.script = (received, response) => {
    if (received.path !== "/v1/embeddings") return good(received, response);
    response.writeHead(200, { "content-type": "application/json" });
    response.end(
      '{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"usage":{"prompt_tokens":2,"total_tokens":2}}',
    );
    return undefined;
  };
  await rig.start();
  const embed = { model: "chat", input: "x" };
  expect([await rig.how(embed, {}, "/v1/embeddings"), await rig.how(embed, {}, "/v1/embeddings")]).toEqual(["miss", "hit"]);
  for (const stream of [false, true]) {
    const body = { model: "chat", max_tokens: 100, temperature: 0, messages, stream };
    const [first, second] = [await rig.asked(body, {}, "/v1/messages"), await rig.asked(body, {}, "/v1/messages")];
    expect([first.how, second.how]).toEqual(["miss", "hit"]);
    expect(second.text).toBe(first.text);
    expect(second.text).toContain(stream ? "event: message_stop" : '"stop_reason":"end_turn"');
  }
});

test("thinking of Anthropic's messages is part of what is asked, and comes back from the cache as it came first", async () => {
  rig.upstream.script = (_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const message = { role: "assistant", content: "Four.", reasoning_content: "Hm." };
    response.end(JSON.stringify({ id: "c", object: "chat.completion", choices: [{ index: 0, message, finish_reason: "stop" }] }));
  };
  await rig.start({}, { upstreams: { local: { url: rig.upstream.url, reasoning: "vllm" } } });
  const body = { model: "chat", max_tokens: 2000, temperature: 0, messages };
  const asked = (more: object) => rig.asked({ ...body, ...more }, {}, "/v1/messages");
  const thinking = (type: string, budget_tokens?: number) => ({ thinking: { type, budget_tokens } });
  const others = [
    {},
    thinking("adaptive"),
    thinking("enabled", 1024),
    thinking("enabled", 1025),
    { chat_template_kwargs: { date: "today" } },
    { chat_template_kwargs: { date: "tomorrow" } },
  ];
  for (const more of others) {
    const [first, second] = [await asked(more), await asked(more)];
    expect([first.how, second.how], JSON.stringify(more)).toEqual(["miss", "hit"]);
    expect(second.text).toBe(first.text);
    expect(second.text.includes("Hm."), JSON.stringify(more)).toBe("thinking" in more);
  }
});

test("without the part `cache` nothing is kept and nothing is said of it", async () => {
  await rig.start({}, { cache: undefined });
  expect([await rig.how(), await rig.how()]).toEqual([null, null]);
  expect(rig.upstream.received.length).toBe(2);
  expect(rig.gateway.gateway.state().cache).toBeNull();
});
