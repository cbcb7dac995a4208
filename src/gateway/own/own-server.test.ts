/** A server behind the gateway's door: nothing of it without a key, policies and limits whatever contract a client speaks, its answers as they are. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import type { ControlGiven } from "../control-config.ts";
import { type TestGateway, testGateway } from "../fakes.ts";
import type { RoutedRequest } from "./server-port.ts";
import { TokensWritten } from "./tokens-written.ts";

const access: ControlGiven = {
  principals: { users: { ann: { roles: ["user"] } } },
  policies: [
    { id: "users", effect: "allow", endpoints: ["chat", "completions", "models", "other", "files"] },
    { id: "no-secret", effect: "deny", models: ["secret"], reason: "nobody uses it" },
    { id: "short", effect: "deny", parameters: { max_tokens: { min: 1000 } } },
  ],
  limits: [{ name: "tokens", measure: "tokens", per: ["key"], limit: 1000, window: "1h" }],
};

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}

/** What the server of these tests says of its addresses; that of a project says it by its router, which `test/gateway-routes.test.ts` looks at. */
const said: Readonly<Record<string, Partial<RoutedRequest>>> = {
  "/api/chat": { endpoint: "chat", asksModel: true },
  "/api/generate": { endpoint: "completions", asksModel: true },
  "/api/tags": { endpoint: "models" },
  "/api/runs": { endpoint: "admin" },
  "/api/labels/x": { endpoint: "admin" },
  "/v1/admin/models": { endpoint: "admin" },
  "/v1/admin/load": { endpoint: "admin" },
  "/v1/batches": { endpoint: "batches", isDeferred: true },
  "/v1/fine_tuning/jobs": { endpoint: "fine-tuning" },
  "/v1/files/file-1": { endpoint: "files" },
  "/v1/models/mail:predict": { asksModel: true, model: "mail" },
  // its only model
  "/invocations": { asksModel: true, model: "safe", also: [{ model: "safe-1", label: null }] },
};
/** Models by the names that the server gives them beside the one that is asked. */
const aliases: Readonly<Record<string, readonly string[]>> = { hidden: ["secret"], "mail-2": ["mail"] };

const jsonOf = (text: string): Record<string, unknown> | undefined => {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
};

function routed(path: string, text: string): RoutedRequest {
  const body = jsonOf(text);
  const [model, label = null] = typeof body?.model === "string" ? body.model.split("@") : [];
  const named = model === undefined ? {} : { model, label, also: (aliases[model] ?? []).map(name => ({ model: name, label })) };
  return { name: path, endpoint: "other", asksModel: false, isDeferred: false, body, ...named, ...said[path] };
}

let seen: Seen[];
let answer: (request: Request) => Response | Promise<Response>;
let gateway: TestGateway;
/** A gateway in front of the server that remembers what it was asked. */
const behind = ({ access: given, ...more }: { readonly access: ControlGiven } & Record<string, unknown>): Promise<TestGateway> =>
  testGateway(
    {
      upstreams: { local: { url: "http://127.0.0.1:9/v1" } },
      models: { mail: { targets: [{ upstream: "local" }], maxOutputTokens: 100 } },
      ...more,
    },
    {
      access: given,
      server: async (request, authorize) => {
        const { pathname, search } = new URL(request.url);
        const body = await request.text();
        const refused = await authorize(routed(pathname, body));
        if (refused) return refused;
        seen.push({ method: request.method, path: pathname + search, headers: request.headers, body });
        return answer(request);
      },
    },
  );
beforeEach(async () => {
  seen = [];
  answer = () => Response.json({ done: true, eval_count: 7, prompt_eval_count: 5 });
  gateway = await behind({ access });
});
afterEach(async () => {
  await gateway.close();
  expect(gateway.failures).toEqual([]);
});

const get = (path: string, init: RequestInit = {}) =>
  fetch(`${gateway.url}${path}`, { ...init, headers: { authorization: `Bearer ${gateway.key}`, ...(init.headers as object) } });
