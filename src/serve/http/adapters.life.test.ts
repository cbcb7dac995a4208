import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { rounds } from "../../../test/support/deep.ts";
import { random } from "../../base/index.ts";
import { folderFiles, writeAdapter } from "../../nn/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { randomAdapter } from "../adapters/random-adapter.laws.ts";
import { createEngine } from "../engine.ts";
import { tinyConfig, tinyModel } from "../fakes.ts";
import { listen } from "../listen.ts";
import { createApp } from "./app.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-adapters-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const names = ["a", "b", "c"] as const;
for (const [i, name] of names.entries()) {
  mkdirSync(join(folder, name));
  await writeAdapter(folderFiles(join(folder, name)), tinyConfig, randomAdapter(name, 2 + 2 * i));
}

test("adapters come and go under load: every answer is its own adapter's, whole, or says that the adapter is not there", {
  timeout: 180_000,
}, async () => {
  const device = openDevice("cpu", { threads: 1 });
  const engine = createEngine({ model: await tinyModel(device), device, slots: 6, widths: [8, 32], adapters: { count: 2, rank: 8 } });
  await engine.ready;
  const server = await listen(createApp({ engines: [engine], adapterFolder: folder, admin: true }), { port: 0 });
  const post = async (path: string, body: object) => {
    const response = await fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: response.status, text: await response.text() };
  };
  const load = (name: string) => post("/v1/load_lora_adapter", { lora_name: name, lora_path: name });
  const unload = (name: string) => post("/v1/unload_lora_adapter", { lora_name: name });
  const prompts = ["What", "A longer prompt than the one before", "Again"];
  const ask = async (model: string, prompt: number, stream: boolean): Promise<string | undefined> => {
    const body = { model, prompt: prompts[prompt], max_tokens: 5 + 9 * prompt, temperature: 1, seed: prompt, ignore_eos: true };
    const { status, text } = await post("/v1/completions", { ...body, stream });
    if (status === 404) return undefined;
    expect(status, text).toBe(200);
    if (!stream) return JSON.parse(text).choices[0].text;
    const events = text.split("\n\n").flatMap(e => (e.startsWith("data: {") ? [JSON.parse(e.slice(6))] : []));
    expect(text).toContain("data: [DONE]");
    return events.map(e => e.choices[0]?.text ?? "").join("");
  };

  // what each says when nobody else is there
  const want = new Map<string, string>();
  for (const name of ["tiny", ...names]) {
    if (name !== "tiny") expect((await load(name)).status).toBe(200);
    for (const prompt of prompts.keys()) want.set(`${name}/${prompt}`, (await ask(name, prompt, false))!);
    if (name !== "tiny") expect((await unload(name)).status).toBe(200);
  }
  expect(new Set(want.values()).size).toBe(4 * prompts.length);

  expect((await load("a")).status).toBe(200);
  let isOver = false;
  const answered = new Map<string, number>();
  let missing = 0;
  const client = async (seed: number) => {
    const r = random(`client ${seed}`);
    while (!isOver) {
      const model = (["tiny", ...names] as const)[r.below(4)]!;
      const prompt = r.below(prompts.length);
      const said = await ask(model, prompt, r.below(2) === 0);
      if (said === undefined) {
        // the two that share a place
        expect(["b", "c"]).toContain(model);
        missing++;
        continue;
      }
      expect([model, prompt, said]).toEqual([model, prompt, want.get(`${model}/${prompt}`)]);
      answered.set(model, (answered.get(model) ?? 0) + 1);
    }
  };
  const clients = Array.from({ length: 10 }, (_, i) => client(i));
  let failure: unknown;
  for (const one of clients)
    one.catch((error: unknown) => {
      failure ??= error;
    });
  const until = async (isSo: () => boolean) => {
    for (; !isSo(); await new Promise(resolve => setTimeout(resolve, 5))) if (failure) throw failure;
  };
  for (let cycle = 0; cycle < rounds(15, 5); cycle++)
    for (const name of ["b", "c"]) {
      expect(await load(name)).toMatchObject({ status: 200 });
      const had = answered.get(name) ?? 0;
      await until(() => (answered.get(name) ?? 0) >= had + 2);
      expect(await unload(name)).toMatchObject({ status: 200 });
      const lacked = missing;
      await until(() => missing > lacked);
    }
  isOver = true;
  await Promise.all(clients);
  for (const name of ["tiny", ...names]) expect(answered.get(name) ?? 0, name).toBeGreaterThan(5);
  expect(missing).toBeGreaterThan(0);
  expect(engine.adapters.map(a => a.name)).toEqual(["a"]);
  expect(engine.stats()).toMatchObject({ running: 0, queued: 0, state: "ready" });
  await server.drain();
  await engine.close();
});
