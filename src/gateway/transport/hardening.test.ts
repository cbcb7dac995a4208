/** What no honest client sends, over raw sockets: each is refused before a server is asked, or answered as what it is, and nothing hides in it. */
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { checkConfig } from "../config/read-config.ts";
import { openControl } from "../control.ts";
import { type FakeUpstream, fakeUpstream, good, openAccess, type TestGateway, testGateway } from "../fakes.ts";
import { Gateway } from "../gateway.ts";
import { gatewayBounds } from "../http/limits.ts";
import { listenGateway } from "../http/listen.ts";

let upstream: FakeUpstream;
let gateway: TestGateway;
beforeEach(async () => {
  upstream = await fakeUpstream(good);
  gateway = await testGateway({ upstreams: { local: { url: upstream.url } }, models: { chat: { targets: [{ upstream: "local" }] } } });
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
  expect(gateway.failures).toEqual([]);
});

const body = '{"model":"chat","messages":[]}';
const head = (more: readonly string[] = [], length = body.length): string =>
  [
    "POST /v1/chat/completions HTTP/1.1",
    "Host: gateway",
    "Content-Type: application/json",
    `Authorization: Bearer ${gateway.key}`,
    ...(length >= 0 ? [`Content-Length: ${length}`] : []),
    ...more,
  ].join("\r\n");
const whole = (more: readonly string[] = []): string => `${head(more)}\r\n\r\n${body}`;

/** All that comes back until the other side closes, or nothing more comes for a while. */
const said = (
  given: string | Buffer,
  { url = gateway.url, ends = false, quietMs = 700 } = {},
): Promise<{ text: string; isClosed: boolean }> =>
  new Promise(resolve => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    let text = "";
    const done = (isClosed: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, isClosed });
    };
    let timer = setTimeout(() => done(false), quietMs);
    socket.on("data", part => {
      text += part.toString("latin1");
      clearTimeout(timer);
      timer = setTimeout(() => done(false), quietMs);
    });
    socket.on("close", () => done(true));
    socket.on("error", () => {});
    if (ends) socket.end(given);
    else socket.write(given);
  });
