/** Addresses that are passed through, over real sockets: bytes as they were both ways, bounds, what never goes on, ways out that lead nowhere. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import OpenAI, { toFile } from "openai";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import type { ControlGiven } from "../control-config.ts";
import { openAccess, type TestGateway, testGateway } from "../fakes.ts";

interface Got {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

let got: Got[] = [];
let aborted = 0;
let answer: (got: Got, response: ServerResponse) => void | Promise<void> = () => {};
const server = createServer(async (request, response) => {
  const parts: Buffer[] = [];
  response.on("close", () => {
    if (!response.writableFinished) aborted++;
  });
  try {
    for await (const part of request) parts.push(part as Buffer);
  } catch {
    aborted++;
    return;
  }
  const one = { method: request.method ?? "", url: request.url ?? "", headers: request.headers, body: Buffer.concat(parts) };
  got.push(one);
  await answer(one, response);
});
let gateway: TestGateway;
const start = async (part: object = {}, { access = openAccess, ...more }: { access?: ControlGiven; timeouts?: object } = {}) => {
  process.env.LOAM_TEST_PASS_KEY = "inner-secret";
  const upstreams = {
    cloud: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/base/v1`, key: { env: "LOAM_TEST_PASS_KEY" } },
  };
  const models = { chat: { targets: [{ upstream: "cloud" }] } };
  const passThrough = {
    "/v1/audio": { upstream: "cloud", ...part },
    "/v1/files": { upstream: "cloud", methods: ["GET", "POST", "DELETE"] },
  };
  gateway = await testGateway({ upstreams, models, passThrough, ...more }, { access });
};
beforeEach(async () => {
  got = [];
  aborted = 0;
  answer = (_, response) => void response.writeHead(200, { "content-type": "application/json" }).end('{"text":"hello"}');
  if (!server.listening) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  }
});
afterEach(async () => {
  await gateway.close();
  server.closeAllConnections();
  expect(gateway.failures).toEqual([]);
  server.unref();
});
const ask = (path: string, init: RequestInit = {}) =>
  fetch(`${gateway.url}${path}`, { method: "POST", ...init, headers: { authorization: `Bearer ${gateway.key}`, ...init.headers } });
const codeOf = async (response: Response) => ((await response.json()) as { error: { code: string } }).error.code;
const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

test("the official client transcribes a sound of a megabyte and a half, whose bytes arrive as they were", async () => {
  await start();
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
  const sound = randomBytes(1_500_000);
  const { text } = await client.audio.transcriptions.create({ file: await toFile(sound, "a.wav"), model: "whisper-1" });
  expect(text).toBe("hello");
  const [one] = got;
  expect([one!.method, one!.url]).toEqual(["POST", "/base/v1/audio/transcriptions"]);
  expect(one!.headers["content-type"]).toMatch(/^multipart\/form-data; boundary=/);
  expect(one!.body.includes(sound)).toBe(true);
  expect(one!.headers.authorization).toBe("Bearer inner-secret");
});

test("binary tensors of the Open Inference Protocol pass both ways with the header that says where they begin", async () => {
  await start();
  await gateway.close();
  const upstreams = { cloud: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/base/v1` } };
  const passThrough = { "/v2": { upstream: "cloud", to: "/v2", methods: ["GET", "POST"], objects: "shared" } };
  gateway = await testGateway({ upstreams, models: { chat: { targets: [{ upstream: "cloud" }] } }, passThrough }, { access: openAccess });
  const json = Buffer.from(
    JSON.stringify({ inputs: [{ name: "x", datatype: "UINT8", shape: [9000], parameters: { binary_data_size: 9000 } }] }),
  );
  const tensor = randomBytes(9000);
  answer = (request, response) =>
    void response
      .writeHead(200, { "content-type": "application/octet-stream", "inference-header-content-length": "2" })
      .end(Buffer.concat([Buffer.from("{}"), request.body.subarray(json.length)]));
  const response = await ask("/v2/models/m/infer", {
    body: Buffer.concat([json, tensor]),
    headers: { "inference-header-content-length": String(json.length) },
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  expect([response.status, response.headers.get("inference-header-content-length")]).toEqual([200, "2"]);
  expect(response.headers.get("content-type")).toBe("application/octet-stream");
  expect(bytes.equals(Buffer.concat([Buffer.from("{}"), tensor]))).toBe(true);
  expect(got[0]!.body.equals(Buffer.concat([json, tensor]))).toBe(true);
  expect(got[0]!.headers["inference-header-content-length"]).toBe(String(json.length));
});

test("bytes of an answer come as they are, with what says how to read them, each as soon as it is there", async () => {
  await start();
  const speech = randomBytes(3_000_000);
  answer = (_, response) => {
    response.writeHead(200, {
      "content-type": "audio/mpeg",
      "content-disposition": 'attachment; filename="a.mp3"',
      "set-cookie": "a=b",
      server: "inner",
    });
    response.end(speech);
  };
  const response = await ask("/v1/audio/speech", { body: "{}" });
  expect(digest(new Uint8Array(await response.arrayBuffer()))).toBe(digest(speech));
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "content-type": "audio/mpeg",
    "content-disposition": 'attachment; filename="a.mp3"',
    "x-loam-target": "cloud",
  });
  expect([response.headers.get("set-cookie"), response.headers.get("server")]).toEqual([null, null]);
  let go = () => {};
  const gate = new Promise<void>(resolve => {
    go = resolve;
  });
  answer = async (_, r) => {
    r.writeHead(200, { "content-type": "text/event-stream" });
    r.write("data: first\n\n");
    await gate;
    r.end("data: last\n\n");
  };
  const reader = (await ask("/v1/audio/speech", { body: "{}" })).body!.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe("data: first\n\n");
  go();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe("data: last\n\n");
});

test("credentials, cookies and what says who the client is do not go on; what the file names does", async () => {
  await start({ requestHeaders: ["x-wish"], answerHeaders: ["x-took"] });
  answer = (_, response) => void response.writeHead(200, { "x-took": "5", "x-other": "6" }).end("{}");
  const headers = {
    cookie: "a=b",
    "x-api-key": gateway.key,
    "x-forwarded-for": "1.2.3.4",
    "x-wish": "more",
    "x-secret": "s",
    "user-agent": "me",
    authorization: "",
  };
  const response = await ask("/v1/audio/speech?voice=alto&x=%2F", { body: "{}", headers });
  expect([response.status, response.headers.get("x-took"), response.headers.get("x-other")]).toEqual([200, "5", null]);
  const [{ headers: sent, url }] = got as [Got];
  expect(url).toBe("/base/v1/audio/speech?voice=alto&x=%2F");
  expect(sent).toMatchObject({ "x-wish": "more", authorization: "Bearer inner-secret" });
  for (const name of ["cookie", "x-api-key", "x-forwarded-for", "x-secret"]) expect(Object.keys(sent)).not.toContain(name);
  await expect(start({ requestHeaders: ["Authorization"] })).rejects.toMatchObject({ code: "base/config" });
});

const waysOut = [
  "/v1/audio/%2e%2e/chat/completions",
  "/v1/audio/..%2fchat%2fcompletions",
  "/v1/audio/%252e%252e/x",
  "/v1/audio/..%5cx",
  "/v1/audio/a%00b",
  "/v1/audio//chat",
  "/v1/audio/",
  "/v1/audio/a%3Fb",
  "/v1/audio/%zz",
  "/v1/audio/%25252525252e",
  "/v1/audio\\..\\chat",
  "/v1/audiobooks",
];
test("ways out of a prefix lead nowhere", async () => {
  await start();
  const { hostname, port } = new URL(gateway.url);
  for (const path of waysOut) {
    const said = await new Promise<string>(resolve => {
      // as it is: fetch would tidy it up
      const socket = connect({ host: hostname, port: Number(port) }, () =>
        socket.write(
          `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${gateway.key}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`,
        ),
      );
      let text = "";
      socket.on("data", d => {
        text += d.toString();
      });
      socket.on("close", () => resolve(text));
    });
    expect([path, /^HTTP\/1\.1 4\d\d/.test(said)]).toEqual([path, true]);
  }
  expect(got).toEqual([]);
});

test("an address of the gateway's own in other letters is not passed by its policies", async () => {
  await start();
  await gateway.close();
  const upstreams = { cloud: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` } };
  const models = { chat: { targets: [{ upstream: "cloud" }] } };
  gateway = await testGateway({ upstreams, models, passThrough: { "/v1": { upstream: "cloud" } } });
  for (const path of [
    "/v1/Chat/Completions",
    "/v1/chat/%63ompletions",
    "/v1/ｃhat/completions",
    "/v1/chat/completions/",
    "/v1//chat/completions",
  ])
    expect([path, (await ask(path, { body: "{}" })).status >= 400]).toEqual([path, true]);
  expect(got).toEqual([]);
  expect((await ask("/v1/classify", { body: "{}" })).status).toBe(200);
});

test("who may and how much is asked first: key, policy, method, limits on requests and bytes", async () => {
  const access: ControlGiven = {
    ...openAccess,
    policies: [
      { id: "audio", effect: "allow", endpoints: ["other"], models: ["whisper"] },
      { id: "no-speech", effect: "deny", parameters: { path: { oneOf: ["/v1/audio/speech"] } } },
    ],
    limits: [
      { name: "n", measure: "requests", per: ["key", "model"], limit: 3, window: "1h" },
      { name: "b", measure: "bytes", per: ["key"], limit: 1000, window: "1h" },
    ],
  };
  await start({ model: "whisper" }, { access });
  expect(await codeOf(await ask("/v1/audio/x", { headers: { authorization: "" } }))).toBe("invalid_api_key");
  expect(await codeOf(await ask("/v1/audio/speech"))).toBe("not_allowed");
  // no model, so no policy allows it
  expect(await codeOf(await ask("/v1/files"))).toBe("not_allowed");
  expect((await ask("/v1/audio/x", { method: "PUT" })).status).toBe(405);
  expect(await codeOf(await ask("/v1/audio/x", { body: "x".repeat(1001) }))).toBe("request_too_large");
  expect(got).toEqual([]);
  for (let i = 0; i < 3; i++) expect((await ask("/v1/audio/x", { body: "x" })).status).toBe(200);
  expect((await ask("/v1/audio/x", { body: "x" })).status).toBe(429);
  const [row] = await gateway.gateway.control.usage("2000-01-01", "2100-01-01");
  expect(row).toMatchObject({ requests: 3, model: "whisper", outputTokens: 0 });
  await until(() => gateway.records.length === 9);
  expect(gateway.records.at(-2)).toMatchObject({ path: "/v1/audio/*", model: "whisper", target: "cloud", status: 200 });
});

test("a body that is too large is refused, declared or not, and the server's work ends", async () => {
  await start({ bodyBytes: 100_000 });
  expect(await codeOf(await ask("/v1/audio/x", { body: "x".repeat(100_001) }))).toBe("request_too_large");
  expect(got).toEqual([]);
  const endless = new ReadableStream<Uint8Array>({
    pull: controller => controller.enqueue(new Uint8Array(20_000)),
  });
  const response = await ask("/v1/audio/x", { body: endless, duplex: "half" } as RequestInit).catch(() => undefined);
  expect(response?.status ?? 413).toBe(413);
  await until(() => gateway.gateway.inFlight === 0);
  expect(got).toEqual([]);
  expect((await ask("/v1/audio/x", { body: "x".repeat(100_000) })).status).toBe(200);
  expect(gateway.gateway.state().upstreams[0]).toMatchObject({ outstanding: 0, failures: 0 });
});

test("an answer that is too large, or that breaks off, never looks whole", async () => {
  await start({ answerBytes: 100_000 });
  answer = (_, response) => void response.writeHead(200).end(Buffer.alloc(100_001));
  await expect(ask("/v1/audio/x").then(r => r.arrayBuffer())).rejects.toThrow();
  answer = (_, response) => {
    response.writeHead(200);
    response.write("half");
    setTimeout(() => response.destroy(), 30);
  };
  await expect(ask("/v1/audio/x").then(r => r.arrayBuffer())).rejects.toThrow();
  await until(() => gateway.records.length === 2);
  expect(gateway.records.map(r => r.error)).toEqual(["gateway/cut", "gateway/cut"]);
});

test("what the server says against a request is passed on; its own failures and redirects are told without their words", async () => {
  await start();
  const says = (code: number, headers: Record<string, string> = {}) => {
    answer = (_, response) => void response.writeHead(code, headers).end('{"error":{"message":"inner words"}}');
  };
  says(422);
  const refused = await ask("/v1/audio/x");
  expect([refused.status, await refused.text()]).toEqual([422, '{"error":{"message":"inner words"}}']);
  says(404);
  expect((await ask("/v1/audio/x")).status).toBe(404);
  for (const [code, headers] of [
    [500, {}],
    [401, {}],
    [302, { location: "http://169.254.169.254/" }],
  ] as const) {
    says(code, headers);
    const failed = await ask("/v1/audio/x");
    expect([code, failed.status, failed.headers.get("location"), (await failed.text()).includes("inner words")]).toEqual([
      code,
      502,
      null,
      false,
    ]);
  }
  answer = (_, response) => void response.writeHead(204).end();
  expect(
    (await ask(`/v1/files/${gateway.gateway.control.objects.seal({ upstream: "cloud", owner: "user:ann" }, "f1")}`, { method: "DELETE" }))
      .status,
  ).toBe(204);
  says(429, { "retry-after": "1" });
  const busy = await ask("/v1/audio/x");
  expect([busy.status, busy.headers.get("retry-after")]).toEqual([429, "1"]);
  expect((await ask("/v1/audio/x")).status).toBe(503);
});

test("a client that leaves ends its server's work", async () => {
  await start();
  answer = (_, response) => {
    response.writeHead(200);
    response.write("first");
  };
  const controller = new AbortController();
  const response = await ask("/v1/audio/x", { signal: controller.signal });
  await response.body!.getReader().read();
  controller.abort();
  await until(() => aborted === 1 && gateway.gateway.inFlight === 0);
  expect(gateway.records[0]).toMatchObject({ status: 499, error: "gateway/cancelled" });
  expect(gateway.gateway.state().upstreams[0]).toMatchObject({ outstanding: 0, failures: 0 });
});

test("a file that passes the gateway's own addresses, or names no server, is told where it is wrong", async () => {
  await start();
  const upstreams = { cloud: { url: "http://127.0.0.1:1/v1" } };
  const models = { chat: { targets: [{ upstream: "cloud" }] } };
  for (const [passThrough, place] of [
    [{ "/gateway/keys": { upstream: "cloud" } }, "passThrough./gateway/keys"],
    [{ "/v1/x": { upstream: "clod" } }, "passThrough./v1/x.upstream"],
  ] as const)
    await expect(testGateway({ upstreams, models, passThrough })).rejects.toMatchObject({ problem: { place } });
  await expect(testGateway({ upstreams, models, passThrough: { "/v1/../x": { upstream: "cloud" } } })).rejects.toMatchObject({
    code: "base/config",
  });
});
