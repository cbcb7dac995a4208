/** What comes to the edge of the gateway and of a plain server in a form that others read differently: paths, compressed bodies, labels. On sockets, as bytes. */
import { connect } from "node:net";
import { deflateSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FakeUpstream, fakeUpstream, good, type TestGateway, testGateway } from "../src/gateway/fakes.ts";
import { scriptedProgram, tinyModel } from "../src/serve/fakes.ts";
import { type App, createApp, createEngine, Engines, type Listening, listen } from "../src/serve/index.ts";
import { openDevice } from "../src/tensor/index.ts";

const device = openDevice("cpu", { threads: 1 });
let app: App;
let plain: Listening;
let upstream: FakeUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  const model = await tinyModel(device, { name: "tiny" });
  const engines = new Engines([createEngine({ model, device, open: async () => scriptedProgram({ slots: 2, room: 192 }) })]);
  await Promise.all(engines.all().map(e => e.ready));
  app = createApp({ engines });
  plain = await listen(app, { port: 0 });
  upstream = await fakeUpstream(good);
  gateway = await testGateway(
    { upstreams: { local: { url: upstream.url } }, models: { tiny: { targets: [{ upstream: "local" }] } } },
    { server: (request, authorize) => app.fetch(request, undefined, authorize) },
  );
});
afterAll(async () => {
  await gateway.close();
  await plain.drain({ graceMs: 0 });
  await upstream.close();
  expect(gateway.failures).toEqual([]);
});

/** The status of a request whose path is sent as it stands. */
function statusOf(url: string, method: string, path: string, headers: readonly string[] = []): Promise<number> {
  const { port, host } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), "127.0.0.1", () => {
      const lines = [`${method} ${path} HTTP/1.1`, `host: ${host}`, "connection: close", "content-length: 0", ...headers];
      socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    });
    let text = "";
    socket.on("data", piece => {
      text += piece.toString("latin1");
    });
    socket.on("end", () => resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1])));
    socket.on("error", reject);
  });
}

const crooked = {
  "a broken escape": "/%61pi/labels/%ff",
  "half an escape": "/api/labels/%4",
  "overlong UTF-8": "/api%c0%aflabels",
  "a surrogate": "/api/labels/%ed%a0%80",
  NUL: "/api/labels/x%00",
  "a line's end": "/api/labels/x%0d%0aa",
  "an encoded backslash": "/api/labels%5cx",
  "two slashes": "//api/labels",
  "two slashes within": "/v1//models",
  "encoded twice": "/%2561pi/labels/x",
  "dots behind an encoded slash": "/v1/models/x%2f..%2f..%2fapi",
} as const;

test.each(Object.entries(crooked))("a path with %s is 400 at the gateway and at a plain server", async (_, path) => {
  for (const method of ["GET", "POST"]) {
    expect([method, await statusOf(plain.url, method, path)]).toEqual([method, 400]);
    expect([method, await statusOf(gateway.url, method, path, [`authorization: Bearer ${gateway.key}`])]).toEqual([method, 400]);
    expect([method, await statusOf(gateway.url, method, path)]).toEqual([method, 400]);
  }
});

test("other writings of a path are another address or the same one, never one that only one of the two reads", async () => {
  const key = [`authorization: Bearer ${gateway.key}`];
  for (const [path, alone, behind] of [
    ["/V1/MODELS/tiny", 404, 404],
    ["/v1/models/", 404, 404],
    ["/v1/./models", 200, 200],
    ["/v1/x/../models", 200, 200],
    ["/v1/%6dodels", 200, 200],
    ["/v1/models;x=1", 404, 404],
    ["/v1/models/tin%79", 200, 200],
  ] as const) {
    expect([path, await statusOf(plain.url, "GET", path)]).toEqual([path, alone]);
    expect([path, await statusOf(gateway.url, "GET", path, key)]).toEqual([path, behind]);
  }
});

const chat = JSON.stringify({ model: "tiny", messages: [{ role: "user", content: "hi" }], max_tokens: 2 });
const generate = JSON.stringify({ model: "tiny", prompt: "hi", stream: false, options: { num_predict: 2 } });
async function sent(body: Uint8Array, encoding: string): Promise<[string, number][]> {
  const all: [string, string, boolean][] = [
    ["plain", `${plain.url}/api/generate`, false],
    ["gateway", `${gateway.url}/v1/chat/completions`, true],
    ["behind", `${gateway.url}/api/generate`, false],
  ];
  const statuses: [string, number][] = [];
  for (const [name, url, isChat] of all) {
    const headers = { "content-type": "application/json", "content-encoding": encoding, authorization: `Bearer ${gateway.key}` };
    const own = body.length > 0 ? body : isChat ? gzipSync(chat) : gzipSync(generate);
    statuses.push([name, (await fetch(url, { method: "POST", headers, body: own as Uint8Array<ArrayBuffer> })).status]);
  }
  return statuses;
}
const everywhere = (status: number) => ["plain", "gateway", "behind"].map(name => [name, status]);

test("a body that is gzip is read, and one that only says so is 400", async () => {
  expect(await sent(new Uint8Array(), "gzip")).toEqual(everywhere(200));
  expect(upstream.received.at(-1)!.headers["content-encoding"]).toBeUndefined();
  expect(await sent(Buffer.from(chat), "gzip")).toEqual(everywhere(400));
  expect(await sent(gzipSync(chat).subarray(0, -12), "gzip")).toEqual(everywhere(400));
  expect(await sent(Buffer.from(chat), "identity")).toMatchObject([{}, ["gateway", 200], {}]);
});

test("a body in another coding is 415, and a bomb is 413 before it is memory", async () => {
  for (const encoding of ["br", "zstd", "gzip, gzip", "x"]) expect(await sent(Buffer.from(chat), encoding)).toEqual(everywhere(415));
  expect(await sent(gzipSync(Buffer.alloc(64 * 1024 * 1024, 32)), "gzip")).toEqual(everywhere(413));
  expect(await sent(deflateSync(Buffer.alloc(64 * 1024 * 1024, 32)), "deflate")).toEqual(everywhere(413));
  expect(await sent(Buffer.from(chat), "deflate")).toEqual(everywhere(400));
});

test("a version label that is a way out of a folder reaches no upstream", async () => {
  const before = upstream.received.length;
  for (const label of ["../../secret", "..", ".", "a/b", "", "a b", "%2e%2e", "x".repeat(65)])
    expect([label, (await gateway.post("/v1/chat/completions", { model: `tiny@${label}`, messages: [] })).status]).toEqual([label, 400]);
  expect(upstream.received.length).toBe(before);
  expect((await gateway.post("/v1/chat/completions", { model: "tiny@prod-1.2", messages: [] })).status).toBe(200);
});
