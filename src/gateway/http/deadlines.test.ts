/** Deadlines: connection, first byte, silence, the whole, and the client's own patience; each ends its upstream's work and says which it was. */

import type { AddressInfo } from "node:net";
import { createServer, type Server, type Socket } from "node:net";
import OpenAI from "openai";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import {
  begin,
  eventText,
  type FakeUpstream,
  fakeUpstream,
  good,
  roleChunk,
  type Script,
  type TestGateway,
  testGateway,
  wordChunk,
  words,
} from "../fakes.ts";

let upstream: FakeUpstream;
let gateway: TestGateway | undefined;
/** Takes connections and never says a word, so that no handshake of TLS ends. */
let mute: Server;
const sockets = new Set<Socket>();

beforeEach(async () => {
  upstream = await fakeUpstream(good);
  mute = createServer(socket => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>(resolve => mute.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  await gateway?.close();
  expect(gateway?.failures).toEqual([]);
  gateway = undefined;
  await upstream.close();
  for (const socket of sockets) socket.destroy();
  await new Promise(resolve => mute.close(resolve));
});

const wait = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));

const messages = [{ role: "user" as const, content: "Count." }];
const ask = { model: "chat", messages };
const streamed = { ...ask, stream: true };

async function start(timeouts: object, own: object = {}): Promise<TestGateway> {
  gateway = await testGateway({
    upstreams: { local: { url: upstream.url, ...own } },
    models: { chat: { targets: [{ upstream: "local" }] } },
    retries: { attempts: 0 },
    timeouts,
  });
  return gateway;
}

/** What the client is told, as a status or as an event. */
async function told(response: Response): Promise<{ status: number; code: unknown; type: unknown; text: string }> {
  const text = await response.text();
  const said =
    response.status === 200
      ? text
          .trimEnd()
          .split("\n\n")
          .at(-1)!
          .replace(/^data: /, "")
      : text;
  const { error } = JSON.parse(said) as { error: Record<string, unknown> };
  expect(Object.keys(error)).toEqual(["message", "type", "param", "code"]);
  return { status: response.status, code: error.code, type: error.type, text };
}

/** Begins to answer, whole or streamed, and stops in the middle. */
const stops: Script = ({ body }, response) => {
  if (body.stream === true) {
    begin(response);
    for (const event of [roleChunk, ...words.slice(0, 3).map(wordChunk)]) response.write(eventText(event));
    return;
  }
  response.writeHead(200, { "content-type": "application/json" });
  response.write('{"id":');
};

/** Says a word every 25 ms without end. */
const drips: Script = async (_, response) => {
  begin(response);
  response.write(eventText(roleChunk));
  while (!response.destroyed) {
    response.write(eventText(wordChunk("again ")));
    await wait(25);
  }
};

const phases = [
  ["connect", { connect: "150ms" }, undefined, "connect_timeout", "connectTimeout"],
  ["firstByte", { firstByte: "150ms" }, () => {}, "first_byte_timeout", "firstByteTimeout"],
  ["idle", { idle: "150ms" }, stops, "idle_timeout", "idleTimeout"],
  ["total", { total: "300ms" }, stops, "total_timeout", "totalTimeout"],
] as const satisfies readonly (readonly [string, object, Script | undefined, string, string])[];

for (const [phase, timeouts, script, code, kind] of phases) {
  test(`timeouts.${phase} ends a whole answer with 504 and ${code}`, async () => {
    if (script) upstream.script = script;
    const { port } = mute.address() as AddressInfo;
    const g = await start(timeouts, script ? {} : { url: `https://127.0.0.1:${port}/v1` });
    expect(await told(await g.post("/v1/chat/completions", ask))).toMatchObject({ status: 504, code, type: "server_error" });
    expect(g.records[0]).toMatchObject({ status: 504, error: "gateway/timeout" });
    expect(g.records[0]!.attempts.map(a => a.how)).toEqual([kind]);
    await until(() => upstream.aborted === upstream.received.length);
    expect(upstream.received.length).toBe(script ? 1 : 0);
    expect(g.gateway.state().upstreams[0]).toMatchObject({ outstanding: 0, failures: kind === "totalTimeout" ? 0 : 1 });
  });

  test(`timeouts.${phase} ends a streamed answer with ${code}, as a status before its first word and as an event after it`, async () => {
    if (script) upstream.script = script;
    const { port } = mute.address() as AddressInfo;
    const g = await start(timeouts, script ? {} : { url: `https://127.0.0.1:${port}/v1` });
    const got = await told(await g.post("/v1/chat/completions", streamed));
    expect(got).toMatchObject({ status: script === stops ? 200 : 504, code, type: "server_error" });
    if (script === stops) expect(got.text).toContain(words[2]);
    expect(g.records[0]!.error).toBe("gateway/timeout");
    await until(() => upstream.aborted === upstream.received.length);
  });
}

