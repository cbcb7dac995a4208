/**
 * A gateway in front of a real server, fuzzed against that server alone: what would run is what policies judge, whichever contract, path, encoding,
 * method and body a request comes in. The server's own table of routes is where the paths are drawn from.
 */
import { Client, credentials, Metadata, status } from "@grpc/grpc-js";
import fc from "fast-check";
import protobuf from "protobufjs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ControlGiven, checkConfig, Gateway, openControl } from "../src/gateway/index.ts";
import { randomAdapter } from "../src/serve/adapters/random-adapter.laws.ts";
import { scriptedProgram, tinyModel } from "../src/serve/fakes.ts";
import { inferenceProto } from "../src/serve/grpc/proto.ts";
import { withoutPrefix } from "../src/serve/http/contract.ts";
import { contracts } from "../src/serve/http/contracts.ts";
import { tinyEncoder } from "../src/serve/http/fakes.ts";
import {
  type App,
  createApp,
  createEmbeddingEngine,
  createEngine,
  type Engine,
  Engines,
  Fleet,
  type GenerationRequest,
  listenGrpc,
} from "../src/serve/index.ts";
import { openDevice } from "../src/tensor/index.ts";

const device = openDevice("cpu", { threads: 1 });

/** What the engines were asked for. */
const ran: { readonly model: string; readonly request?: GenerationRequest }[] = [];

/** Notes what it is asked for. */
function noted(engine: Engine): Engine {
  const submitAll = engine.submitAll.bind(engine);
  engine.submitAll = requests => {
    for (const request of requests) ran.push({ model: request.adapter ?? engine.model.name ?? engine.model.id, request });
    return submitAll(requests);
  };
  return engine;
}

interface Served {
  readonly app: App;
  readonly fleet: Fleet;
  readonly engines: Engines;
}

/** `mail` in two versions, of which one has a label; `news`; an adapter `legal` over `mail@2`; an encoder. */
async function served(otherNames?: string): Promise<Served> {
  const engines = new Engines();
  const model = await tinyModel(device);
  const fleet = new Fleet({
    engines,
    source: {
      versions: async () => [1, 2],
      open: async (name, version) => {
        const own = { ...model, id: `${name}@${version}`, aliases: [], name, version };
        const hasAdapters = name === "mail" && version === 2;
        const engine = hasAdapters
          ? createEngine({ model: own, device, slots: 2, widths: [8, 32], adapters: { count: 1, rank: 8 } })
          : createEngine({ model: own, device, open: async () => scriptedProgram({ slots: 2, room: 192 }) });
        return { engine: noted(engine), labels: name === "mail" && version === 1 ? ["prod"] : [], close: () => engine.close() };
      },
    },
  });
  for (const [name, version] of [
    ["mail", 1],
    ["mail", 2],
    ["news", 1],
  ] as const)
    await fleet.load(name, version);
  await engines.adapters.add(engines.find("mail@2"), "legal", randomAdapter("legal"));
  const encoding = createEmbeddingEngine({ model: await tinyEncoder(device), device });
  const embed = encoding.embed.bind(encoding);
  encoding.embed = (texts, signal) => {
    ran.push({ model: "tiny-encoder" });
    return embed(texts, signal);
  };
  await encoding.ready;
  engines.addEncoder(encoding);
  return { engines, fleet, app: createApp({ engines, fleet, admin: true, ...(otherNames === undefined ? {} : { otherNames }) }) };
}

interface Door {
  readonly gateway: Gateway;
  readonly key: string;
}

async function before({ app }: Served, access: Partial<ControlGiven>): Promise<Door> {
  const whole: ControlGiven = { principals: { users: { ann: { roles: ["user"] } } }, policies: [], ...access };
  const target = { targets: [{ upstream: "loam" }] };
  const checked = await checkConfig(
    {
      upstreams: { loam: { url: "http://127.0.0.1/v1" } },
      models: { mail: target, news: target, legal: target, "tiny-encoder": target },
      state: "memory:",
      log: { to: "none" },
      access: whole,
    },
    "gateway.yaml",
    ".",
  );
  const here = (request: Request) => app.fetch(request);
  const config = { ...checked, upstreams: new Map([["loam", { ...checked.upstreams.get("loam")!, here }]]) };
  const control = await openControl({ state: "memory:", root: ".", config: whole });
  const gateway = await Gateway.open({
    config,
    control,
    server: (request, authorize) => app.fetch(request, undefined, authorize),
    onFailure: error => failures.push(error),
  });
  const { secret } = await control.keys.create({ name: "test", subject: "ann" }, "test");
  return { gateway, key: secret };
}
const failures: unknown[] = [];

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly type: string | undefined;
  readonly body: string;
}

