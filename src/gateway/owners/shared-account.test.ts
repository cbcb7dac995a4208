/** Tenants of a gateway over one account of an upstream that stores objects: real sockets, two keys, every collection and every verb. */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import OpenAI, { toFile } from "openai";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { type TestGateway, testGateway } from "../fakes.ts";

type Row = Record<string, unknown>;
interface Got {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}
const got: Got[] = [];
const store = new Map<string, Row>();
let count = 0;
const prefixes: Readonly<Record<string, string>> = {
  files: "file-",
  batches: "batch_",
  conversations: "conv_",
  jobs: "ftjob-",
  vector_stores: "vs_",
};
const newId = (prefix: string): string => `${prefix}secret${String(count++).padStart(24, "0")}`;
const kept = (row: Row): Row => {
  store.set(String(row.id), row);
  return row;
};
const answerTo = (body: Row): Row => {
  const item = kept({
    id: newId("msg_"),
    type: "message",
    role: "assistant",
    status: "completed",
    content: [{ type: "output_text", text: "resp_text_stays_as_it_is" }],
  });
  const id = newId("resp_");
  const { previous_response_id = null, metadata = {} } = body;
  return kept({
    id,
    object: "response",
    status: "completed",
    model: body.model,
    previous_response_id,
    metadata,
    output: [item],
    usage: null,
  });
};

/** What every request names must be there: the account itself knows no tenants. */
function idsOf(value: unknown): string[] {
  if (typeof value === "string") return /^(resp|msg|conv|batch|vs|container)_secret|^(file|ftjob)-secret/.test(value) ? [value] : [];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(idsOf) : [];
}

/** What every file of the account holds: a line of a batch, with words that look like an id. */
const content = '{"custom_id":"file-of-mine","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":[]}}';

const server = createServer(async (request, response) => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const one: Got = { method: request.method!, url: request.url!, headers: request.headers, text: Buffer.concat(parts).toString() };
  got.push(one);
  const { pathname } = new URL(one.url, "http://x");
  const isJson = one.headers["content-type"]?.startsWith("application/json") === true && one.text !== "";
  const body = isJson ? (JSON.parse(one.text) as Row) : {};
  const say = (status: number, value: unknown) =>
    response.writeHead(status, { "content-type": "application/json", etag: '"1"' }).end(JSON.stringify(value));
  const [, , ...path] = pathname.split("/");
  const named = idsOf([path, body]);
  const id = path.find(p => store.has(p));
  if (named.some(name => !store.has(name))) return say(404, { error: { message: "not in this account" } });
  if (pathname === "/v1/responses") {
    const answer = answerTo(body);
    if (body.stream !== true) return say(200, answer);
    response.writeHead(200, { "content-type": "text/event-stream" });
    const [item] = answer.output as Row[];
    for (const event of [
      { type: "response.created", response: { ...answer, status: "in_progress", output: [] } },
      { type: "response.output_item.added", output_index: 0, item: { ...item, content: [] } },
      { type: "response.output_text.delta", item_id: item!.id, output_index: 0, content_index: 0, delta: "resp_text_stays_as_it_is" },
      { type: "response.completed", response: answer },
    ])
      response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    return response.end();
  }
  if (pathname === "/v1/chat/completions")
    return say(200, {
      id: newId("chatcmpl-"),
      object: "chat.completion",
      model: "m",
      choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "hi" } }],
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    });
  if (pathname === "/v1/messages")
    return say(200, {
      id: "msg_1",
      type: "message",
      role: "assistant",
      model: "m",
      content: [{ type: "tool_use", id: "toolu_secret", name: "f", input: {} }],
      container: { id: kept({ id: newId("container_") }).id, expires_at: "2027-01-01T00:00:00Z" },
      stop_reason: "tool_use",
      usage: { input_tokens: 1, output_tokens: 1 },
    });
  if (path.at(-1) === "content") return response.writeHead(200, { "content-type": "application/json" }).end(content);
  if (id === undefined && one.method === "POST")
    return say(200, kept({ ...body, id: newId(prefixes[path.at(-1)!] ?? "obj_"), object: path.at(-1) }));
  if (id === undefined) return say(200, { object: "list", data: [...store.values()] });
  if (path.at(-1) !== id && one.method === "GET")
    return say(200, { object: "list", data: [{ id: newId("sub_"), parent_id: id }], first_id: null, has_more: false });
  if (one.method === "DELETE") store.delete(id);
  return say(200, one.method === "DELETE" ? { id, deleted: true } : store.get(id));
});