test("a request for which no connection is free in time gets 429, which names the limit", async () => {
  upstream.script = drips;
  const g = await start({}, { connections: 1, concurrencyPerKey: 5, queue: { longest: "150ms" } });
  const first = await g.post("/v1/chat/completions", streamed);
  const { text, ...late } = await told(await g.post("/v1/chat/completions", ask));
  expect(late).toMatchObject({ status: 429, code: "queue_time" });
  expect(text).toContain("upstreams.local.connections is 1");
  await first.body!.cancel();
  expect(upstream.received.length).toBe(1);
});

test("words that keep coming are no silence, and the whole has its own end", async () => {
  upstream.script = drips;
  const g = await start({ idle: "200ms", firstByte: "200ms", total: "700ms" });
  const { code, text } = await told(await g.post("/v1/chat/completions", streamed));
  expect(code).toBe("total_timeout");
  expect(text.match(/again/g)!.length).toBeGreaterThan(9);
  await until(() => upstream.aborted === 1);
});

test("an upstream's own deadline goes before everybody's", async () => {
  upstream.script = () => {};
  const g = await start({ firstByte: "60s" }, { timeouts: { firstByte: "100ms" } });
  expect(await told(await g.post("/v1/chat/completions", ask))).toMatchObject({ status: 504, code: "first_byte_timeout" });
});

test("the deadline of the whole holds over all attempts", async () => {
  upstream.script = () => {};
  gateway = await testGateway({
    upstreams: { local: { url: upstream.url, timeouts: { firstByte: "200ms" }, breaker: { failures: 1000 } } },
    models: { chat: { targets: [{ upstream: "local" }] } },
    retries: { attempts: 10, budget: 1, backoff: "1ms" },
    timeouts: { total: "500ms" },
  });
  expect(await told(await gateway.post("/v1/chat/completions", ask))).toMatchObject({ status: 504, code: "total_timeout" });
  expect(upstream.received.length).toBeGreaterThan(1);
  expect(upstream.received.length).toBeLessThan(4);
});

test("a client that says how patient it is (x-stainless-timeout) is answered before it gives up", async () => {
  upstream.script = () => {};
  const g = await start({});
  const headers = { "x-stainless-timeout": "0.2" };
  expect(await told(await g.post("/v1/chat/completions", ask, { headers }))).toMatchObject({ status: 504, code: "total_timeout" });
  expect(await told(await g.post("/v1/chat/completions", streamed, { headers }))).toMatchObject({ status: 504, code: "total_timeout" });
  await until(() => upstream.aborted === 2);
});

test("a client's patience that is no time, or longer than the gateway's, changes nothing", async () => {
  upstream.script = () => {};
  const g = await start({ total: "200ms" });
  for (const said of ["0", "-1", "soon", "", "1e300", "9999999999"])
    expect(await told(await g.post("/v1/chat/completions", ask, { headers: { "x-stainless-timeout": said } })), said).toMatchObject({
      code: "total_timeout",
    });
});

test("the official client's patience ends where its stream begins: a stream that takes longer comes whole", async () => {
  upstream.script = async ({ body }, response) => {
    begin(response);
    for (const [i, word] of words.entries()) {
      if (i % 10 === 1) await wait(300);
      response.write(eventText(wordChunk(word)));
    }
    response.end(`${eventText({ ...wordChunk(""), choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}${eventText("[DONE]")}`);
    expect(body.stream).toBe(true);
  };
  const g = await start({});
  const client = new OpenAI({ baseURL: `${g.url}/v1`, apiKey: g.key, maxRetries: 0, timeout: 1_000 });
  let text = "";
  for await (const chunk of await client.chat.completions.create({ ...ask, stream: true })) text += chunk.choices[0]?.delta.content ?? "";
  expect(text).toBe(words.join(""));
  expect(g.records[0]).toMatchObject({ status: 200, error: null });
});

test("such a stream still ends with the gateway's own deadline", async () => {
  upstream.script = drips;
  const g = await start({ total: "900ms" });
  const { code, text } = await told(await g.post("/v1/chat/completions", streamed, { headers: { "x-stainless-timeout": "0.2" } }));
  expect(code).toBe("total_timeout");
  expect(text.match(/again/g)!.length).toBeGreaterThan(12);
});
