import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { isLoamError, parseYaml } from "../../base/index.ts";
import { fakeUpstream, good, openAccess, testGateway } from "../fakes.ts";
import { importLitellm } from "../migrate/litellm/import-litellm.ts";
import { refusedAddress, refusedUrl } from "../upstreams/address.ts";
import { followConfig } from "./follow.ts";
import { checkConfig } from "./read-config.ts";
import { readSecret } from "./secrets.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-gateway-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const right = {
  upstreams: { local: { url: "http://127.0.0.1:8080/v1" } },
  models: { chat: { targets: [{ upstream: "local" }] }, small: { targets: [{ upstream: "local" }] } },
  access: openAccess,
};
const problem = async (value: unknown): Promise<{ code: string; message: string }> => {
  try {
    await checkConfig(value, "gateway.yaml", folder);
  } catch (error) {
    if (isLoamError(error)) return { code: error.code, message: error.message };
    throw error;
  }
  return { code: "none", message: "" };
};
const chat = (more: object) => ({ ...right, models: { ...right.models, chat: { targets: [{ upstream: "local" }], ...more } } });

const wrong: readonly (readonly [string, unknown, string])[] = [
  ["an unknown key", { ...right, upstream: {} }, 'Did you mean "upstreams"?'],
  ["a target without its server", chat({ targets: [{ upstream: "lokal" }] }), 'Did you mean "local"?'],
  ["a fallback that is no model", chat({ fallbacks: ["smal"] }), 'Did you mean "small"?'],
  ["a fallback to itself", chat({ fallbacks: ["chat"] }), "another model"],
  ["an alias that another model has", chat({ aliases: ["small"] }), "names that no other model has"],
  ["the same target twice", chat({ targets: [{ upstream: "local" }, { upstream: "local" }] }), "twice"],
  [
    "a weight that is no number",
    parseYaml("upstreams: {l: {url: 'http://a/v1'}}\nmodels: {m: {targets: [{upstream: l, weight: .nan}]}}", "y"),
    "weight",
  ],
  ["a negative weight", chat({ targets: [{ upstream: "local", weight: -1 }] }), "weight"],
  ["weights of nothing", chat({ targets: [{ upstream: "local", weight: 0 }] }), "a weight above 0"],
  ["a secret in the file", { ...right, upstreams: { local: { url: "http://a/v1", key: "sk-abcdefghijk" } } }, "where the secret is kept"],
  ["a time without a unit", { ...right, timeouts: { total: "30" } }, "a time such as"],
  ["a look-alike in a model's name", { ...right, models: { сhat: { targets: [{ upstream: "local" }] } } }, "models"],
  [
    "a policy with an unknown key",
    { ...right, access: { policies: [{ id: "a", effect: "allow", model: ["x"] }] } },
    'Did you mean "models"?',
  ],
  ["a metadata service", { ...right, upstreams: { local: { url: "http://169.254.169.254/v1" } } }, "metadata"],
  ["another protocol", { ...right, upstreams: { local: { url: "file:///etc/passwd" } } }, "only http and https"],
  ["a password in an address", { ...right, upstreams: { local: { url: "http://u:p@host/v1" } } }, "user or password"],
];
for (const [what, value, told] of wrong)
  test(`${what} is refused with its place and what to do`, async () => {
    const { code, message } = await problem(value);
    expect(code).toMatch(/^(base\/(config|unknownKey)|gateway\/config)$/);
    expect(message).toContain(told);
    expect(message).not.toContain("sk-abcdefghijk");
  });

test("limits are counted elsewhere where the file says so, and either URL may be a secret", async () => {
  const at = async (state: object) => {
    const config = await checkConfig({ ...right, ...state }, "gateway.yaml", folder);
    return [config.state, config.limitsState];
  };
  writeFileSync(join(folder, "limits-url"), "redis://u:p@h/0\n");
  expect(await at({ state: "memory:" })).toEqual(["memory:", undefined]);
  expect(await at({ state: "sqlite:a.db", limitsState: { file: "limits-url" } })).toEqual(["sqlite:a.db", "redis://u:p@h/0"]);
  expect(await at({ state: { file: "limits-url" }, limitsState: "redis://h" })).toEqual(["redis://u:p@h/0", "redis://h"]);
});