const all = { upstream: "cloud", methods: ["GET", "POST", "DELETE"] };
let gateway: TestGateway;
const clients: Record<string, OpenAI> = {};
const keys: Record<string, string> = {};
beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const access = {
    principals: { users: { ann: { roles: ["admin"] }, bob: { roles: ["admin"] } } },
    policies: [{ id: "all", effect: "allow" as const }],
  };
  gateway = await testGateway(
    {
      upstreams: {
        cloud: { url, sharedObjects: ["pmpt_operators"] },
        other: { url },
        anthropic: { url: url.replace("/v1", ""), protocol: "anthropic" },
      },
      models: {
        claude: { targets: [{ upstream: "anthropic" }] },
        m: { targets: [{ upstream: "cloud" }] },
        both: { targets: [{ upstream: "other" }, { upstream: "cloud" }] },
      },
      passThrough: Object.fromEntries(
        ["files", "batches", "conversations", "fine_tuning", "vector_stores", "responses", "audio", "images"].map(c => [`/v1/${c}`, all]),
      ),
    },
    { access },
  );
  for (const subject of ["ann", "bob"]) {
    const { secret } = await gateway.gateway.control.keys.create({ name: subject, subject }, "test");
    keys[subject] = secret;
    clients[subject] = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: secret, maxRetries: 0 });
  }
});
beforeEach(() => {
  got.length = 0;
});
afterAll(async () => {
  await gateway.close();
  server.closeAllConnections();
  server.close();
  expect(gateway.failures).toEqual([]);
});

const send = async (who: string, method: string, path: string, body?: object, headers: Record<string, string> = {}) => {
  const response = await fetch(`${gateway.url}/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${keys[who]}`, ...(body ? { "content-type": "application/json" } : {}), ...headers },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return { status: response.status, body: (await response.json()) as Row & { error?: Row } };
};
const made = async (who: string, path: string, body: object = {}) =>
  z.object({ id: z.string() }).parse((await send(who, "POST", path, body)).body).id;
const upload = async (who: string) =>
  (await clients[who]!.files.create({ file: await toFile(Buffer.from("{}"), "in.jsonl"), purpose: "batch" })).id;
/** A foreign id is told of as one that was never given out, and no request for it reaches the account. */
async function refused(method: string, path: (id: string) => string, id: string, body?: (id: string) => object) {
  got.length = 0;
  const never = `${id.slice(0, -6)}AAAAAA`;
  const [foreign, unknown] = [await send("bob", method, path(id), body?.(id)), await send("bob", method, path(never), body?.(never))];
  expect([method, path("ID"), foreign.status]).toEqual([method, path("ID"), 404]);
  const told = (answer: object, own: string) => JSON.stringify(answer).replaceAll(own.slice(0, 100), "ID");
  expect(told(foreign, id)).toBe(told(unknown, never));
  expect(got).toEqual([]);
}

const collections = [
  { path: "/files", make: () => upload("ann"), below: ["", "/content"] },
  { path: "/batches", make: async () => made("ann", "/batches", { input_file_id: await upload("ann") }), below: ["", "/cancel"] },
  { path: "/conversations", make: () => made("ann", "/conversations"), below: ["", "/items"] },
  {
    path: "/fine_tuning/jobs",
    make: async () => made("ann", "/fine_tuning/jobs", { training_file: await upload("ann") }),
    below: ["", "/events", "/checkpoints", "/cancel", "/pause", "/resume"],
  },
  { path: "/vector_stores", make: () => made("ann", "/vector_stores"), below: ["", "/files", "/search"] },
  { path: "/responses", make: () => made("ann", "/responses", { model: "m", input: "hi" }), below: ["", "/input_items", "/cancel"] },
];

test.each(collections)("tenant B cannot read, change or delete what A stored at $path, and A can", async ({ path, make, below }) => {
  const id = await make();
  expect(id).not.toContain("secret");
  for (const end of below) for (const method of ["GET", "POST", "DELETE"]) await refused(method, i => `${path}/${i}${end}`, id);
  for (const end of below) expect([end, (await send("ann", "GET", `${path}/${id}${end}`)).status]).toEqual([end, 200]);
  expect((await send("ann", "GET", `${path}/${id}`)).body.id).toBe(id);
  expect((await send("ann", "DELETE", `${path}/${id}`)).body).toEqual({ id, deleted: true });
  expect((await send("ann", "GET", `${path}/${id}`)).status).toBe(404);
});

test.each(collections.filter(c => c.path !== "/responses"))("a list of the whole account at $path reaches nobody", async ({ path }) => {
  for (const method of ["GET", "DELETE"]) {
    const { status } = await send("ann", method, path);
    expect([method, status]).toEqual([method, method === "GET" ? 403 : 404]);
  }
  expect(got).toEqual([]);
});