const statuses = (text: string): number[] => [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(m => Number(m[1]));

describe("request smuggling", () => {
  const hidden = `${"GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"}`;
  const cases: Readonly<Record<string, () => string>> = {
    "a length and chunks": () => `${head(["Transfer-Encoding: chunked"])}\r\n\r\n0\r\n\r\n${hidden}`,
    "chunks, then a length": () => `${head(["Transfer-Encoding: chunked", "Content-Length: 3"], -1)}\r\n\r\n0\r\n\r\n${hidden}`,
    "two lengths that differ": () => `${head(["Content-Length: 3"])}\r\n\r\n${body}${hidden}`,
    "two lengths that agree": () => `${head([`Content-Length: ${body.length}`])}\r\n\r\n${body}${hidden}`,
    "a list of lengths": () => `${head([`Content-Length: ${body.length}, ${body.length}`], -1)}\r\n\r\n${body}${hidden}`,
    "a length with a sign": () => `${head([`Content-Length: +${body.length}`], -1)}\r\n\r\n${body}${hidden}`,
    "a length in hexadecimal": () => `${head(["Content-Length: 0x1e"], -1)}\r\n\r\n${body}${hidden}`,
    "a space before the colon": () => `${head([`Content-Length : ${body.length}`], -1)}\r\n\r\n${body}${hidden}`,
    "another coding after chunks": () => `${head(["Transfer-Encoding: chunked, identity"], -1)}\r\n\r\n0\r\n\r\n${hidden}`,
    "a coding with a vertical tab": () => `${head(["Transfer-Encoding: \x0bchunked"], -1)}\r\n\r\n0\r\n\r\n${hidden}`,
    "a line's end without a carriage return": () => `${head(["X-A: b\nTransfer-Encoding: chunked"])}\r\n\r\n${body}${hidden}`,
    "a lone carriage return": () => `${head(["X-A: b\rTransfer-Encoding: chunked"])}\r\n\r\n${body}${hidden}`,
    "a chunk size that is none": () => `${head(["Transfer-Encoding: chunked"], -1)}\r\n\r\n-1\r\n${body}\r\n0\r\n\r\n${hidden}`,
    "a chunk size that overflows": () =>
      `${head(["Transfer-Encoding: chunked"], -1)}\r\n\r\nffffffffffffffff1\r\n${body}\r\n0\r\n\r\n${hidden}`,
  };
  test.each(Object.keys(cases))("%s: refused, the connection is closed, what follows is no request", async name => {
    const { text, isClosed } = await said(cases[name]!());
    expect(statuses(text), text).toEqual([400]);
    expect(isClosed).toBe(true);
    expect(upstream.received).toHaveLength(0);
  });

  test("a folded header is one header: what it hides is no length", async () => {
    const { text } = await said(`${head(["X-A: b\r\n Transfer-Encoding: chunked"])}\r\n\r\n${body}`);
    // refused, or read as a value of X-A; never as a coding
    expect([[200], [400]]).toContainEqual(statuses(text));
  });

  test("chunk extensions are not part of the body, and a flood of them is refused", async () => {
    const chunked = (extension: string) =>
      `${head(["Transfer-Encoding: chunked"], -1)}\r\n\r\n${body.length.toString(16)}${extension}\r\n${body}\r\n0\r\n\r\n`;
    expect(statuses((await said(chunked(";a=b"))).text)).toEqual([200]);
    expect(upstream.received[0]!.text).toBe(body);
    const { text } = await said(chunked(`;${"a".repeat(100_000)}`));
    expect(statuses(text)).toEqual([413]);
    expect(upstream.received).toHaveLength(1);
  });
});

describe("time", () => {
  const slow = async (given: (key: string) => string): Promise<{ text: string; isClosed: boolean }> => {
    const config = await checkConfig(
      {
        upstreams: { local: { url: upstream.url } },
        models: { chat: { targets: [{ upstream: "local" }] } },
        state: "memory:",
        access: openAccess,
      },
      "gateway.yaml",
      ".",
    );
    const control = await openControl({ state: "memory:", root: ".", config: openAccess });
    const { secret } = await control.keys.create({ name: "test", subject: "ann" }, "test");
    const quick = await Gateway.open({ config, control });
    const listening = await listenGateway(quick, { host: "127.0.0.1", port: 0, requestMs: 240 });
    try {
      return await said(given(secret), { url: listening.url, quietMs: 5_000 });
    } finally {
      await listening.drain({ graceMs: 0 });
    }
  };
  test("headers that do not end, and a body that does not come, end with 408", async () => {
    const isSlow = (key: string) => `${head().replace(gateway.key, key)}\r\n\r\n${body.slice(0, 5)}`;
    for (const given of [() => "POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nX-Slow: ", isSlow]) {
      const { text, isClosed } = await slow(given);
      expect(isClosed).toBe(true);
      expect(statuses(text)).toEqual([408]);
    }
    expect(upstream.received).toHaveLength(0);
  });
});

describe("headers", () => {
  test("a client's id with anything but plain characters is not taken over; nothing of a request comes back as a header", async () => {
    for (const own of ["a b", "<script>", "\xe9", "x".repeat(200), "id;x"]) {
      const { text } = await said(whole([`X-Request-Id: ${own}`, "Connection: close"]));
      expect(statuses(text)).toEqual([200]);
      expect(/x-request-id: (.*)\r\n/i.exec(text)![1]).toMatch(/^req_/);
    }
    for (const model of ["chat\\r\\nx-evil: 1", "chat@\\r\\nx-evil: 1", "\\u0000chat"]) {
      const json = `{"model":"${model}","messages":[]}`;
      const { text } = await said(`${head(["Connection: close"], json.length)}\r\n\r\n${json}`);
      const [headers] = text.split("\r\n\r\n");
      expect(headers).not.toMatch(/evil/);
      expect(statuses(text)).toEqual([model.includes("@") ? 400 : 404]);
    }
  });

  test("what goes on to a server is what the client said, byte for byte, or is left out; it breaks nothing", async () => {
    const { text } = await said(whole(["Traceparent: \xff\xfe", "Tracestate: a=\xe9", "Idempotency-Key: \xe9", "Connection: close"]));
    expect(statuses(text)).toEqual([200]);
  });

  test("too large: 431; too many: 431; a NUL: 400; each closes", async () => {
    for (const [status, given] of [
      [431, whole([`X-Big: ${"a".repeat(gatewayBounds.headerBytes)}`])],
      [431, whole(Array.from({ length: gatewayBounds.headerCount }, (_, i) => `X-${i}: 1`))],
      [400, whole(["X-A: \x00"])],
    ] as const) {
      const { text, isClosed } = await said(given);
      expect(statuses(text)).toEqual([status]);
      expect(isClosed).toBe(true);
    }
    expect(upstream.received).toHaveLength(0);
  });

  test("credentials that differ between headers, or two of one name, open nothing", async () => {
    const { text } = await said(whole(["X-Api-Key: sk-loam-other", "Connection: close"]));
    expect(statuses(text)).toEqual([401]);
    const { text: two } = await said(whole(["Authorization: Bearer other", "Connection: close"]));
    expect(statuses(two)[0]).not.toBe(500);
    expect(upstream.received.length).toBeLessThanOrEqual(1);
  });
});

describe("forms of a request", () => {
  test("pipelined requests are answered in their order, each for itself", async () => {
    const unknown = '{"model":"nothing"}';
    const { text } = await said(`${whole()}${head([], unknown.length)}\r\n\r\n${unknown}${whole(["Connection: close"])}`);
    expect(statuses(text)).toEqual([200, 404, 200]);
  });

  test("HTTP/1.0 gets a stream that is not chunked and ends with its connection", async () => {
    const streamed = '{"model":"chat","messages":[],"stream":true}';
    const request = `${head([], streamed.length)}\r\n\r\n${streamed}`.replace("HTTP/1.1", "HTTP/1.0");
    const { text, isClosed } = await said(request);
    expect(isClosed).toBe(true);
    expect(text).not.toMatch(/transfer-encoding/i);
    expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
  });

  test("a client that closes its half has left, as for nginx: its server's work ends and the log says 499", async () => {
    upstream.script = () => {};
    const { text, isClosed } = await said(whole(), { ends: true });
    expect([text, isClosed]).toEqual(["", true]);
    await until(() => upstream.aborted === 1 && gateway.records.length === 1);
    expect(gateway.records[0]).toMatchObject({ status: 499, error: "gateway/cancelled" });
    expect(gateway.gateway.inFlight).toBe(0);
  });

  test("no host, two hosts, an absolute address of another server: no server but the model's own is asked", async () => {
    const { text: none } = await said(whole().replace("Host: gateway\r\n", ""));
    expect(statuses(none)).toEqual([400]);
    const { text: absolute } = await said(whole(["Connection: close"]).replace(" /v1", " http://169.254.169.254/v1"));
    expect(statuses(absolute)[0]).toBeLessThan(500);
    const { text: strange } = await said(whole(["Connection: close"]).replace("Host: gateway", "Host: a@b:c d"));
    expect(statuses(strange)[0]).toBeLessThan(500);
    expect(upstream.received.every(r => r.path === "/v1/chat/completions" && !String(r.headers.host).includes("169.254"))).toBe(true);
  });

  test("CONNECT, TRACE, an upgrade, a path with dots or a strange escape: no tunnel, no echo, no fault", async () => {
    const { text: tunnel, isClosed } = await said("CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(tunnel).not.toMatch(/ 200/);
    expect(isClosed).toBe(true);
    const { text: trace } = await said("TRACE /v1/models HTTP/1.1\r\nHost: x\r\nX-Secret: seen\r\nConnection: close\r\n\r\n");
    expect(trace).not.toMatch(/seen/);
    expect(statuses(trace)[0]).toBeGreaterThanOrEqual(400);
    const { text: upgrade } = await said(whole(["Connection: Upgrade", "Upgrade: websocket"]), { ends: true });
    expect(statuses(upgrade)[0]).not.toBe(101);
    for (const path of ["/v1/../gateway/state", "/v1/models/%2e%2e%2fx", "/v1/models/%zz", "//v1//models", "/%00", "*"]) {
      const { text } = await said(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${gateway.key}\r\nConnection: close\r\n\r\n`);
      expect([200, 400, 404], path).toContain(statuses(text)[0]);
    }
  });
});

describe("bodies", () => {
  const post = async (text: string) => {
    const response = await gateway.post("/v1/chat/completions", text);
    return { status: response.status, ...((await response.json()) as { error: { param: string | null; code: string; message: string } }) };
  };

  test("names that look like a model's are other names", async () => {
    for (const name of ["сhat", "ｃｈａｔ", "chat\u200b", "CHAT", "chat ", "chat\u0301", "cha\u0074\ufe0f", "\u202echat"]) {
      const { status, error } = await post(JSON.stringify({ model: name, messages: [] }));
      expect([status, error.code], name).toEqual([404, "model_not_found"]);
    }
    expect(upstream.received).toHaveLength(0);
  });

  test("numbers of tokens that are none: named, before a server is asked", async () => {
    for (const value of ["-1", "0", "1e309", "1.5", '"10"', "9007199254740993", "1e15", "true", "[]", "{}"])
      for (const name of ["max_tokens", "max_completion_tokens"]) {
        const { status, error } = await post(`{"model":"chat","messages":[],"${name}":${value}}`);
        expect([status, error.param], `${name} ${value}`).toEqual([400, name]);
      }
    for (const value of ["NaN", "Infinity", "-Infinity", "0x10", "1_000", "+1", ".5", "01"]) {
      const { status, error } = await post(`{"model":"chat","messages":[],"max_tokens":${value}}`);
      expect([status, error.code], value).toEqual([400, "invalid_body"]);
    }
    expect(upstream.received).toHaveLength(0);
  });

  test("a byte order mark, half a surrogate, bytes that are no UTF-8: refused or passed on whole, never a fault", async () => {
    for (const bytes of [
      Buffer.from(`\ufeff${body}`),
      Buffer.from(body.replace("chat", "\\ud800")),
      Buffer.concat([Buffer.from(body), Buffer.from([0xff])]),
    ]) {
      const { text } = await said(Buffer.concat([Buffer.from(`${head(["Connection: close"], bytes.length)}\r\n\r\n`), bytes]));
      expect([200, 400, 404]).toContain(statuses(text)[0]);
    }
  });
});

describe("addresses of servers", () => {
  test("a name that turns out to be private is not called where the upstream is public, whenever it turns", async () => {
    const { port } = new URL(upstream.url);
    const own = await testGateway({
      upstreams: { local: { url: `http://localhost:${port}/v1`, network: "public" } },
      models: { chat: { targets: [{ upstream: "local" }] } },
      retries: { attempts: 0 },
    });
    try {
      const response = await own.post("/v1/chat/completions", body);
      expect(response.status).toBeGreaterThanOrEqual(500);
      expect(upstream.received).toHaveLength(0);
    } finally {
      await own.close();
    }
  });

  test("private and metadata addresses in any spelling are refused by the file", async () => {
    for (const host of [
      "2130706433",
      "0x7f.1",
      "017700000001",
      "127.1",
      "[::ffff:127.0.0.1]",
      "[::ffff:a9fe:a9fe]",
      "169.254.169.254",
      "metadata.google.internal",
    ]) {
      const config = { upstreams: { a: { url: `http://${host}/v1`, network: "public" } }, models: { m: { targets: [{ upstream: "a" }] } } };
      await expect(checkConfig(config, "gateway.yaml", "."), host).rejects.toThrow(/upstreams\.a\.url/);
    }
  });
});
