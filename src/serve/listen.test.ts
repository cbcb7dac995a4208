import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import OpenAI, { APIError } from "openai";
import { expect, test } from "vitest";
import { openDevice } from "../tensor/index.ts";
import { createEngine } from "./engine.ts";
import { type FakeScript, scriptedProgram, tinyModel } from "./fakes.ts";
import { createApp } from "./http/app.ts";
import { listen } from "./listen.ts";

const device = openDevice("cpu", { threads: 1 });
const model = await tinyModel(device);

async function serve(script: Partial<FakeScript> = {}) {
  const engine = createEngine({ model, device, open: async () => scriptedProgram({ slots: 2, room: 5000, ...script }) });
  await engine.ready;
  const server = await listen(createApp({ engines: [engine] }), { port: 0 });
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
  const stream = (max_tokens: number) =>
    client.completions.create({ model: "tiny", prompt: "a", max_tokens, stream: true, logit_bias: { "256": -100 } });
  return { engine, server, client, stream };
}
const isClosed = (port: number) =>
  new Promise<boolean>(resolve => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.on("error", () => resolve(true));
  });

test("a port in use is an error that names it and what to try", async () => {
  const other = createServer();
  await new Promise<void>(resolve => other.listen(0, "127.0.0.1", resolve));
  const { port } = other.address() as AddressInfo;
  await expect(listen(createApp({ engines: [] }), { port })).rejects.toMatchObject({
    code: "serve/portInUse",
    exitCode: 3,
    message: `port ${port}: another program listens on 127.0.0.1:${port}. Stop it, or take another port: --port ${port + 1}, or --port 0 for any free one.`,
  });
  await expect(listen(createApp({ engines: [] }), { host: "203.0.113.7", port: 0 })).rejects.toThrow("this machine has no such address");
  other.close();
});

test("several addresses are served on one port, and closed together", async () => {
  const app = createApp({ engines: [], hosts: "loopback" });
  const server = await listen(app, { host: "127.0.0.1, 127.0.0.2", port: 0 });
  expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
  for (const host of ["127.0.0.1", "127.0.0.2"]) expect((await fetch(`http://${host}:${server.port}/healthz`)).status).toBe(200);
  await server.drain({ graceMs: 0 });
  expect(await isClosed(server.port)).toBe(true);
  // one that cannot be opened closes those that were
  const { port, close } = await listen(createApp({ engines: [] }), { port: 0 });
  await close();
  await expect(listen(createApp({ engines: [] }), { host: "127.0.0.1,203.0.113.7", port })).rejects.toThrow("no such address");
  expect(await isClosed(port)).toBe(true);
});

test("a prefix that a proxy leaves in paths is cut off, whole and once; requests without it are answered too", async () => {
  const engine = createEngine({ model, device, open: async () => scriptedProgram({ slots: 2, room: 5000 }) });
  await engine.ready;
  const server = await listen(createApp({ engines: [engine], apiKeys: ["secret"] }), { port: 0, rootPath: "/llm/a/" });
  const statusOf = async (path: string, key = "secret") =>
    (await fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${key}` } })).status;
  expect(await Promise.all(["/llm/a/v1/models", "/v1/models", "/llm/a/healthz?a=1"].map(path => statusOf(path)))).toEqual([200, 200, 200]);
  expect(await Promise.all(["/llm/a/v1/models", "/v1/models"].map(path => statusOf(path, "wrong")))).toEqual([401, 401]);
  expect(
    await Promise.all(["/llm/ab/v1/models", "/llm/av1/models", "/llm/a/llm/a/v1/models", "/llm/v1/models"].map(path => statusOf(path))),
  ).toEqual([404, 404, 404, 404]);
  const client = new OpenAI({ baseURL: `${server.url}/llm/a/v1`, apiKey: "secret", maxRetries: 0 });
  expect((await client.completions.create({ model: "tiny", prompt: "a", max_tokens: 2 })).choices).toHaveLength(1);
  await server.close();
  for (const rootPath of ["llm", "/a b", "/a//b", "/a?b"])
    await expect(listen(createApp({ engines: [] }), { port: 0, rootPath })).rejects.toThrow("root path: expected a path");
});

test("draining: not ready at once, what is in flight is finished, then the port is closed; until the delay is over new requests are answered too", async () => {
  let slow = true;
  const { server, stream, client } = await serve({ gate: () => (slow ? new Promise(resolve => setTimeout(resolve, 3)) : undefined) });
  const running = await stream(60);
  const waits: (() => void)[] = [];
  const drained = server.drain({ graceMs: 20_000, delayMs: 1, wait: () => new Promise(resolve => waits.push(resolve)) });
  const ready = await fetch(`${server.url}/readyz`);
  expect([ready.status, ready.headers.get("connection")]).toEqual([503, "close"]);
  expect(await ready.json()).toEqual({ status: "draining", reason: "The server shuts down.", models: { "tiny@1": "ready" } });
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  const late = await client.completions.create({ model: "tiny", prompt: "a", max_tokens: 2 }).asResponse();
  expect([late.status, late.headers.get("connection")]).toEqual([200, "close"]);
  await late.text();
  waits[0]!();
  // no connection is taken any more
  while (!(await isClosed(server.port)));
  slow = false;
  let last: string | null = null;
  let tokens = 0;
  for await (const chunk of running) {
    tokens += Buffer.byteLength(chunk.choices[0]!.text) > 0 ? 1 : 0;
    last = chunk.choices[0]!.finish_reason ?? last;
  }
  expect(last).toBe("length");
  expect(tokens).toBeGreaterThan(10);
  expect(await drained).toEqual({ cutOff: 0 });
  expect(await isClosed(server.port)).toBe(true);
});

test("what is not finished within the grace period ends with an error event, not in silence", async () => {
  const { server, stream } = await serve({ gate: () => new Promise(resolve => setTimeout(resolve, 3)) });
  const running = await stream(4000);
  const read = (async () => {
    for await (const _ of running);
  })().catch(e => e);
  expect(await server.drain({ graceMs: 30 })).toEqual({ cutOff: 1 });
  const error = await read;
  expect(error).toBeInstanceOf(APIError);
  expect(error.error).toMatchObject({ code: "service_unavailable", message: "tiny@1: the server is shutting down." });
  expect(await isClosed(server.port)).toBe(true);
});

test("a request whose headers or body do not come in time is 408, and its socket is closed; the others are served", async () => {
  const { engine } = await serve();
  const server = await listen(createApp({ engines: [engine] }), { port: 0, requestMs: 120 });
  const slow = (sent: string) =>
    new Promise<string>(resolve => {
      let got = "";
      const socket = connect(server.port, server.host, () => socket.write(sent));
      socket.on("data", data => {
        got += data;
      });
      socket.on("close", () => resolve(got));
      socket.on("error", () => resolve(got));
    });
  const [headers, body, fast] = await Promise.all([
    slow("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"),
    slow("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"),
    fetch(`${server.url}/healthz`),
  ]);
  expect(headers).toMatch(/^HTTP\/1\.1 408 /);
  expect(body).toMatch(/^HTTP\/1\.1 408 /);
  expect(fast.status).toBe(200);
  await server.close();
});

test("an idle kept-alive connection does not hold the end up", async () => {
  const { server } = await serve();
  await (await fetch(`${server.url}/healthz`)).text();
  expect(await server.drain()).toEqual({ cutOff: 0 });
  expect(await isClosed(server.port)).toBe(true);
});