const naming: readonly (readonly [string, string, string, (id: string) => object])[] = [
  ["previous_response_id", "/responses", "/responses", id => ({ model: "m", input: "go on", previous_response_id: id })],
  ["item_reference", "/responses", "item", id => ({ model: "m", input: [{ type: "item_reference", id }] })],
  ["the id of an item", "/responses", "item", id => ({ model: "m", input: [{ type: "reasoning", id, summary: [] }] })],
  ["conversation", "/responses", "/conversations", id => ({ model: "m", input: "go on", conversation: id })],
  ["conversation.id", "/responses", "/conversations", id => ({ model: "m", input: "go on", conversation: { id } })],
  ["input_file", "/responses", "/files", id => ({ model: "m", input: [{ role: "user", content: [{ type: "input_file", file_id: id }] }] })],
  [
    "vector_store_ids",
    "/responses",
    "/vector_stores",
    id => ({ model: "m", input: "x", tools: [{ type: "file_search", vector_store_ids: [id] }] }),
  ],
  [
    "a file of a chat",
    "/chat/completions",
    "/files",
    id => ({ model: "m", messages: [{ role: "user", content: [{ type: "file", file: { file_id: id } }] }] }),
  ],
  ["input_file_id", "/batches", "/files", id => ({ input_file_id: id, endpoint: "/v1/chat/completions", completion_window: "24h" })],
  ["training_file", "/fine_tuning/jobs", "/files", id => ({ model: "m", training_file: id })],
  ["file_ids", "/vector_stores", "/files", id => ({ file_ids: [id] })],
  ["a file of a picture", "/images/edits", "/files", id => ({ images: [{ file_id: id }] })],
];
test.each(naming)("tenant B cannot name A's object as %s, and A can", async (_, path, kind, body) => {
  const id =
    kind === "item"
      ? z
          .object({ output: z.array(z.object({ id: z.string() })) })
          .parse((await send("ann", "POST", "/responses", { model: "m", input: "hi" })).body).output[0]!.id
      : await collections.find(c => c.path === kind)!.make();
  await refused("POST", () => path, id, body);
  expect(await send("ann", "POST", path, body(id))).toMatchObject({ status: 200 });
  // the account was told its own id
  expect(got.at(-1)!.text).toContain("secret");
});

test("ids of a stream are those of the whole answer: they go on, and are their owner's alone", async () => {
  const ids = new Set<string>();
  let item = "";
  for await (const event of await clients.ann!.responses.create({ model: "m", input: "hi", stream: true })) {
    expect(JSON.stringify(event)).not.toContain("secret");
    if ("response" in event) ids.add(event.response.id);
    if (event.type === "response.output_item.added") item = event.item.id!;
    if (event.type === "response.output_text.delta") expect([event.item_id, event.delta]).toEqual([item, "resp_text_stays_as_it_is"]);
  }
  expect(ids.size).toBe(1);
  const [id] = [...ids];
  const next = await clients.ann!.responses.create({
    model: "m",
    input: [{ type: "item_reference", id: item }],
    previous_response_id: id!,
  });
  expect(next.previous_response_id).toBe(id);
  await refused(
    "POST",
    () => "/responses",
    id!,
    own => ({ model: "m", input: "x", previous_response_id: own }),
  );
});

test("a response is gone on with by the upstream that has it, whichever others the model has", async () => {
  const first = await clients.ann!.responses.create({ model: "m", input: "hi" });
  for (let i = 0; i < 8; i++) await clients.ann!.responses.create({ model: "both", input: "more", previous_response_id: first.id });
  expect(gateway.records.slice(-8).map(r => r.target)).toEqual(Array(8).fill("cloud/both"));
});

test("the account's own ids name nothing, an operator's shared ones do, and pages of a list take sealed ids", async () => {
  const job = await collections[3]!.make();
  const [raw] = [...store.keys()].filter(id => id.startsWith("ftjob-"));
  expect((await send("ann", "GET", `/fine_tuning/jobs/${raw}`)).status).toBe(404);
  expect((await send("ann", "POST", "/responses", { model: "m", input: "x", prompt: { id: "pmpt_operators" } })).status).toBe(200);
  expect((await send("ann", "POST", "/responses", { model: "m", input: "x", prompt: { id: "pmpt_others" } })).status).toBe(404);
  store.set("pmpt_operators", { id: "pmpt_operators" });
  const statusOf = async (method: string) => (await send("ann", method, "/vector_stores/pmpt_operators")).status;
  expect([await statusOf("GET"), await statusOf("DELETE"), await statusOf("POST")]).toEqual([200, 404, 404]);
  const events = await send("ann", "GET", `/fine_tuning/jobs/${job}/events`);
  const [event] = z.array(z.object({ id: z.string(), parent_id: z.string() })).parse(events.body.data);
  expect(event!.parent_id).toBe(job);
  expect((await send("ann", "GET", `/fine_tuning/jobs/${job}/events?limit=2&after=${event!.id}`)).status).toBe(200);
  expect(new URL(got.at(-1)!.url, "http://x").searchParams.get("after")).toMatch(/^sub_secret/);
  expect((await send("bob", "GET", `/fine_tuning/jobs/${job}/events?after=${event!.id}`)).status).toBe(404);
});