const requestOf = ({ method, path, type, body }: Asked, headers: Record<string, string> = {}): Request =>
  new Request(`http://localhost${path}`, {
    method,
    headers: { host: "localhost", ...(type === undefined ? {} : { "content-type": type }), ...headers },
    ...(method === "GET" || method === "HEAD" ? {} : { body }),
  });

interface Told {
  readonly status: number;
  readonly text: string;
  readonly ran: typeof ran;
}

async function told(answer: Response | Promise<Response>): Promise<Told> {
  const response = await answer;
  return { status: response.status, text: await response.text(), ran: ran.splice(0) };
}
const direct = ({ app }: Served, asked: Asked) => told(app.fetch(requestOf(asked)));
const through = ({ gateway, key }: Door, asked: Asked) => told(gateway.fetch(requestOf(asked, { authorization: `Bearer ${key}` })));

const names = ["mail", "mail@1", "mail@2", "mail@prod", "mail@latest", "mail:1", "mail:latest", "news", "news@1", "news:latest"];
const more = ["legal", "legal:latest", "tiny-encoder", "tiny-encoder@1", "tiny-encoder:1", "Mail", "mail ", "mail@", "@mail", "gone", ""];
const name = fc.constantFrom(...names, ...more);

/** A route's pattern as paths: its parameters are names and what else there is. */
function pathsOf(pattern: string): fc.Arbitrary<string> {
  const which = fc.constantFrom("", "/versions/1", "/versions/2", "/versions/9", "/labels/prod", "/labels/x");
  const parts = pattern.split(/(:\w+(?:\{(?:[^{}]|\{[^{}]*\})*\})?)/).map((part): fc.Arbitrary<string> => {
    if (!part.startsWith(":")) return fc.constant(part);
    if (part.includes("predict"))
      return fc.tuple(name, which, fc.constantFrom("predict", "classify", "regress")).map(([n, w, m]) => `${n}${w}:${m}`);
    if (part.includes("metadata")) return fc.tuple(name, which).map(([n, w]) => `${n}${w}/metadata`);
    if (part.includes("versions")) return fc.tuple(name, which).map(([n, w]) => `${n}${w}`);
    if (part.startsWith(":model")) return name;
    if (part.startsWith(":version")) return fc.constantFrom("1", "2", "9", "x");
    return fc.constantFrom("x", "hosted", "file-1");
  });
  return fc.tuple(...parts).map(all => all.join(""));
}
const routes = contracts.flatMap(contract =>
  [...contract.routes, ...withoutPrefix(contract, contracts)].map(route => ({ ...route, endpoint: route.endpoint ?? contract.endpoint })),
);
const answering = routes.filter(route => route.uses !== undefined);

/** What clients and proxies do to paths. */
const bent = fc.record({
  at: fc.nat(60),
  how: fc.constantFrom("none", "none", "none", "encoded", "twice", "slash", "dot", "case", "end", "semicolon"),
});
function bend(path: string, { at, how }: { readonly at: number; readonly how: string }): string {
  const i = 1 + (at % Math.max(1, path.length - 1));
  const [head, one, tail] = [path.slice(0, i), path[i] ?? "", path.slice(i + 1)];
  const code = one === "" ? "" : Buffer.from(one).toString("hex");
  switch (how) {
    case "encoded":
      return one === "" || one === "%" ? path : `${head}%${code}${tail}`;
    case "twice":
      return one === "" || one === "%" ? path : `${head}%25${code}${tail}`;
    case "slash":
      return `${head}/${one}${tail}`;
    case "dot":
      return path.replace(/\/([^/]*)$/, "/./$1");
    case "case":
      return `${head}${one.toUpperCase()}${tail}`;
    case "end":
      return `${path}/`;
    case "semicolon":
      return `${path};model=news`;
    default:
      return path;
  }
}

