/** LiteLLM's config.yaml as people have it: what was taken over is a right file, secrets and addresses stay where they are, and the rest is named. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { parseYaml } from "../../../base/index.ts";
import { checkConfig } from "../../config/read-config.ts";
import { importLitellm } from "./import-litellm.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-litellm-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

const taken = (text: string) => importLitellm(parseYaml(text, "config.yaml"), "config.yaml");
const whyOf = (left: ReturnType<typeof taken>["left"], place: string) => left.filter(l => l.place === place).map(l => l.why);

const team = `
# two regions of one model, a local server, everything secret in the environment
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: openai/gpt-4o
      api_key: os.environ/OPENAI_KEY_EU
      organization: os.environ/OPENAI_ORG
      rpm: 600
      tpm: 90000
  - model_name: gpt-4o
    litellm_params:
      model: openai/gpt-4o
      api_base: os.environ/SECOND_BASE
      api_key: os.environ/OPENAI_KEY_US
      extra_headers: { x-region: us, x-api-token: abc, x-tenant: os.environ/TENANT }
      rpm: 300
      tpm: 30000
  - model_name: Team/Chat.v2
    litellm_params:
      model: hosted_vllm/meta-llama/Llama-3.1-8B-Instruct
      api_base: os.environ/VLLM_BASE
      rpm: 60
      max_parallel_requests: 4
    model_info:
  - model_name: claude
    litellm_params: { model: os.environ/CLAUDE_MODEL, api_key: os.environ/ANTHROPIC_API_KEY }
litellm_settings:
  # drop_params: true
router_settings:
  num_retries: os.environ/RETRIES
  model_group_alias: { gpt-4: { model: gpt-4o, hidden: true }, "gpt 4": gpt-4o }
  redis_host: os.environ/REDIS_HOST
general_settings:
  master_key: os.environ/LITELLM_MASTER_KEY
  database_url: os.environ/DATABASE_URL
  global_max_parallel_requests: 100
environment_variables: { REDIS_PASSWORD: hunter2 }
`;

test("addresses, keys and headers of the environment are read from it here too, and each variable is named", async () => {
  const { config, variables, left } = taken(team);
  expect(variables).toEqual(["OPENAI_KEY_EU", "OPENAI_KEY_US", "OPENAI_ORG", "SECOND_BASE", "TENANT", "VLLM_BASE"]);
  await expect(checkConfig(config, "gateway.yaml", folder)).rejects.toThrow(/OPENAI_KEY_EU is not set/);
  for (const name of variables) vi.stubEnv(name, name.endsWith("_BASE") ? `http://127.0.0.1:8000/${name.toLowerCase()}` : `of-${name}`);
  const checked = await checkConfig(config, "gateway.yaml", folder);
  const [eu, us] = checked.routes.get("gpt-4")!.targets.map(t => checked.upstreams.get(t.upstream)!);
  expect(eu).toMatchObject({
    url: new URL("https://api.openai.com/v1"),
    headers: { authorization: "Bearer of-OPENAI_KEY_EU", "openai-organization": "of-OPENAI_ORG" },
  });
  expect(us).toMatchObject({
    url: new URL("http://127.0.0.1:8000/second_base"),
    headers: { authorization: "Bearer of-OPENAI_KEY_US", "x-region": "us", "x-tenant": "of-TENANT" },
  });
  expect(us!.headers).not.toHaveProperty("x-api-token");
  expect(checked.upstreams.get("hosted-vllm")!.url.href).toBe("http://127.0.0.1:8000/vllm_base");
  expect(JSON.stringify({ config, left })).not.toContain("hunter2");
  expect(left.map(l => l.place).sort()).toEqual([
    "environment_variables.REDIS_PASSWORD",
    "general_settings.database_url",
    "general_settings.master_key",
    "model_list[1].litellm_params: header x-api-token",
    "model_list[2].litellm_params.max_parallel_requests",
    "model_list[3]",
    "router_settings.model_group_alias",
    "router_settings.num_retries",
    "router_settings.redis_host",
  ]);
  expect(whyOf(left, "model_list[3]")).toEqual(["its model is in the variable CLAUDE_MODEL: models are written out here"]);
});

test("a wrong address in the environment is told by its place, and not shown", async () => {
  for (const name of taken(team).variables) vi.stubEnv(name, "http://169.254.169.254/hidden");
  const problem = checkConfig(taken(team).config, "gateway.yaml", folder);
  await expect(problem).rejects.toThrow(/upstreams\.openai-2\.url.*what is kept there: it is link-local/);
  await expect(problem).rejects.not.toThrow(/hidden/);
});

test("requests and tokens a minute are a limit of the model, the sum of its deployments', and the weights of a shuffle", async () => {
  const { config } = taken(team);
  expect((config.access as { readonly limits: unknown }).limits).toEqual([
    { name: "rpm-gpt-4o", measure: "requests", limit: 900, window: "1m", for: { models: ["gpt-4o"] } },
    { name: "tpm-gpt-4o", measure: "tokens", limit: 120_000, window: "1m", for: { models: ["gpt-4o"] } },
    { name: "rpm-team-chat-v2", measure: "requests", limit: 60, window: "1m", for: { models: ["Team/Chat.v2"] } },
    { name: "at-once", measure: "concurrency", limit: 100 },
  ]);
  expect((config.models as Record<string, { readonly targets: unknown }>)["gpt-4o"]!.targets).toEqual([
    { upstream: "openai", weight: 2 },
    { upstream: "openai-2", weight: 1 },
  ]);
  const busy = taken(team.replace("router_settings:", "router_settings:\n  routing_strategy: least-busy"));
  expect(JSON.stringify(busy.config.models)).not.toContain("weight");
});

const small = `
model_list:
  - { model_name: "openai/*", litellm_params: { model: "openai/*", api_key: os.environ/OPENAI_API_KEY } }
  - { model_name: "*", litellm_params: { model: "*" } }
  - { model_name: chat, litellm_params: { model: openai/qwen, api_base: "http://127.0.0.1:8000/v1", api_key: sk-of-vllm } }
  - { model_name: chat, litellm_params: { model: openai/qwen, api_base: "http://127.0.0.1:8001/v1", api_key: EMPTY, rpm: 5 } }
  - { model_name: chat, litellm_params: { model: openai/qwen, api_base: "http://127.0.0.1:8002/v1", api_key: sk-of-another } }
  - { model_name: best, litellm_params: { model: qwen, custom_llm_provider: hosted_vllm, base_url: "http://127.0.0.1:8003/v1" } }
  - { model_name: bad, litellm_params: { model: openai/x, api_base: "http://user:hunter2@127.0.0.1/v1" } }
  - { model_name: "claude 3@new", litellm_params: { model: anthropic/claude-3, api_key: os.environ/ANTHROPIC_API_KEY } }
`;

test("a key in the file gets a variable of its own: a provider's key goes to no other server", async () => {
  const { config, variables, left } = taken(small);
  expect(JSON.stringify({ config, left })).not.toMatch(/sk-of|hunter2/);
  expect(variables).toEqual(["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENAI_API_KEY_2", "OPENAI_API_KEY_3"]);
  for (const name of variables) vi.stubEnv(name, `of-${name}`);
  const checked = await checkConfig(config, "gateway.yaml", folder);
  const keys = checked.routes.get("chat")!.targets.map(t => checked.upstreams.get(t.upstream)!.headers.authorization);
  expect(keys).toEqual(["Bearer of-OPENAI_API_KEY_2", undefined, "Bearer of-OPENAI_API_KEY_3"]);
  expect(whyOf(left, "model_list[2].litellm_params.api_key")).toEqual([
    "a secret in the file is not copied: put it into the variable OPENAI_API_KEY_2",
  ]);
  expect(checked.upstreams.get("hosted-vllm")!.url.href).toBe("http://127.0.0.1:8003/v1");
});

test("names with * are told with what to write instead, and their server is there for it", async () => {
  const { config, left } = taken(small);
  const [why] = whyOf(left, "model_list[0]");
  const written = /as (\S+): (\{.*\})$/.exec(why!)!;
  expect(written.slice(1)).toEqual(["openai/NAME", "{ targets: [{ upstream: openai, model: NAME }] }"]);
  for (const name of ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENAI_API_KEY_2", "OPENAI_API_KEY_3"]) vi.stubEnv(name, "x");
  const models = { ...(config.models as object), "openai/gpt-4o": parseYaml(written[2]!.replace("NAME", "gpt-4o"), "x") };
  const { routes } = await checkConfig({ ...config, models }, "gateway.yaml", folder);
  expect(routes.get("openai/gpt-4o")!.targets[0]).toMatchObject({ id: "openai/gpt-4o", model: "gpt-4o" });
  expect(left.map(l => l.place)).toEqual([
    "model_list[0]",
    "model_list[1]",
    "model_list[2].litellm_params.api_key",
    "model_list[3].litellm_params.api_key",
    "model_list[4].litellm_params.api_key",
    "model_list[6]",
    "model_list[7].model_name",
    "model_list[3].litellm_params.rpm",
  ]);
});

test("a file of nothing but * says that no model was taken over", () => {
  const { left } = taken('model_list: [{ model_name: "*", litellm_params: { model: "openai/*" } }]');
  expect(left.map(l => l.place)).toEqual(["model_list[0]", "model_list"]);
});