test("metadata, names of functions and what a file holds stay as they were written", async () => {
  const metadata = { id: "mine", file_id: "file-mine" };
  const tools = [
    { type: "function", name: "f", parameters: { type: "object", properties: { file_id: { type: "string" } }, id: "schema" } },
  ];
  expect(await send("ann", "POST", "/responses", { model: "m", input: "x", metadata, tools })).toMatchObject({
    status: 200,
    body: { metadata },
  });
  expect(await (await clients.ann!.files.content(await upload("ann"))).text()).toBe(content);
});

test("a body that cannot be read for the objects that it names does not go on", async () => {
  const id = await collections[4]!.make();
  got.length = 0;
  const bare = (headers: Record<string, string>) =>
    fetch(`${gateway.url}/v1/vector_stores/${id}/files`, {
      method: "POST",
      body: '{"file_id":"file-x"}',
      headers: { authorization: `Bearer ${keys.ann}`, ...headers },
    });
  for (const type of ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"])
    expect((await bare({ "content-type": type })).status).toBe(415);
  expect(got).toEqual([]);
});

test("two tenants' equal idempotency keys are two at the account, and one tenant's stays one", async () => {
  const headers = { "idempotency-key": "order-1" };
  const body = { model: "m", input: "hi" };
  for (const who of ["ann", "bob", "ann"]) await send(who, "POST", "/responses", body, headers);
  for (const who of ["ann", "bob"]) await send(who, "POST", "/vector_stores", {}, headers);
  const [a, b, again, passed, passedB] = got.map(g => g.headers["idempotency-key"]);
  expect([again, passed, passedB]).toEqual([a, a, b]);
  expect(a).not.toBe(b);
  expect([a, b].join()).not.toContain("order-1");
});

test("a kept answer with ids of stored objects is given to its owner alone, and none to a request that names an object", async () => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const cached = await testGateway(
    { upstreams: { cloud: { url } }, models: { m: { targets: [{ upstream: "cloud" }] } }, cache: { scope: "all", any: true } },
    { access: { principals: { users: { ann: {}, bob: {} } }, policies: [{ id: "all", effect: "allow" }] } },
  );
  const { secret } = await cached.gateway.control.keys.create({ name: "bob", subject: "bob" }, "test");
  const ask = async (key: string, body: object) => {
    const response = await cached.post("/v1/responses", { model: "m", ...body }, { headers: { authorization: `Bearer ${key}` } });
    const { id, output } = z.object({ id: z.string(), output: z.array(z.object({ id: z.string() })) }).parse(await response.json());
    return { id, item: output[0]!.id, cache: response.headers.get("x-loam-cache") };
  };
  const first = await ask(cached.key, { input: "hi" });
  expect(await ask(cached.key, { input: "hi" })).toEqual({ ...first, cache: "hit" });
  const other = await ask(secret, { input: "hi" });
  expect(other.cache).toBe("miss");
  expect(other.id).not.toBe(first.id);
  for (let i = 0; i < 2; i++) expect((await ask(cached.key, { input: [{ type: "item_reference", id: first.item }] })).cache).toBe("bypass");
  await cached.close();
});

test("a container of Anthropic's is its owner's alone, and calls of tools keep their ids", async () => {
  const messages = [{ role: "user", content: "hi" }];
  const ask = (who: string, more: object = {}) => send(who, "POST", "/messages", { model: "claude", max_tokens: 8, messages, ...more });
  const first = await ask("ann");
  expect(first).toMatchObject({ status: 200, body: { id: "msg_1", content: [{ id: "toolu_secret" }] } });
  const { id } = z.object({ id: z.string() }).parse(first.body.container);
  expect(id).toMatch(/^container_(?!secret)/);
  expect((await ask("ann", { container: id })).status).toBe(200);
  expect(got.at(-1)!.text).toContain("container_secret");
  got.length = 0;
  for (const container of [id, { id }, "container_secret000000000000000000000001"])
    expect((await ask("bob", { container })).status).toBe(404);
  expect(got).toEqual([]);
});