const fields = fc.record(
  {
    model: fc.oneof({ weight: 8, arbitrary: name }, { weight: 1, arbitrary: fc.constantFrom(null, 5, ["mail"], { model: "mail" }) }),
    messages: fc.constant([{ role: "user", content: "hi" }]),
    prompt: fc.constantFrom("hi", ["a", "b"]),
    input: fc.constantFrom("hi", ["a", "b"]),
    inputs: fc.constantFrom<unknown>("hi", ["a"], { text: ["a"] }, [{ name: "text", shape: [1], datatype: "BYTES", data: ["a"] }]),
    instances: fc.constantFrom<unknown>(["a"], [{ text: "a" }], [{ text: "a", model: "news" }], [{ text: "a", max_tokens: 40 }]),
    text_input: fc.constant("hi"),
    query: fc.constant("q"),
    documents: fc.constant(["a", "b"]),
    tokens: fc.constant([65, 66]),
    parameters: fc.constantFrom<object>({}, { model: "news" }, { max_new_tokens: 3 }, { max_tokens: 40 }),
    options: fc.constantFrom<object>({}, { model: "news" }, { num_predict: 3 }, { num_predict: 40 }, { num_predict: -1 }),
    max_tokens: fc.constantFrom(1, 3, 40),
    max_completion_tokens: fc.constantFrom(3, 40),
    max_output_tokens: fc.constantFrom(3, 40),
    num_predict: fc.constant(40),
    stream: fc.boolean(),
    // llama.cpp's
    content: fc.constantFrom("hi", ["a", 65]),
    input_prefix: fc.constant("a"),
    input_suffix: fc.constant("b"),
    n_predict: fc.constantFrom(3, 40, -1),
    lora: fc.constantFrom([], [{ id: 0, scale: 1 }]),
  },
  { requiredKeys: [] },
);
const body = fc.oneof(
  { weight: 8, arbitrary: fields.map(all => JSON.stringify(all)) },
  // what parsers differ about: a key given twice, numbers that are none, no object
  {
    weight: 1,
    arbitrary: fc
      .tuple(name, name)
      .map(([a, b]) => `{"model":${JSON.stringify(a)},"inputs":"x","prompt":"x","model":${JSON.stringify(b)}}`),
  },
  { weight: 1, arbitrary: fc.constantFrom('{"instances":["a"],"x":NaN}', "[]", "", "{", '"mail"') },
);
const asked: fc.Arbitrary<Asked> = fc.constantFrom(...answering, ...answering, ...routes).chain(route =>
  fc.record({
    method: fc.oneof(
      { weight: 6, arbitrary: fc.constant<string>(route.method) },
      { weight: 1, arbitrary: fc.constantFrom("GET", "HEAD", "POST", "PUT", "DELETE") },
    ),
    path: fc.tuple(pathsOf(route.path), bent).map(([path, how]) => bend(path, how)),
    type: fc.oneof(
      { weight: 8, arbitrary: fc.constant("application/json") },
      { weight: 1, arbitrary: fc.constantFrom(undefined, "text/plain", "application/json; charset=utf-8") },
    ),
    body,
  }),
);

/** They change what is served; whoever is no administrator is refused there whatever a policy says. */
const isAdministration = (path: string): boolean =>
  /admin|adapter|fine_tuning|props|slots|^\/+models|repository\/+models/i.test(decodeURIComponent(path));
const readable = ({ path, method }: Asked): boolean => {
  try {
    return !isAdministration(path) && method !== "DELETE";
  } catch {
    return false;
  }
};

let one: Served;
let any: Served;
const doors = new Map<string, Door>();
const door = (server: string, access: string): Door => doors.get(`${server} ${access}`)!;