const left = (response: Response) => Number(response.headers.get("x-ratelimit-remaining-tokens"));

test("no address of the server answers without a key, with none of the contracts", async () => {
  const paths = ["/api/chat", "/api/tags", "/v2/models/mail/generate", "/v1/models/mail:predict", "/v1/files", "/invocations", "/x", "/"];
  for (const path of paths)
    for (const method of ["GET", "POST", "DELETE"]) {
      const response = await fetch(`${gateway.url}${path}`, { method, ...(method === "POST" ? { body: "{}" } : {}) });
      expect([path, method, response.status]).toEqual([path, method, 401]);
    }
  expect(seen).toEqual([]);
});

test("a request reaches the server as it came, without its credentials, and the answer comes back as it was given", async () => {
  answer = () => new Response("hello", { status: 203, headers: { "x-own": "yes", "content-type": "text/plain" } });
  const response = await get("/x/y?a=1", { method: "PUT", body: '{"b":2}', headers: { "x-request-id": "mine", cookie: "c=1" } });
  expect([response.status, await response.text(), response.headers.get("x-own")]).toEqual([203, "hello", "yes"]);
  expect(seen[0]).toMatchObject({ method: "PUT", path: "/x/y?a=1", body: '{"b":2}' });
  expect(seen[0]!.headers.get("authorization")).toBeNull();
  expect(seen[0]!.headers.get("cookie")).toBeNull();
  expect(seen[0]!.headers.get("x-request-id")).toBe("mine");
  expect(gateway.records.at(-1)).toMatchObject({ path: "/x/y", target: "server", status: 203, subject: "ann" });
});

test("an answer without a body is one", async () => {
  answer = () => new Response(null, { status: 204 });
  expect((await get("/x", { method: "DELETE" })).status).toBe(204);
});

test("administration, the console's record and fine-tuning need a policy that names them", async () => {
  for (const path of ["/v1/admin/models", "/api/runs", "/api/labels/x", "/v1/fine_tuning/jobs", "/v1/batches"])
    expect([path, (await get(path)).status]).toEqual([path, 403]);
  expect(seen).toEqual([]);
});

test("what pages of the console read with a browser's session is in no list of requests and no usage; what they send is", async () => {
  const own = await testGateway(
    {
      upstreams: { local: { url: "http://127.0.0.1:9/v1" } },
      models: { mail: { targets: [{ upstream: "local" }], maxOutputTokens: 100 } },
    },
    {
      server: async (request, authorize) =>
        (await authorize(routed(new URL(request.url).pathname, await request.text()))) ?? answer(request),
    },
  );
  const { control } = own.gateway;
  const identity = await control.authenticate({ token: own.key });
  // a browser that is signed in
  control.sessionOf = header => (header("cookie") === "session=1" && "identity" in identity ? identity.identity : undefined);
  const asked = async (path: string, headers: Record<string, string>, body?: string) =>
    (await fetch(`${own.url}${path}`, { headers, ...(body === undefined ? {} : { method: "POST", body }) })).text();
  const [page, client] = [{ cookie: "session=1" }, { authorization: `Bearer ${own.key}` }];
  for (const path of ["/v1/models", "/v1/fine_tuning/jobs", "/v1/files/file-1"]) await asked(path, page);
  await asked("/v1/fine_tuning/jobs", client);
  await asked("/api/chat", page, '{"model":"mail"}');
  own.gateway.tell();
  const listed = await control.journal.list({ most: 100 });
  expect(listed.map(r => [r.method, r.path]).sort()).toEqual([
    ["GET", "/v1/fine_tuning/jobs"],
    ["POST", "/api/chat"],
  ]);
  const usage = await control.usage("2000-01-01", "2100-01-01");
  expect(usage.reduce((n, r) => n + r.requests, 0)).toBe(2);
  await own.close();
});