test("a right file is a value with every default", async () => {
  const config = await checkConfig(right, "gateway.yaml", folder);
  expect(config.routes.get("chat")).toMatchObject({
    name: "chat",
    strategy: "weighted",
    targets: [{ id: "local/chat", weight: 1, priority: 0 }],
  });
  expect(config.upstreams.get("local")).toMatchObject({
    deadlines: { connectMs: 5000, firstByteMs: 120_000, idleMs: 60_000 },
    headers: {},
  });
});

test("a secret is read from a variable, a file or a program, and no error of these shows it", async () => {
  writeFileSync(join(folder, "secret"), "from-a-file\n");
  expect(await readSecret({ env: "A" }, "key", folder, { A: "from-env" })).toBe("from-env");
  expect(await readSecret({ file: "secret" }, "key", folder)).toBe("from-a-file");
  expect(await readSecret({ command: [process.execPath, "-p", "'from-' + 'a-program'"] }, "key", folder)).toBe("from-a-program");
  const failing = readSecret({ command: [process.execPath, "-e", "console.error('hunter2'); process.exit(3)"] }, "upstreams.a.key", folder);
  await expect(failing).rejects.toMatchObject({ code: "gateway/secret" });
  await failing.catch((e: Error) => expect(e.message).not.toContain("hunter2"));
  await expect(readSecret({ env: "NOTHING" }, "key", folder, {})).rejects.toThrow("NOTHING is not set");
  await expect(readSecret({ env: "A" }, "key", folder, { A: "a\r\nx-admin: 1" })).rejects.toThrow("a header cannot carry");
});

test("an address may not be a metadata service in any spelling, nor private where the upstream is public", () => {
  for (const host of [
    "169.254.169.254",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "2852039166",
    "0xa9.0xfe.0xa9.0xfe",
    "metadata.google.internal",
    "0.0.0.0",
  ])
    expect(refusedUrl(`http://${host}/v1`, "any"), host).toBeDefined();
  for (const host of ["127.0.0.1", "10.1.2.3", "192.168.0.1", "[::1]", "[fd12::1]", "[::ffff:10.0.0.1]", "2130706433"]) {
    expect(refusedUrl(`http://${host}/v1`, "public"), host).toBeDefined();
    expect(refusedUrl(`http://${host}/v1`, "any"), host).toBeUndefined();
  }
  fc.assert(
    fc.property(fc.ipV4(), ip => {
      const [a, b] = ip.split(".").map(Number) as [number, number];
      const isPrivate = a === 10 || a === 127 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168);
      if (isPrivate) expect(refusedAddress(ip, "public")).toBeDefined();
    }),
  );
});

test("a name that resolves to a private address is not called where the upstream is public", async () => {
  const upstream = await fakeUpstream(good);
  const { port } = new URL(upstream.url);
  const gateway = await testGateway({
    upstreams: { local: { url: `http://localhost:${port}/v1`, network: "public" } },
    models: { chat: { targets: [{ upstream: "local" }] } },
    retries: { attempts: 0 },
  });
  const response = await gateway.post("/v1/chat/completions", { model: "chat", messages: [] });
  expect(response.status).toBe(502);
  expect(upstream.received).toEqual([]);
  expect(gateway.records[0]!.attempts).toMatchObject([{ how: "address" }]);
  await gateway.close();
  await upstream.close();
});

test("a changed file is taken up, a wrong one is told and changes nothing", async () => {
  const upstream = await fakeUpstream(good);
  const config = (aliases: string) =>
    `state: "memory:"\nlog: {to: none}\nupstreams: {local: {url: "${upstream.url}"}}\nmodels: {chat: {aliases: [${aliases}], targets: [{upstream: local}]}}\naccess: {principals: {users: {ann: {roles: [admin]}}}, policies: [{id: all, effect: allow}]}\n`;
  const gateway = await testGateway(parseYaml(config("one").replace(/^access.*$/m, ""), "y") as Record<string, unknown>);
  const path = join(folder, "gateway.yaml");
  writeFileSync(path, config("one"));
  const told: unknown[] = [];
  const following = await followConfig({ path, gateway: gateway.gateway, everyMs: 20, onReload: error => told.push(error) });
  writeFileSync(path, config("one, two"));
  await expect.poll(() => told.length).toBe(1);
  expect(told[0]).toBeUndefined();
  expect([...gateway.gateway.config.routes.keys()]).toEqual(["chat", "one", "two"]);
  writeFileSync(path, "models: {");
  await expect.poll(() => told.length).toBe(2);
  expect(told[1]).toMatchObject({ code: "base/syntax" });
  expect((await gateway.post("/v1/chat/completions", { model: "two", messages: [] })).status).toBe(200);
  // nobody would be left who may change anything
  writeFileSync(path, config("one").replace("roles: [admin]", "roles: []"));
  await expect.poll(() => told.length).toBe(3);
  expect(told[2]).toMatchObject({ code: "gateway/lastAdmin" });
  following.stop();
  await gateway.close();
  await upstream.close();
});

