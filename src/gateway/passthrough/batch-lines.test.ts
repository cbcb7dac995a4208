/** Batches of an upstream's account: their lines are judged as requests are, whatever way the file came there. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import OpenAI, { toFile } from "openai";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { ControlGiven } from "../control-config.ts";
import { type TestGateway, testGateway } from "../fakes.ts";

type Row = Record<string, unknown>;
/** The account: files by id, and what it was asked. */
const files = new Map<string, Buffer>();
let begun: Row[] = [];
let contentReads = 0;
let refusesBatches = false;
const server = createServer(async (request, response) => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const body = Buffer.concat(parts);
  const { pathname } = new URL(request.url!, "http://x");
  const say = (status: number, value: unknown) =>
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
  const content = /^\/v1\/files\/([^/]+)\/content$/.exec(pathname)?.[1];
  if (content !== undefined) {
    contentReads++;
    const file = files.get(content);
    if (!file) return say(404, { error: {} });
    response.writeHead(200, { "content-type": "application/octet-stream" });
    // in pieces that cut characters
    for (let at = 0; at < file.length; at += 1021) response.write(file.subarray(at, at + 1021));
    return response.end();
  }
  if (pathname === "/v1/files") {
    const form = await new Response(body, { headers: { "content-type": request.headers["content-type"]! } }).formData();
    const id = `file-${files.size}account`;
    files.set(id, Buffer.from(await (form.get("file") as File).arrayBuffer()));
    return say(200, { id, object: "file", purpose: "batch" });
  }
  if (/batches$/i.test(decodeURIComponent(pathname))) {
    if (refusesBatches) return say(400, { error: { message: "no" } });
    begun.push(JSON.parse(body.toString()) as Row);
    return say(200, { id: "batch_account", object: "batch", status: "validating" });
  }
  return say(200, {});
});
beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

let gateway: TestGateway;
let client: OpenAI;
const open = async (access: Partial<ControlGiven>, more: object = {}, files: object = {}) => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  gateway = await testGateway(
    {
      upstreams: { cloud: { url } },
      models: {
        large: { targets: [{ upstream: "cloud", model: "gpt-5" }], maxOutputTokens: 100 },
        small: { targets: [{ upstream: "cloud", model: "gpt-5-mini" }], maxOutputTokens: 100 },
      },
      passThrough: {
        "/v1/files": { upstream: "cloud", methods: ["GET", "POST"], ...files },
        "/v1/batches": { upstream: "cloud", methods: ["GET", "POST"], ...files },
        "/v1/messages/batches": { upstream: "cloud" },
      },
      ...more,
    },
    { access: { principals: { users: { ann: {} } }, policies: [{ id: "all", effect: "allow" }], ...access } },
  );
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
};
beforeEach(() => {
  begun = [];
  contentReads = 0;
  refusesBatches = false;
  files.clear();
});
afterEach(async () => {
  await gateway.close();
  expect(gateway.failures).toEqual([]);
});
const chat = (more: object = {}) => ({ model: "gpt-5-mini", messages: [{ role: "user", content: "hi" }], max_tokens: 10, ...more });
const line = (body: object, url = "/v1/chat/completions", id = Math.random().toString()) =>
  JSON.stringify({ custom_id: id, method: "POST", url, body });
const begin = async (lines: readonly string[], endpoint = "/v1/chat/completions") => {
  const { id } = await client.files.create({ file: await toFile(Buffer.from(lines.join("\n")), "in.jsonl"), purpose: "batch" });
  return await gateway.post("/v1/batches", { input_file_id: id, endpoint, completion_window: "24h" });
};
const refusal = async (response: Response) => [response.status, ((await response.json()) as { error: { message: string } }).error.message];

test("a model that a policy denies is not reached by a line of a batch, and the error names the line", async () => {
  await open({
    policies: [
      { id: "all", effect: "allow" },
      { id: "no-large", effect: "deny", models: ["large"], reason: "too dear" },
    ],
  });
  const [status, message] = await refusal(await begin([line(chat()), "", line(chat({ model: "gpt-5" }))]));
  expect([status, message]).toEqual([403, expect.stringMatching(/^line 3: large: .*too dear/)]);
  expect(begun).toEqual([]);
  expect((await begin([line(chat()), line(chat())])).status).toBe(200);
  // the account is told its own id, and the client another
  expect(begun).toEqual([
    { input_file_id: expect.stringMatching(/^file-\daccount$/), endpoint: "/v1/chat/completions", completion_window: "24h" },
  ]);
});