test("a policy that allows everything makes nobody an administrator of the server", async () => {
  const open = await testGateway(
    { upstreams: { local: { url: "http://127.0.0.1:9/v1" } }, models: { mail: { targets: [{ upstream: "local" }] } } },
    {
      access: { principals: { users: { ann: { roles: ["viewer"] } } }, policies: [{ id: "all", effect: "allow" }] },
      server: async (request, authorize) => (await authorize(routed(new URL(request.url).pathname, ""))) ?? Response.json({}),
    },
  );
  const ask = (path: string, method: string) =>
    fetch(`${open.url}${path}`, { method, headers: { authorization: `Bearer ${open.key}` } }).then(r => r.status);
  expect([await ask("/v1/admin/models", "GET"), await ask("/v1/admin/load", "POST"), await ask("/api/labels/x", "POST")]).toEqual([
    200, 403, 403,
  ]);
  await open.close();
});

test("a model that is denied is denied by whatever name the server has for it, and allowed by the name that is asked alone", async () => {
  for (const body of [{ model: "secret" }, { model: "secret@1" }, { model: "hidden" }])
    for (const path of ["/api/chat", "/invocations/x", "/tokenize"])
      expect([path, body, (await gateway.post(path, body)).status]).toEqual([path, body, 403]);
  expect(seen).toEqual([]);
  const some = await behind({ access: { ...access, policies: [{ id: "mail", effect: "allow", models: ["mail-2"] }] } });
  expect((await some.post("/api/chat", { model: "mail-2" })).status).toBe(200);
  expect((await some.post("/api/chat", { model: "mail" })).status).toBe(403);
  await some.close();
});

test("what the server answers without having asked is not given to anybody", async () => {
  const open = await testGateway(
    { upstreams: { local: { url: "http://127.0.0.1:9/v1" } }, models: { mail: { targets: [{ upstream: "local" }] } } },
    { server: request => (request.url.endsWith("/x") ? new Response("secret") : new Response("no", { status: 405 })) },
  );
  const response = await open.post("/x", {});
  expect([response.status, (await response.text()).includes("secret")]).toEqual([500, false]);
  expect((await open.post("/y", {})).status).toBe(405);
  expect(open.failures.map(String)).toEqual(["TypeError: the server has answered a request that was not decided on"]);
  await open.close();
});

test("a bound on max_tokens holds for num_predict and max_new_tokens too", async () => {
  for (const more of [{ options: { num_predict: 5000 } }, { parameters: { max_new_tokens: 5000 } }, { max_tokens: 5000 }])
    expect((await gateway.post("/api/chat", { model: "mail", ...more })).status).toBe(403);
  expect((await gateway.post("/api/chat", { model: "mail", options: { num_predict: 50 } })).status).toBe(200);
});

test("a bound on max_tokens holds for the largest of all names, in whatever part and row and for what has no end", async () => {
  const predict = "/v1/models/mail:predict";
  for (const [path, body] of [
    ["/api/chat", { model: "mail", options: { num_predict: 5000, max_tokens: 5 } }],
    ["/api/chat", { model: "mail", options: { num_predict: 5000 }, max_tokens: 5, parameters: { max_new_tokens: 5 } }],
    ["/api/generate", { model: "mail", options: { num_predict: -1 } }],
    ["/api/generate", { model: "mail", options: { num_predict: -2 }, max_tokens: 5 }],
    ["/api/generate", { model: "mail", parameters: { max_tokens: 5000 }, max_tokens: 5 }],
    [predict, { instances: [{ text: "a", max_tokens: 5 }, "b", { text: "c", max_tokens: 5000 }] }],
    [predict, { inputs: { text: ["a", "b"], max_tokens: [5, 5000] } }],
    [predict, { inputs: { text: "a", max_tokens: 5000 } }],
  ] as const)
    expect([path, body, (await gateway.post(path, body)).status]).toEqual([path, body, 403]);
  expect(seen).toEqual([]);
  for (const body of [{ instances: ["a", { text: "b", max_tokens: 5 }] }, { inputs: { text: ["a"], max_tokens: [5] } }])
    expect((await gateway.post(predict, body)).status).toBe(200);
});

