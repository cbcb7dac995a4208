/** An operator replaces LiteLLM by following docs/gateway.md: the commands that stand there, in order, then openai's client as it was. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import OpenAI from "openai";
import { afterAll, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { fakeUpstream, good, status } from "../src/gateway/fakes.ts";
import { loam, root, start } from "./support/child.ts";
import { temporaryFolder } from "./support/project.ts";

const [first, second] = [await fakeUpstream(good), await fakeUpstream(good)];
afterAll(() => Promise.all([first.close(), second.close()]));

const page = readFileSync(join(root, "docs", "gateway.md"), "utf8");
const section = page.slice(page.indexOf("## Coming from LiteLLM"), page.indexOf("## To another gateway"));
const blockOf = (language: string, begin = "") => new RegExp(`\`\`\`${language}\n(${begin}[\\s\\S]*?)\`\`\``).exec(section)![1]!;
/** As written there, without what is said about them. */
const commands = blockOf("sh")
  .split("\n")
  .map(line => line.replace(/#.*/, "").trim())
  .filter(line => line !== "")
  .map(line => line.split(/\s+/).slice(1));

const config = `
model_list:
  - model_name: gpt-4o
    litellm_params: { model: openai/gpt-4o, api_base: os.environ/FIRST_BASE, api_key: os.environ/FIRST_KEY, rpm: 300, tpm: 1000000 }
  - model_name: gpt-4o
    litellm_params: { model: hosted_vllm/llama, api_base: ${second.url}, rpm: 100, tpm: 1000000 }
  - model_name: local
    litellm_params: { model: openai/local, api_base: ${second.url}, api_key: sk-in-the-file }
  - model_name: "openai/*"
    litellm_params: { model: "openai/*", api_base: os.environ/FIRST_BASE, api_key: os.environ/FIRST_KEY }
router_settings:
  num_retries: 2
  model_group_alias: { gpt-4: gpt-4o }
litellm_settings:
  # drop_params: true
general_settings: { master_key: sk-1234 }
`;
const env = { FIRST_BASE: first.url, FIRST_KEY: "sk-first", OPENAI_API_KEY: "sk-second" };
const messages = [{ role: "user" as const, content: "Count." }];

test("the commands of the page, in its order: the file is right, a key is made, and clients go on with either base address", async () => {
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, "config.yaml"), config);
  expect(commands.map(c => c.slice(0, 2).join(" "))).toEqual(["gateway import", "gateway --check", "gateway keys", "gateway --port"]);
  const [importing, checking, making, starting] = commands as [string[], string[], string[], string[]];

  const imported = await loam(importing, { cwd });
  expect(imported.code, imported.stderr).toBe(0);
  expect(imported.stderr).toMatch(/read from the environment when it starts: FIRST_BASE, FIRST_KEY, (\w+)/);
  // the list says which variable the key of the file goes to
  const named = /put it into the variable (\w+)/.exec(imported.stderr)![1]!;
  expect(imported.stderr).toMatch(/general_settings\.master_key: keys are made by/);
  expect(imported.stderr).toMatch(/model_list\[3\]: there are no names with \*/);
  expect(readFileSync(join(cwd, "gateway.yaml"), "utf8")).not.toMatch(/sk-/);

  const lacking = await loam(checking, { cwd });
  expect([lacking.code === 0, lacking.stderr]).toEqual([false, expect.stringMatching(/the variable FIRST_BASE is not set/)]);
  const whole = { ...env, [named]: "sk-second" };
  const checked = await loam(checking, { cwd, env: whole });
  expect(checked.stdout, checked.stderr).toMatch(/is right: 2 models on 3 upstreams/);
  const made = await loam(making, { cwd, env: whole });
  const apiKey = /sk-loam-\S+/.exec(made.stdout)![0];

  const door = start(
    starting.map(word => (word === "4000" ? "0" : word)),
    { cwd, env: whole },
  );
  const [, url] = await door.says(/Gateway on (http:\S+)/);
  for (const baseURL of [url, `${url}/v1`]) {
    const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
    expect((await client.models.list()).data.map(m => m.id)).toEqual(["gpt-4o", "local"]);
    const answer = await client.chat.completions.create({ model: "gpt-4", messages });
    expect(answer.choices[0]!.message.content).toContain("w59");
    let text = "";
    for await (const event of await client.chat.completions.create({ model: "local", messages, stream: true }))
      text += event.choices[0]?.delta.content ?? "";
    expect(text).toContain("w59");
  }
  const client = new OpenAI({ baseURL: url!, apiKey, maxRetries: 0 });
  for (let i = 0; i < 6; i++) await client.chat.completions.create({ model: "gpt-4o", messages });
  // drawn by rpm, as LiteLLM's shuffle does: three of four
  const ofGpt = (r: { readonly body: Record<string, unknown> }) => r.body.model === "gpt-4o" || r.body.model === "llama";
  expect([first.received.filter(ofGpt).length, second.received.filter(ofGpt).length]).toEqual([6, 2]);
  expect(new Set(first.received.map(r => r.headers.authorization))).toEqual(new Set(["Bearer sk-first"]));
  expect(second.received.find(r => r.body.model === "local")!.headers.authorization).toBe("Bearer sk-second");
  expect(second.received.find(r => r.body.model === "llama")!.headers.authorization).toBeUndefined();

  // a deployment that is down: the other answers, as before
  first.script = status(500);
  expect((await client.chat.completions.create({ model: "gpt-4o", messages })).choices[0]!.message.content).toContain("w59");
  await expect(new OpenAI({ baseURL: url!, apiKey: "sk-1234", maxRetries: 0 }).models.list()).rejects.toMatchObject({ status: 401 });
  door.kill("SIGTERM");
  expect((await door.ended).code).toBe(0);
});

test("the page's team has its models and its budget", async () => {
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, "config.yaml"), config);
  const [importing, checking, , starting] = commands as [string[], string[], string[], string[]];
  const { stderr } = await loam(importing, { cwd });
  const whole = { ...env, [/put it into the variable (\w+)/.exec(stderr)![1]!]: "sk-second" };
  const file = join(cwd, "gateway.yaml");
  const { access } = parse(blockOf("yaml", "access:"));
  // dear enough that two answers are more than the budget
  access.prices.models["*"].output = 15_000;
  writeFileSync(file, stringify({ ...parse(readFileSync(file, "utf8")), access }));
  expect((await loam(checking, { cwd, env: whole })).code).toBe(0);
  const made = await loam(["gateway", "keys", "create", "ann-laptop", "--subject", "ann"], { cwd, env: whole });
  const door = start(
    starting.map(word => (word === "4000" ? "0" : word)),
    { cwd, env: whole },
  );
  const [, url] = await door.says(/Gateway on (http:\S+)/);
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: /sk-loam-\S+/.exec(made.stdout)![0], maxRetries: 0 });
  expect((await client.models.list()).data.map(m => m.id)).toEqual(["gpt-4o"]);
  await expect(client.chat.completions.create({ model: "local", messages })).rejects.toMatchObject({ status: 403 });
  first.script = second.script = (_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const choices = [{ index: 0, message: { role: "assistant", content: "Much.".repeat(4000) }, finish_reason: "stop" }];
    const usage = { prompt_tokens: 9, completion_tokens: 4000, total_tokens: 4009 };
    response.end(JSON.stringify({ id: "c", object: "chat.completion", choices, usage }));
  };
  const much = { model: "gpt-4o", messages, max_tokens: 4000 };
  await client.chat.completions.create(much);
  await expect(client.chat.completions.create(much)).rejects.toMatchObject({ status: 429, code: "insufficient_quota" });
});