beforeAll(async () => {
  one = await served();
  any = await served("mail");
  for (const [label, server] of [
    ["one", one],
    ["any", any],
  ] as const) {
    const all = { id: "all", effect: "allow" } as const;
    doors.set(`${label} all`, await before(server, { policies: [all] }));
    for (const model of ["mail", "news", "legal", "tiny-encoder"])
      doors.set(`${label} ${model}`, await before(server, { policies: [all, { id: "deny", effect: "deny", models: [model] }] }));
    doors.set(`${label} prod`, await before(server, { policies: [all, { id: "deny", effect: "deny", labels: ["prod"] }] }));
    const long = { id: "long", effect: "deny", parameters: { max_tokens: { min: 9 } } } as const;
    doors.set(`${label} long`, await before(server, { policies: [all, long] }));
    doors.set(
      `${label} short`,
      await before(server, { policies: [{ id: "short", effect: "allow", parameters: { max_tokens: { max: 8 } } }] }),
    );
  }
});
afterAll(async () => {
  for (const { gateway } of doors.values()) await gateway.close();
  for (const { fleet, engines } of [one, any]) {
    await fleet.close();
    await engines.close();
  }
});

const runs = { numRuns: 400 };
const post = (path: string, value: object): Asked => ({ method: "POST", path, type: "application/json", body: JSON.stringify(value) });

test("a request that leaves the model out does not pass a policy that denies the model which then answers", async () => {
  const alone = new Engines([
    noted(createEngine({ model: await tinyModel(device), device, open: async () => scriptedProgram({ slots: 2 }) })),
  ]);
  await Promise.all(alone.all().map(e => e.ready));
  const server = { engines: alone, fleet: one.fleet, app: createApp({ engines: alone, admin: true }) };
  const all = { id: "all", effect: "allow" } as const;
  const denied = await before(server, { policies: [all, { id: "no", effect: "deny", models: ["tiny"] }] });
  const open = await before(server, { policies: [all] });
  const request = post("/invocations", { prompt: "a", max_tokens: 2 });
  expect((await direct(server, request)).ran.map(r => r.model)).toEqual(["tiny@1"]);
  expect(await through(open, request)).toMatchObject({ status: 200, ran: [{ model: "tiny@1" }] });
  expect(await through(denied, request)).toMatchObject({ status: 403, ran: [] });
  await denied.gateway.close();
  await open.gateway.close();
  await alone.close();
});

test("a model is denied under each name that a contract has for it, and where it answers for names that nobody knows", async () => {
  const prompt = { prompt: "a", max_tokens: 2 };
  for (const request of [
    post("/api/generate", { model: "mail:latest", ...prompt }),
    post("/api/generate", { model: "mail:1", ...prompt }),
    post("/v1/models/mail:predict", { instances: ["a"] }),
    post("/v1/models/mail/labels/prod:predict", { instances: ["a"] }),
    post("/v1/models/mail/versions/2:predict", { instances: ["a"] }),
    post("/v1/models/m%61il:predict", { instances: ["a"] }),
    post("/v2/models/mail/versions/1/generate", { text_input: "a" }),
    post("/invocations", { model: "mail@prod", ...prompt }),
    post("/tokenize", { model: "mail", prompt: "a" }),
  ]) {
    expect([request.path, (await direct(one, request)).status]).toEqual([request.path, 200]);
    expect([request.path, await through(door("one", "mail"), request)]).toMatchObject([request.path, { status: 403, ran: [] }]);
  }
  // what only describes a model answers as for one that nobody serves
  for (const request of [post("/api/show", { model: "mail:2" }), { ...post("/v1/models/mail/versions/1", {}), method: "GET" }]) {
    expect([request.path, (await direct(one, request)).status]).toEqual([request.path, 200]);
    expect([request.path, await through(door("one", "mail"), request)]).toMatchObject([request.path, { status: 404, ran: [] }]);
  }
  for (const request of [
    post("/v1/score", { input: "ab" }),
    post("/v1/score", { model: "gpt-4o", input: "ab" }),
    post("/api/generate", { model: "llama3:8b", ...prompt }),
  ]) {
    expect([request.path, (await direct(any, request)).ran.map(r => r.model)]).toEqual([request.path, ["mail"]]);
    expect([request.path, await through(door("any", "mail"), request)]).toMatchObject([request.path, { status: 403, ran: [] }]);
  }
});