test("an answer without end is held for as one whose end nobody says", async () => {
  const open = await behind({ access: { ...access, policies: [{ id: "all", effect: "allow" }] } });
  const held = async (options: object) => {
    const response = await open.post("/api/generate", { model: "mail", options });
    await response.text();
    return [response.status, 1000 - left(response)];
  };
  const [status, none] = await held({ num_context: -1, min_tokens: 5 });
  const [, after] = await held({ num_predict: -1, max_tokens: 5 });
  // what the first came to is its own count: 5 and 7
  expect([status, none! > 100, after! - none!]).toEqual([200, true, 5 + 7]);
  await open.close();
});

test("a body says nothing of its address: a policy for a path is not met by a parameter of that name", async () => {
  const open = await behind({
    access: { ...access, policies: [{ id: "audio", effect: "allow", parameters: { path: { oneOf: ["/v1/audio"] } } }] },
  });
  expect((await open.post("/api/chat", { model: "mail", path: "/v1/audio" })).status).toBe(403);
  await open.close();
});

test("a class of data is asked for at these addresses too", async () => {
  const open = await behind({
    access: {
      ...access,
      policies: [
        { id: "public", effect: "allow", dataClasses: ["public", "personal"] },
        { id: "no-personal", effect: "deny", endpoints: ["completions"], dataClasses: ["personal"] },
      ],
    },
  });
  const ask = async (path: string, dataClass?: string) =>
    (await open.post(path, { model: "mail" }, dataClass === undefined ? {} : { headers: { "x-loam-data-class": dataClass } })).status;
  expect([await ask("/api/chat"), await ask("/api/chat", "public"), await ask("/api/chat", "personal")]).toEqual([403, 200, 200]);
  expect([await ask("/api/generate", "public"), await ask("/api/generate", "personal")]).toEqual([200, 403]);
  await open.close();
});

test("a model with guards answers at no address that they do not stand before, and nor does one that cannot be told", async () => {
  const open = await behind({
    access: { ...access, policies: [{ id: "all", effect: "allow" }] },
    guards: { list: { kind: "blocklist", words: ["secret"] } },
    models: {
      mail: { targets: [{ upstream: "local" }], maxOutputTokens: 100 },
      safe: { aliases: ["sure"], targets: [{ upstream: "local" }], guards: ["list"] },
    },
  });
  type Refusal = { readonly error: { readonly code: string; readonly message: string } };
  const refused = async (path: string, body: object) => {
    const response = await open.post(path, body);
    return [path, response.status, ((await response.json()) as Refusal).error.code];
  };
  for (const [path, body] of [
    ["/api/chat", { model: "safe" }],
    ["/api/generate", { model: "sure" }],
    ["/api/chat", { model: "safe@canary" }],
    ["/invocations", { messages: [] }],
    ["/api/chat", { model: "safe-1" }],
    ["/v1/batches", { input_file_id: "file-1", model: "mail" }],
  ] as const)
    expect(await refused(path, body)).toEqual([path, 403, "unguarded_address"]);
  expect(seen).toEqual([]);
  const { error } = (await (await open.post("/api/chat", { model: "sure" })).json()) as Refusal;
  expect(error.message).toMatch(/^safe: .*\/api\/chat.*\/v1\/chat\/completions/);
  // others answer, and what asks no model is not kept from anybody
  for (const path of ["/api/chat", "/tokenize"]) expect((await open.post(path, { model: "mail" })).status).toBe(200);
  for (const path of ["/tokenize", "/api/show"]) expect((await open.post(path, { model: "safe" })).status).toBe(200);
  expect((await open.post("/v1/batches/batch_1/cancel", {})).status).toBe(200);
  await open.close();
});

