/** Both ways to a model, on node's own objects and by way of Hono (where a query is given), say and count the same. */
import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { type FakeUpstream, fakeUpstream, good, type Script, status, type TestGateway, testGateway } from "../fakes.ts";

let upstream: FakeUpstream;
let gateway: TestGateway;
beforeAll(async () => {
  upstream = await fakeUpstream(good);
  gateway = await testGateway({
    upstreams: { local: { url: upstream.url, breaker: { failures: 1_000 } } },
    models: { chat: { targets: [{ upstream: "local", model: "inner" }] } },
    retries: { attempts: 0 },
  });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
  expect(gateway.failures).toEqual([]);
});

interface Case {
  readonly name: string;
  readonly path?: string;
  readonly headers?: (key: string) => readonly (readonly [string, string])[];
  readonly body: string;
  readonly script?: Script;
  readonly isChunked?: boolean;
}

const messages = [{ role: "user", content: "Count." }];
const ask = JSON.stringify({ model: "chat", messages });
const bearer = (key: string): readonly [string, string] => ["Authorization", `Bearer ${key}`];
const json: readonly [string, string] = ["Content-Type", "application/json"];

/** The answer's bytes to one request on a connection of its own, which the gateway or the end of its answer closes. */
async function said({ headers = key => [bearer(key), json], body, isChunked }: Case, path: string): Promise<string> {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  const length: readonly [string, string] = isChunked
    ? ["Transfer-Encoding", "chunked"]
    : ["Content-Length", String(Buffer.byteLength(body))];
  const lines = [...headers(gateway.key), length, ["Connection", "close"], ["X-Request-Id", "same"]].map(([n, v]) => `${n}: ${v}\r\n`);
  const sent = isChunked ? `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n` : body;
  socket.write(`POST ${path} HTTP/1.1\r\nHost: gateway.test\r\n${lines.join("")}\r\n${sent}`);
  let text = "";
  socket.setEncoding("utf8");
  socket.on("data", (piece: string) => {
    text += piece;
  });
  await once(socket, "close");
  return text;
}

/** Without what may differ: when it was, in what pieces it came, the order of headers. */
function read(answer: string) {
  const at = answer.indexOf("\r\n\r\n");
  const [first, ...lines] = answer.slice(0, at).split("\r\n");
  const headers = lines.map(l => l.split(/: (.*)/s).slice(0, 2)).filter(([name]) => name!.toLowerCase() !== "date");
  const rest = answer.slice(at + 4);
  const isChunked = headers.some(([name, value]) => name!.toLowerCase() === "transfer-encoding" && value === "chunked");
  let body = isChunked ? "" : rest;
  for (let from = 0; isChunked && from < rest.length; ) {
    const line = rest.indexOf("\r\n", from);
    // the streams of these tests are ASCII: a character is a byte
    const size = Number.parseInt(rest.slice(from, line), 16);
    body += rest.slice(line + 2, line + 2 + size);
    from = line + 4 + size;
  }
  return { first, headers: Object.fromEntries(headers.map(([n, v]) => [n!.toLowerCase(), v])), body };
}

const deep = `${'{"a":'.repeat(70)}1${"}".repeat(70)}`;
const cases: readonly Case[] = [
  { name: "a whole answer", body: ask },
  { name: "a stream", body: JSON.stringify({ model: "chat", messages, stream: true }) },
  { name: "a body without a length", body: ask, isChunked: true },
  { name: "no key", headers: () => [json], body: ask },
  { name: "a wrong key", headers: () => [bearer("sk-loam-wrong"), json], body: ask },
  { name: "two credentials of one name", headers: key => [bearer(key), bearer("sk-loam-other"), json], body: ask },
  { name: "two credentials of two names", headers: key => [bearer(key), ["x-api-key", "other"], json], body: ask },
  { name: "a key in the other header", headers: key => [["X-API-Key", key], json], body: ask },
  { name: "no content type", headers: key => [bearer(key)], body: ask },
  { name: "another content type", headers: key => [bearer(key), ["Content-Type", "text/plain"]], body: ask },
  { name: "an empty body", body: "" },
  { name: "no JSON", body: "{" },
  { name: "a list", body: "[]" },
  { name: "a key twice", body: '{"model":"chat","model":"other","messages":[]}' },
  { name: "deep nesting", body: deep },
  { name: "no model", body: "{}" },
  { name: "an unknown model", body: JSON.stringify({ model: "chta", messages }) },
  { name: "max_tokens below 0", body: JSON.stringify({ model: "chat", messages, max_tokens: -1 }) },
  { name: "letters beyond ASCII", body: JSON.stringify({ model: "chat", messages: [{ role: "user", content: "é€😀" }] }) },
  { name: "an upstream that fails", body: ask, script: status(500) },
  { name: "an upstream that refuses", body: ask, script: status(422, {}, "not so") },
  { name: "an upstream that is busy", body: ask, script: status(429, { "retry-after": "0" }) },
  { name: "a 200 that is no JSON", body: ask, script: (_, response) => void response.end("hello") },
  { name: "embeddings", path: "/v1/embeddings", body: JSON.stringify({ model: "chat", input: "a" }) },
  { name: "Anthropic's words", path: "/v1/messages", body: JSON.stringify({ model: "chat", max_tokens: 5, messages }) },
  { name: "an error in Anthropic's words", path: "/v1/messages", body: JSON.stringify({ model: "none", max_tokens: 5, messages }) },
];

test.each(cases)("$name: the same status, headers, body and record either way", async given => {
  upstream.script = given.script ?? good;
  const path = given.path ?? "/v1/chat/completions";
  gateway.records.length = 0;
  const [straight, byHono] = [read(await said(given, path)), read(await said(given, `${path}?by=hono`))];
  expect(straight).toEqual(byHono);
  expect(straight.first).toMatch(/^HTTP\/1\.1 \d{3} /);
  await until(() => gateway.records.length >= 2);
  const plain = gateway.records.map(r => ({ ...r, time: "", ms: 0, firstMs: r.firstMs === null, attempts: r.attempts.map(a => a.how) }));
  expect(plain).toHaveLength(2);
  expect(plain[0]).toEqual(plain[1]);
});

test("a client that leaves while it sends its body costs one record of 499, and its place is free again", async () => {
  upstream.script = good;
  for (const path of ["/v1/chat/completions", "/v1/chat/completions?by=hono"]) {
    gateway.records.length = 0;
    const { hostname, port } = new URL(gateway.url);
    const socket = connect(Number(port), hostname);
    const head = `POST ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${gateway.key}\r\nContent-Type: application/json\r\n`;
    socket.write(`${head}Content-Length: 1000\r\n\r\n{"model"`);
    await until(() => gateway.gateway.inFlight > 0);
    socket.destroy();
    await until(() => gateway.records.length > 0);
    expect(gateway.records).toHaveLength(1);
    expect(gateway.records[0]).toMatchObject({ status: 499, error: "gateway/cancelled", path: "/v1/chat/completions" });
    expect(gateway.gateway.inFlight).toBe(0);
  }
});
