import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { folderFiles, peftConfigFile, peftWeightsFile, writeAdapter } from "../../nn/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { randomAdapter } from "../adapters/random-adapter.laws.ts";
import { createEngine } from "../engine.ts";
import { Engines } from "../engines.ts";
import { tinyConfig, tinyModel } from "../fakes.ts";
import { Fleet } from "../lifecycle/fleet.ts";
import type { ServedModel } from "../served-model.ts";
import { type AppOptions, createApp } from "./app.ts";

const device = openDevice("cpu", { threads: 1 });
const model = await tinyModel(device);
const root = mkdtempSync(join(tmpdir(), "loam-adapters-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const folder = join(root, "adapters");
for (const name of ["a", "b", "c"]) {
  mkdirSync(join(folder, name), { recursive: true });
  await writeAdapter(folderFiles(join(folder, name)), tinyConfig, randomAdapter(name));
}

/** A server whose model `tiny@1` has room for two adapters, and may sleep. */
async function server(options: Partial<AppOptions> = {}, more: Partial<ServedModel> = {}) {
  const engines = new Engines();
  const fleet = new Fleet({
    engines,
    source: {
      versions: async () => [1],
      open: async () => {
        const engine = createEngine({ model: { ...model, ...more }, device, slots: 4, widths: [8, 32], adapters: { count: 2, rank: 8 } });
        return { engine, close: () => engine.close() };
      },
    },
  });
  await fleet.load("tiny", 1);
  const app = createApp({ engines, fleet, adapterFolder: folder, admin: true, ...options });
  const call = async (path: string, body?: object, headers: Record<string, string> = {}) => {
    const response = await app.fetch(
      new Request(`http://localhost${path}`, {
        method: body ? "POST" : "GET",
        headers: { ...(body ? { "content-type": "application/json" } : {}), ...headers },
        ...(body ? { body: JSON.stringify(body) } : {}),
      }),
    );
    const text = await response.text();
    return { status: response.status, text, body: text.startsWith("{") ? JSON.parse(text) : undefined, headers: response.headers };
  };
  const load = (name: string, path = name) => call("/v1/load_lora_adapter", { lora_name: name, lora_path: path });
  const complete = async (name: string) =>
    (await call("/v1/completions", { model: name, prompt: "What is", max_tokens: 8, temperature: 0, ignore_eos: true })).body;
  return { engines, fleet, app, call, load, complete };
}

test("an adapter that is loaded over HTTP is a model in every contract, with its parent and a fingerprint of its own, until it is unloaded", async () => {
  const { fleet, call, load, complete } = await server();
  expect(await load("a")).toMatchObject({ status: 200, text: "Success: LoRA adapter 'a' added successfully." });
  await load("org/b", join(folder, "b"));
  const models = (await call("/v1/models")).body.data;
  expect(models.filter((m: { parent: string | null }) => m.parent)).toMatchObject([
    { id: "a", parent: "tiny@1", root: "tiny@1" },
    { id: "org/b", parent: "tiny@1" },
  ]);
  expect((await call("/v1/models/org/b")).body).toMatchObject({ id: "org/b", parent: "tiny@1" });
  expect((await call("/v1/admin/adapters")).body.data).toMatchObject([
    { id: "a", object: "adapter", parent: "tiny@1", rank: 4 },
    { id: "org/b" },
  ]);
  const said = await Promise.all(["tiny", "a", "org/b"].map(complete));
  expect(said.map(b => b.model)).toEqual(["tiny", "a", "org/b"]);
  expect(new Set(said.map(b => b.choices[0].text)).size).toBe(3);
  expect(new Set(said.map(b => b.system_fingerprint)).size).toBe(3);
  const text = said[1].choices[0].text;

  // the other contracts, by the same name
  const request = { model: "a", temperature: 0, max_tokens: 8 };
  const turns = [{ role: "user", content: "Hi" }];
  const chat = async (name: string) =>
    (await call("/v1/chat/completions", { ...request, model: name, messages: turns })).body.choices[0].message.content;
  expect(await chat("a")).not.toBe(await chat("tiny"));
  const response = (await call("/v1/responses", { model: "a", input: "Hi", temperature: 0, max_output_tokens: 16 })).body;
  expect(response).toMatchObject({ model: "a", output: [expect.anything()] });
  expect((await call("/v1/score", { model: "a", input: "Hello" })).body).toMatchObject({ system_fingerprint: said[1].system_fingerprint });
  const ollama = { model: "a:latest", prompt: "What is", raw: true, stream: false, options: { temperature: 0, num_predict: 8 } };
  expect((await call("/api/generate", ollama)).body.model).toBe("a:latest");
  expect((await call("/api/tags")).body.models.map((m: { name: string }) => m.name)).toContain("org/b:latest");
  expect((await call("/api/show", { model: "a" })).body.details.parent_model).toBe("tiny@1");
  const likely = async (name: string) => (await call(`/v1/models/${name}:regress`, { examples: [{ text: "Hello" }] })).body.result[0];
  expect(await likely("a")).toBeLessThan(0);
  expect(await likely("a")).not.toBe(await likely("tiny"));
  expect((await call("/v1/models/a/metadata")).status).toBe(200);
  const v2 = (await call("/v2/models/a/generate", { text_input: "What is", parameters: { temperature: 0, max_tokens: 8 } })).body;
  expect(v2).toMatchObject({ model_name: "a" });
  expect((await call("/readyz?model=a")).status).toBe(200);
  expect((await call("/v1/attributions", { model: "a", prompt: "a", answer: "b" })).body.error.message).toContain("not attributed");

  const { text: metrics } = await call("/metrics");
  expect(metrics).toContain('loam_adapter_answers_total{model="tiny@1",adapter="org/b",outcome="length"} 1');
  expect(metrics).toContain('loam_adapters{model="tiny@1"} 2');
  expect(metrics).toContain('loam_adapter_info{adapter="a",model="tiny@1",rank="4"} 1');
  expect(metrics).toContain('vllm:lora_requests_info{max_lora="2",running_lora_adapters="",waiting_lora_adapters=""}');
  expect((await call("/api/serving")).body.versions).toMatchObject([
    { id: "tiny@1", adapters: [{ name: "a", rank: 4 }, { name: "org/b" }] },
  ]);

  expect(await call("/v1/unload_lora_adapter", { lora_name: "org/b" })).toMatchObject({
    status: 200,
    text: "Success: LoRA adapter 'org/b' removed successfully.",
  });
  expect(await call("/v1/completions", { model: "org/b", prompt: "a" })).toMatchObject({
    status: 404,
    body: { error: { code: "model_not_found" } },
  });
  expect((await call("/metrics")).text).not.toContain("org/b");
  await load("c");
  expect((await complete("a")).choices[0].text).toBe(text);
  await fleet.close();
});

test("a model that wakes has its adapters again; one that is unloaded takes them with it", async () => {
  const { fleet, engines, call, load, complete } = await server();
  await load("a");
  const before = await complete("a");
  const listed = (await call("/v1/models")).body;
  await fleet.rest("tiny", 1);
  expect(engines.all()).toEqual([]);
  // asleep, it is listed as before
  expect((await call("/v1/models")).body).toEqual(listed);
  expect((await call("/v1/models/a")).body).toMatchObject({ id: "a", parent: "tiny@1" });
  expect((await call("/metrics")).text).toContain('loam_adapters{model="tiny@1"} 1');
  const after = await complete("a");
  expect([after.choices[0].text, after.system_fingerprint]).toEqual([before.choices[0].text, before.system_fingerprint]);
  await fleet.unload("tiny", 1);
  expect((await call("/v1/completions", { model: "a", prompt: "a" })).status).toBe(404);
  expect((await call("/v1/admin/adapters")).body.data).toEqual([]);
  await fleet.close();
});

test("what cannot be loaded is refused by name, and what serves goes on", async () => {
  const { fleet, call, load, complete } = await server();
  await load("a");
  const said = (await complete("a")).choices[0].text;
  const damaged = (name: string, file: string, change: (text: Buffer) => Buffer | string) => {
    mkdirSync(join(folder, name));
    for (const f of [peftConfigFile, peftWeightsFile]) {
      const whole = readFileSync(join(folder, "b", f));
      writeFileSync(join(folder, name, f), f === file ? change(whole) : whole);
    }
  };
  const config = JSON.parse(readFileSync(join(folder, "b", peftConfigFile), "utf8"));
  damaged("cut", peftWeightsFile, b => b.subarray(0, b.length - 100));
  damaged("nan", peftWeightsFile, b => {
    b.writeFloatLE(Number.NaN, b.length - 4);
    return b;
  });
  damaged("great", peftConfigFile, () => JSON.stringify({ ...config, r: 64, lora_alpha: 64 }));
  damaged("other", peftConfigFile, () => JSON.stringify({ ...config, r: 5 }));
  damaged("dora", peftConfigFile, () => JSON.stringify({ ...config, use_dora: true }));
  damaged("saved", peftConfigFile, () => JSON.stringify({ ...config, modules_to_save: ["lm_head"] }));
  damaged("odd", peftConfigFile, () => JSON.stringify({ ...config, new_setting: 1 }));
  mkdirSync(join(root, "outside"));
  symlinkSync(join(root, "outside"), join(folder, "link"));
  for (const [name, path, says] of [
    ["x", "cut", "expected offsets in order within the"],
    ["x", "nan", "expected finite numbers, got NaN"],
    ["x", "great", "expected a rank of at most 8, got 64"],
    ["x", "other", "expected [5, 32], got [4, 32]"],
    ["x", "dora", "use_dora: expected none, got true"],
    ["x", "saved", "modules_to_save"],
    ["x", "odd", "new_setting"],
    ["x", "nothing", "a folder below the server's --adapter-folder"],
    ["x", "../outside", "a folder below the server's --adapter-folder"],
    ["x", "link", "a folder below the server's --adapter-folder"],
    ["x", root, "a folder below the server's --adapter-folder"],
    ["x", ".", "adapter_config.json"],
    ["a", "b", "a name that no adapter has"],
    ["tiny", "b", "a name that no model has"],
    ["x@1", "b", "letters, digits"],
  ] as const) {
    const answer = await load(name, path);
    expect([path, answer.status, answer.body?.error.code]).toEqual([path, 400, "adapter_not_loaded"]);
    expect(answer.body.error.message).toContain(says);
  }
  expect(await call("/v1/load_lora_adapter", { lora_path: "b" })).toMatchObject({ status: 400, body: { error: { param: "lora_name" } } });
  expect((await call("/v1/load_lora_adapter", { lora_name: "x", lora_path: "b", base_model_name: "no" })).status).toBe(404);
  expect((await call("/v1/unload_lora_adapter", { lora_name: "x" })).status).toBe(404);
  // named by one of its adapters, the model is the same
  await call("/v1/load_lora_adapter", { lora_name: "beside", lora_path: "c", base_model_name: "a" });
  expect((await call("/v1/models/beside")).body.parent).toBe("tiny@1");
  await call("/v1/unload_lora_adapter", { lora_name: "beside" });
  await load("b");
  expect((await load("c")).body.error.message).toContain("at most 2 adapters, got one more beside a, b");
  expect((await complete("a")).choices[0].text).toBe(said);
  await fleet.close();
});

test("an adapter of other weights than the served model's is a 400 by both digests, unless the server takes those of any", async () => {
  const [own, others] = ["a".repeat(64), "b".repeat(64)];
  for (const [name, weights] of [
    ["own", own],
    ["others", others],
  ] as const)
    await writeAdapter(folderFiles(join(folder, name)), tinyConfig, randomAdapter(name), "model-0123456789ab", weights);
  for (const adapterAnyBase of [false, true]) {
    const { fleet, load } = await server({ adapterAnyBase }, { weights: own });
    expect(await load("own")).toMatchObject({ status: 200 });
    const refused = /weights bbbbbbbbbbbbbbbb of model-0123456789ab, got one of weights aaaaaaaaaaaaaaaa.*--adapter-any-base/;
    const answer = await load("others");
    expect([answer.status, answer.text]).toEqual(adapterAnyBase ? [200, expect.any(String)] : [400, expect.stringMatching(refused)]);
    await fleet.close();
  }
});

test("pages of other origins, a server without a login, and one without a folder load nothing", async () => {
  const { fleet, call } = await server();
  const body = { lora_name: "a", lora_path: "a" };
  expect((await call("/v1/load_lora_adapter", body, { origin: "http://evil.example", host: "localhost" })).status).toBe(403);
  await fleet.close();
  for (const [options, status] of [
    [{ admin: false }, 401],
    [{ hosts: "any", admin: false }, 401],
    [{ hosts: "any", admin: true }, 200],
  ] as const) {
    const open = await server(options);
    expect((await open.call("/v1/load_lora_adapter", body)).status).toBe(status);
    expect((await open.call("/v1/admin/adapters")).status).toBe(status);
    await open.fleet.close();
  }
  const engines = new Engines();
  const closed = createApp({ engines: [createEngine({ model, device, slots: 2 })], admin: true });
  await closed.engines.all()[0]!.ready;
  const request = new Request("http://localhost/v1/load_lora_adapter", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await closed.fetch(request);
  expect(((await answer.json()) as { error: { message: string } }).error.message).toContain("a server that reads adapters on request");
  await Promise.all([engines.close(), closed.engines.close()]);
});