test("tokens are held before the answer and charged by what it says", async () => {
  const first = await gateway.post("/api/generate", { model: "mail", prompt: "x".repeat(300), options: { num_predict: 90 } });
  // 300 bytes and more of prompt at 3 bytes a token, and 90
  expect(left(first)).toBeLessThanOrEqual(1000 - 100 - 90);
  await first.text();
  const second = await gateway.post("/api/generate", { model: "mail", prompt: "", options: { num_predict: 0 } });
  expect(1000 - left(second)).toBeLessThan(5 + 7 + 40);
  // more than is left is not let in at all
  expect((await gateway.post("/api/generate", { model: "mail", options: { num_predict: 970 } })).status).toBe(429);
  await second.text();
  const status = await gateway.post("/api/tags", { model: "mail", prompt: "x".repeat(3000) });
  expect([status.status, gateway.records.at(-1)!.inputTokens]).toEqual([200, 0]);
});

test("a stream is passed on piece by piece, and a client that leaves ends it", async () => {
  let write: (text: string) => void = () => {};
  let isCancelled = false;
  answer = () =>
    new Response(
      new ReadableStream({
        start: c => {
          write = text => c.enqueue(new TextEncoder().encode(text));
        },
        cancel: () => {
          isCancelled = true;
        },
      }),
      { headers: { "content-type": "application/x-ndjson" } },
    );
  const abort = new AbortController();
  const asking = gateway.post("/api/chat", { model: "mail" }, { signal: abort.signal });
  while (seen.length === 0) await new Promise(resolve => setTimeout(resolve, 5));
  write('{"n":1}\n');
  const reader = (await asking).body!.getReader();
  expect(Buffer.from((await reader.read()).value!).toString()).toBe('{"n":1}\n');
  write('{"n":2}\n');
  expect(Buffer.from((await reader.read()).value!).toString()).toBe('{"n":2}\n');
  abort.abort();
  await until(() => gateway.records.length > 0);
  expect(isCancelled).toBe(true);
  expect(gateway.records.at(-1)).toMatchObject({ status: 499, model: "mail", outputTokens: 2 });
});

test("the gateway's own addresses stay its own", async () => {
  expect(await (await get("/v1/models")).json()).toMatchObject({ data: [{ id: "mail" }] });
  expect(await (await get("/v1/models/mail")).json()).toMatchObject({ id: "mail", owned_by: "loam-gateway" });
  expect(seen).toEqual([]);
  await get("/v1/models/mail/versions/1");
  // a version was 404 here, though completions took it
  await get("/v1/models/mail@2");
  await get("/v1/chat/completions");
  expect(seen.map(s => s.path)).toEqual(["/v1/models/mail/versions/1", "/v1/models/mail@2", "/v1/chat/completions"]);
});

test("tokens of an answer: what it says itself, else events, else bytes", () => {
  const of = (type: string, ...texts: string[]) => {
    const tokens = new TokensWritten(type);
    for (const text of texts) tokens.add(Buffer.from(text));
    return tokens.counted(11);
  };
  expect(of("application/json", '{"usage":{"prompt_tokens":3,', '"completion_tokens":4}}')).toMatchObject({
    inputTokens: 3,
    outputTokens: 4,
  });
  expect(of("application/json", '{"eval_count":-4}')).toMatchObject({ inputTokens: 11, outputTokens: 6 });
  expect(of("application/x-ndjson", '{"a":1}\n{"b"', ':2}\n{"done":true,"prompt_eval_count":2,"eval_count":9}\n')).toMatchObject({
    inputTokens: 2,
    outputTokens: 9,
  });
  expect(of("text/event-stream", "data: a\r\n\r", "\ndata: b\r\n\r\n")).toMatchObject({ inputTokens: 11, outputTokens: 2 });
});