test("an adapter and the model below it are judged each for itself, however llama.cpp's `lora` turns one into the other", async () => {
  const asking = (model: string | undefined, lora: readonly object[]) =>
    post("/completion", { ...(model === undefined ? {} : { model }), prompt: "a", n_predict: 2, lora });
  const on = [{ id: 0, scale: 1 }];
  // the model below, asked for by its adapter's name
  for (const lora of [[], [{ id: 0, scale: 0 }]]) {
    expect((await direct(one, asking("legal", lora))).ran.map(r => r.model)).toEqual(["mail"]);
    expect(await through(door("one", "mail"), asking("legal", lora))).toMatchObject({ status: 403, ran: [] });
    expect(await through(door("one", "legal"), asking("legal", lora))).toMatchObject({ status: 200, ran: [{ model: "mail" }] });
  }
  // the adapter, asked for by the name of the model below
  expect((await direct(one, asking("mail@2", on))).ran.map(r => r.model)).toEqual(["legal"]);
  expect(await through(door("one", "legal"), asking("mail@2", on))).toMatchObject({ status: 403, ran: [] });
  expect(await through(door("one", "mail"), asking("mail@2", on))).toMatchObject({ status: 200, ran: [{ model: "legal" }] });
});

test("a label that is denied is denied under the number of its version", async () => {
  const asking = (model: string) => post("/api/generate", { model, prompt: "a", options: { num_predict: 2 } });
  expect((await through(door("one", "prod"), asking("mail@prod"))).status).toBe(403);
  expect((await through(door("one", "prod"), asking("mail:1"))).status).toBe(403);
  expect((await through(door("one", "prod"), asking("mail:2"))).status).toBe(200);
});

for (const server of ["one", "any"] as const)
  for (const model of ["mail", "news", "legal", "tiny-encoder"])
    test(`no request is answered from ${model} where a policy denies it (${server === "any" ? "unknown names mean mail" : "names are exact"})`, async () => {
      await fc.assert(
        fc.asyncProperty(asked.filter(readable), async request => {
          const alone = await direct(server === "one" ? one : any, request);
          const behind = await through(door(server, model), request);
          expect(behind.ran.map(r => r.model)).not.toContain(model);
          if (alone.ran.some(r => r.model === model)) expect(behind.status).toBeGreaterThanOrEqual(400);
          // what is allowed goes through as it is
          const isOwn = /^(\/v1)?\/(chat|completions|responses|embeddings|messages|models|moderations)/.test(
            new URL(request.path, "http://host").pathname,
          );
          if (!isOwn && alone.ran.length > 0 && !alone.ran.some(r => r.model === model)) expect(behind.status).toBe(alone.status);
        }),
        runs,
      );
      expect(failures).toEqual([]);
    });

test("a bound on max_tokens is read where each contract has it, whatever the contract reads first", async () => {
  const tensor = [{ name: "text", shape: [1], datatype: "BYTES", data: ["a"] }];
  for (const [path, body] of [
    ["/v1/models/news:predict", { instances: ["a", { text: "b", max_tokens: 40 }] }],
    ["/v1/models/news:predict", { inputs: { text: ["a"], max_tokens: [40] } }],
    ["/v1/models/news:predict", '{"instances": [{"text": "a", "max_tokens": 40}], "x": NaN}'],
    ["/v2/models/news/infer", { inputs: tensor, parameters: { max_tokens: 40 } }],
    ["/v2/models/news/infer", { inputs: [...tensor, { name: "max_tokens", shape: [1], datatype: "INT32", data: [40] }] }],
    ["/v2/models/news/generate", { text_input: "a", parameters: { max_tokens: 40 } }],
    ["/v2/models/news/generate", { text_input: "a", max_tokens: 40 }],
    ["/v2/models/news/generate", { text_input: "a", sampling_parameters: '{"max_tokens": "40"}' }],
    ["/invocations", { model: "news", inputs: "a", parameters: { max_new_tokens: 40 } }],
    ["/invocations", { model: "news", prompt: "a", max_tokens: 40 }],
    ["/api/generate", { model: "news", prompt: "a", stream: false, options: { num_predict: 40 } }],
  ] as const) {
    const request: Asked = { method: "POST", path, type: "application/json", body: typeof body === "string" ? body : JSON.stringify(body) };
    const { status, ran: alone } = await direct(one, request);
    expect([path, status, alone.some(r => r.request?.maxTokens === 40)]).toEqual([path, 200, true]);
    expect([path, body, await through(door("one", "long"), request)]).toMatchObject([path, body, { status: 403, ran: [] }]);
  }
});