test("an endpoint, a parameter and a model without a route are judged in lines as in requests", async () => {
  await open({
    policies: [
      { id: "chat", effect: "allow", endpoints: ["chat"], models: ["small"] },
      { id: "other", effect: "allow", endpoints: ["other"], parameters: { path: { oneOf: ["/v1/files", "/v1/batches"] } } },
      { id: "short", effect: "deny", parameters: { max_tokens: { min: 1000 } } },
    ],
  });
  const wrong: [string[], string, RegExp][] = [
    [[line({ model: "gpt-5-mini", prompt: "x" }, "/v1/completions")], "/v1/completions", /^line 1: small/],
    [[line({ model: "gpt-5-mini", input: "x" }, "/v1/embeddings")], "/v1/embeddings", /^line 1: small/],
    [[line({ model: "dall-e-3", prompt: "x" }, "/v1/images/generations")], "/v1/images/generations", /^line 1: dall-e-3/],
    [[line(chat()), line(chat({ max_tokens: 5000 }))], "/v1/chat/completions", /^line 2: small/],
    [[line(chat()), line(chat({ max_completion_tokens: 5000 }))], "/v1/chat/completions", /^line 2: small/],
    [[line(chat({ model: "gpt-4" }))], "/v1/chat/completions", /^line 1: gpt-4/],
  ];
  for (const [lines, endpoint, expected] of wrong) {
    const [status, message] = await refusal(await begin(lines, endpoint));
    expect([endpoint, status, message]).toEqual([endpoint, 403, expect.stringMatching(expected)]);
  }
  expect(begun).toEqual([]);
  expect((await begin([line(chat())])).status).toBe(200);
});