const litellm = `
model_list:
  - model_name: gpt-4o
    litellm_params: { model: openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY, timeout: 30, rpm: 100 }
  - model_name: gpt-4o
    litellm_params: { model: hosted_vllm/llama, api_base: "http://10.0.0.5:8000/v1", weight: 3 }
  - model_name: small
    litellm_params: { model: ollama/qwen, api_key: sk-in-the-file-123 }
  - model_name: claude
    litellm_params: { model: bedrock/anthropic.claude }
  - model_name: sonnet
    litellm_params: { model: anthropic/claude-sonnet-5 }
router_settings:
  routing_strategy: least-busy
  num_retries: 3
  allowed_fails: 2
  cooldown_time: 30
  fallbacks: [{ gpt-4o: [small, gone] }]
  model_group_alias: { gpt-4: gpt-4o }
litellm_settings: { request_timeout: 120, cache: true, drop_params: true }
general_settings: { master_key: sk-1234567890 }
`;

test("LiteLLM's file is taken over: models, servers, fallbacks, aliases; the rest is listed, and no secret is copied", async () => {
  const { config, left } = importLitellm(parseYaml(litellm, "config.yaml"), "config.yaml");
  expect(JSON.stringify(config)).not.toMatch(/sk-/);
  expect(config.models).toEqual({
    "gpt-4o": {
      targets: [{ upstream: "openai" }, { upstream: "hosted-vllm", model: "llama", weight: 3 }],
      strategy: "leastOutstanding",
      fallbacks: ["small"],
      aliases: ["gpt-4"],
    },
    small: { targets: [{ upstream: "ollama", model: "qwen" }], strategy: "leastOutstanding" },
    sonnet: { targets: [{ upstream: "anthropic", model: "claude-sonnet-5" }], strategy: "leastOutstanding" },
  });
  expect(left.map(l => l.place).sort()).toEqual([
    "general_settings.master_key",
    "litellm_settings.cache",
    "model_list[0].litellm_params.rpm",
    "model_list[2].litellm_params.api_key",
    "model_list[3]",
    "router_settings.fallbacks",
  ]);
  process.env.OPENAI_API_KEY ??= "for-this-test";
  process.env.OLLAMA_API_KEY ??= "for-this-test";
  process.env.ANTHROPIC_API_KEY ??= "for-this-test";
  const checked = await checkConfig(config, "imported", folder);
  expect(checked.retries.attempts).toBe(3);
  expect(checked.upstreams.get("anthropic")).toMatchObject({
    protocol: "anthropic",
    untranslated: "drop",
    headers: { "x-api-key": expect.any(String), "anthropic-version": "2023-06-01" },
  });
  expect(checked.upstreams.get("ollama")).toMatchObject({ protocol: "ollama" });
  expect(checked.upstreams.get("hosted-vllm")).toMatchObject({ breaker: { failures: 3, openMs: 30_000 } });
  expect(() => importLitellm({ models: [] }, "x.yaml")).toThrow("no config.yaml of LiteLLM");
});

test("how an upstream goes on with an answer fits its protocol, or the file is wrong", async () => {
  const of = (protocol: string, resume: string) => ({
    upstreams: { a: { url: "http://127.0.0.1:1/v1", protocol, resume } },
    models: { m: { targets: [{ upstream: "a" }] } },
  });
  await expect(checkConfig(of("anthropic", "vllm"), "x.yaml", folder)).rejects.toThrow(
    /upstreams\.a\.resume: expected for the protocol anthropic one of none, prefill, got "vllm"/,
  );
  await expect(checkConfig(of("ollama", "prefill"), "x.yaml", folder)).resolves.toBeDefined();
  await expect(checkConfig(of("grpc", "none"), "x.yaml", folder)).rejects.toThrow(/protocol/);
});