test("a length by a name that the contract does not obey bounds nothing", async () => {
  const messages = [{ role: "user", content: "hi" }];
  const tensor = [{ name: "text", shape: [1], datatype: "BYTES", data: ["a"] }];
  for (const [path, body] of [
    ["/api/chat", { model: "mail", messages, max_completion_tokens: 3 }],
    ["/api/chat", { model: "mail", messages, num_predict: 3 }],
    ["/api/generate", { model: "mail", prompt: "a", max_tokens: 3, parameters: { num_predict: 3 } }],
    ["/v2/models/mail/infer", { inputs: tensor, max_tokens: 3 }],
    ["/v1/models/mail:predict", { instances: ["a"], max_tokens: 3 }],
    ["/v1/models/mail:predict", { instances: ["a"], parameters: { max_tokens: 3 } }],
    ["/v1/models/mail:predict", { instances: [{ text: "a", max_tokens: 3 }, "b"] }],
    ["/invocations", { model: "mail", inputs: "a", max_tokens: 3 }],
    ["/invocations", { model: "mail", instances: ["a"], max_tokens: 3 }],
    ["/invocations", { model: "mail", messages, parameters: { max_new_tokens: 3 } }],
    ["/v1/chat/completions", { model: "mail", messages, max_new_tokens: 3 }],
    ["/v1/completions", { model: "mail", prompt: "a", max_completion_tokens: 3 }],
  ] as const) {
    const request: Asked = { method: "POST", path, type: "application/json", body: JSON.stringify(body) };
    expect([path, await through(door("one", "short"), request)]).toMatchObject([path, { status: 403, ran: [] }]);
  }
  const obeyed = JSON.stringify({ model: "mail", messages, options: { num_predict: 3 }, max_completion_tokens: 5 });
  const allowed = await through(door("one", "short"), { method: "POST", path: "/api/chat", type: "application/json", body: obeyed });
  expect(allowed).toMatchObject({ status: 200, ran: [{ request: { maxTokens: 3 } }] });
});

test("no answer is longer than a policy allows, under whatever name and in whatever part of the body its length is given", async () => {
  await fc.assert(
    fc.asyncProperty(asked.filter(readable), async request => {
      const { ran: behind } = await through(door("one", "short"), request);
      for (const { request: given } of behind) if (given && given.forced === undefined) expect(given.maxTokens).toBeLessThanOrEqual(8);
      // as requests say it: what they leave out is another number
      const { ran: allowed } = await through(door("one", "long"), request);
      expect(allowed.map(r => r.request?.maxTokens)).not.toContain(40);
    }),
    runs,
  );
  expect(failures).toEqual([]);
});

test("administration is told from the rest by the server's router, however its path is written", async () => {
  for (const path of [
    "/v1/admin/load",
    "/v1/%61dmin/load",
    "/v1/admin/models",
    "/api/labels/x",
    "/%61pi/labels/x",
    "/v1/load_lora_adapter",
  ])
    for (const method of ["GET", "POST", "PUT"])
      expect([path, method, (await through(door("one", "all"), { ...post(path, { model: "news" }), method })).status]).toEqual([
        path,
        method,
        403,
      ]);
  for (const path of ["/v1/models/mail", "/models/mail", "/models/org/mail"])
    expect((await through(door("one", "all"), { ...post(path, {}), method: "DELETE" })).status).toBe(403);
  for (const path of ["/models", "/lora-adapters", "/props", "/slots/0"])
    expect([path, (await through(door("one", "all"), post(path, { model: "news" }))).status]).toEqual([path, 403]);
});