test("lines that parsers read in two ways are refused with their number", async () => {
  await open({});
  const good = line(chat());
  const wrong: [string, number, RegExp][] = [
    [
      '{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-5-mini","model":"gpt-5"}}',
      400,
      /^line 2: .*"model" twice/,
    ],
    [`${good.slice(0, -1)},"x":"\u2028${good}\u2028"}`, 400, /^line 2: .*U\+2028/],
    [`${good}\r${good}`, 400, /^line 2: expected one JSON object/],
    ["{", 400, /^line 2: expected one JSON object/],
    [line(chat(), "/v1/responses"), 400, /^line 2: url: expected the batch's endpoint/],
    [line(chat({ model: 7 })), 400, /^line 2: model/],
    [line(chat({ max_tokens: -1 })), 400, /^line 2: max_tokens/],
  ];
  for (const [text, status, expected] of wrong)
    expect(await refusal(await begin([good, text]))).toEqual([status, expect.stringMatching(expected)]);
  expect(begun).toEqual([]);
});

test("a batch takes room for all of its lines in limits on tokens, requests and cost, and gives it back where it was not begun", async () => {
  const left = async () => {
    const id = gateway.gateway.control.objects.seal({ upstream: "cloud", owner: "user:ann" }, "batch_account");
    const response = await fetch(`${gateway.url}/v1/batches/${id}`, { headers: { authorization: `Bearer ${gateway.key}` } });
    await response.text();
    return Number(response.headers.get("x-ratelimit-remaining-requests"));
  };
  await open({
    prices: { models: { large: { input: 0, output: 1_000_000 } } },
    limits: [
      { name: "requests", measure: "requests", per: ["key"], limit: 40, window: "24h" },
      { name: "tokens", measure: "outputTokens", per: ["key"], limit: 1000, window: "24h", for: { models: ["small"] } },
      { name: "money", measure: "cost", per: ["key"], limit: 100, period: "day", for: { models: ["large"] } },
    ],
  });
  const before = await left();
  refusesBatches = true;
  expect((await begin([line(chat()), line(chat())])).status).toBe(400);
  refusesBatches = false;
  // an upload, the creation, this look
  expect(before - (await left())).toBe(3);
  expect((await begin([line(chat()), line(chat())])).status).toBe(200);
  expect(before - (await left())).toBe(3 + 3 + 2);
  const tokens = await begin([line(chat({ max_tokens: 500 })), line(chat({ max_tokens: 481 }))]);
  expect([tokens.status, begun.length]).toEqual([429, 1]);
  // without a bound of its own a line counts as the most that its model writes
  expect((await begin(Array.from({ length: 11 }, () => line(chat({ max_tokens: null }))))).status).toBe(413);
  expect((await begin([line(chat({ model: "gpt-5", max_tokens: 99 }))])).status).toBe(200);
  expect((await begin([line(chat({ model: "gpt-5", max_tokens: 99 }))])).status).toBe(429);
  expect(begun).toHaveLength(2);
});

test("a guard is not evaded by a batch", async () => {
  await open(
    {},
    {
      guards: { list: { kind: "blocklist", words: ["secret"] } },
      models: {
        large: { targets: [{ upstream: "cloud", model: "gpt-5" }], guards: ["list"] },
        small: { targets: [{ upstream: "cloud", model: "gpt-5-mini" }] },
      },
    },
  );
  const [status, message] = await refusal(await begin([line(chat()), line(chat({ model: "gpt-5" }))]));
  expect([status, message]).toEqual([403, expect.stringMatching(/^large: .*line 2/)]);
  expect((await begin([line(chat())])).status).toBe(200);
});

test("requests that stand in the body (Anthropic's batches) are judged too", async () => {
  await open({
    policies: [
      { id: "all", effect: "allow" },
      { id: "no-large", effect: "deny", models: ["large"] },
    ],
  });
  const ask = (model: string) => ({
    requests: [
      { custom_id: "a", params: { model: "x", max_tokens: 5, messages: [] } },
      { custom_id: "b", params: { model, max_tokens: 5, messages: [] } },
    ],
  });
  expect(await refusal(await gateway.post("/v1/messages/batches", ask("gpt-5")))).toEqual([
    403,
    expect.stringMatching(/^requests\[1\]\.params: large/),
  ]);
  expect((await gateway.post("/v1/messages/batches", ask("gpt-5-mini"))).status).toBe(200);
});

test("objects: shared, other letters and encoded letters lead no batch past its policies", async () => {
  await open(
    {
      policies: [
        { id: "all", effect: "allow" },
        { id: "no-large", effect: "deny", models: ["large"] },
      ],
    },
    {},
    { objects: "shared" },
  );
  files.set("file-x", Buffer.from(line(chat({ model: "gpt-5" }))));
  const body = { input_file_id: "file-x", endpoint: "/v1/chat/completions", completion_window: "24h" };
  expect((await gateway.post("/v1/batches", body)).status).toBe(403);
  for (const path of ["/v1/files/Batches", "/v1/files/%62atches", "/v1/files/b%41tches", "/v1/files/%2562atches"])
    expect([path, (await gateway.post(path, body)).status >= 400]).toEqual([path, true]);
  expect(begun).toEqual([]);
  expect((await gateway.post("/v1/batches", { ...body, input_file_id: 7 })).status).toBe(400);
  expect((await gateway.post("/v1/batches", { ...body, input_file_id: "file-none" })).status).toBe(400);
});

test("a batch's file is read with bounded memory: one line that is larger than a request, and more lines than a batch has, are refused", async () => {
  await open({});
  files.set("file-long", Buffer.alloc(34 * 1024 * 1024, "x"));
  const at = (id: string) => gateway.gateway.control.objects.seal({ upstream: "cloud", owner: "user:ann" }, id);
  const body = (id: string) => ({ input_file_id: at(id), endpoint: "/v1/chat/completions", completion_window: "24h" });
  expect(await refusal(await gateway.post("/v1/batches", body("file-long")))).toEqual([
    413,
    expect.stringMatching(/^line 1: expected at most/),
  ]);
  const one = line(chat(), undefined, "a");
  files.set("file-many", Buffer.from(`${one}\n`.repeat(50_001)));
  expect(await refusal(await gateway.post("/v1/batches", body("file-many")))).toEqual([
    400,
    expect.stringMatching(/^line 50001: expected at most 50000/),
  ]);
  expect([begun.length, contentReads]).toEqual([0, 2]);
});