test("a denied endpoint is denied at each of its addresses: without /v1, in llama.cpp's words, and however the path is written", async () => {
  const asks = {
    completions: [
      post("/v1/completions", { model: "news", prompt: "a", max_tokens: 2 }),
      post("/completions", { model: "news", prompt: "a", max_tokens: 2 }),
      post("/completions", { prompt: "a", n_predict: 2 }),
      post("/completion", { model: "news", prompt: "a", n_predict: 2 }),
      post("/%63ompletion", { model: "news", prompt: "a", n_predict: 2 }),
      post("/infill", { model: "news", input_prefix: "a", input_suffix: "b" }),
    ],
    chat: [
      post("/v1/chat/completions", { model: "news", messages: [{ role: "user", content: "a" }], max_tokens: 2 }),
      post("/chat/completions", { model: "news", messages: [{ role: "user", content: "a" }], max_tokens: 2 }),
    ],
    responses: [post("/v1/responses", { model: "news", input: "a" }), post("/responses", { model: "news", input: "a" })],
    embeddings: [
      post("/v1/embeddings", { model: "tiny-encoder", input: "a" }),
      post("/embeddings", { model: "tiny-encoder", input: "a" }),
      post("/embeddings", { input: "a" }),
      post("/embedding", { content: "a" }),
    ],
    rerank: ["/v1/rerank", "/rerank"].map(path => post(path, { model: "tiny-encoder", query: "a", documents: ["b"] })),
  } as const;
  for (const [endpoint, requests] of Object.entries(asks)) {
    const denied = await before(one, {
      policies: [
        { id: "all", effect: "allow" },
        { id: "no", effect: "deny", endpoints: [endpoint as "chat"] },
      ],
    });
    for (const request of requests) {
      const { status, ran: behind } = await through(denied, request);
      expect([request.path, request.body, status, behind]).toEqual([request.path, request.body, 403, []]);
    }
    await denied.gateway.close();
  }
});

test("calls over gRPC pass the same keys and policies, with the parameters that stand in their messages", async () => {
  const { root } = protobuf.parse(inferenceProto, new protobuf.Root(), { keepCase: true });
  const type = root.lookupType("inference.ModelInferRequest");
  const same = (bytes: Buffer) => bytes;
  const askThrough = async (access: string, model: string, tokens: number, key?: string): Promise<[number, string[]]> => {
    const { gateway } = door("one", access);
    const grpc = await listenGrpc(
      { fetch: (request, peer) => gateway.fetch(request, peer as Parameters<Gateway["fetch"]>[1]) },
      { port: 0 },
    );
    const client = new Client(grpc.address, credentials.createInsecure());
    const metadata = new Metadata();
    if (key !== undefined) metadata.set("authorization", `Bearer ${key}`);
    const input = { name: "text", datatype: "BYTES", shape: [1], contents: { bytes_contents: [Buffer.from("a")] } };
    const message = type.encode(
      type.fromObject({ model_name: model, inputs: [input], parameters: { max_tokens: { int64_param: tokens } } }),
    );
    ran.splice(0);
    const code = await new Promise<number>(resolve => {
      const path = "/inference.GRPCInferenceService/ModelInfer";
      client.makeUnaryRequest(path, same, same, Buffer.from(message.finish()), metadata, error => resolve(error?.code ?? status.OK));
    });
    client.close();
    await grpc.close();
    return [code, ran.splice(0).map(r => r.model)];
  };
  const keyOf = (access: string) => door("one", access).key;
  expect(await askThrough("all", "news", 3)).toEqual([status.UNAUTHENTICATED, []]);
  expect(await askThrough("all", "news", 3, keyOf("all"))).toEqual([status.OK, ["news"]]);
  expect(await askThrough("news", "news", 3, keyOf("news"))).toEqual([status.PERMISSION_DENIED, []]);
  expect(await askThrough("long", "news", 40, keyOf("long"))).toEqual([status.PERMISSION_DENIED, []]);
  expect(await askThrough("long", "news", 3, keyOf("long"))).toEqual([status.OK, ["news"]]);
});
