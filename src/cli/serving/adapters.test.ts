import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { adapterOf, folderFiles, projectionSizes, writeAdapter } from "../../nn/index.ts";
import { tinyConfig, tinyModel } from "../../serve/fakes.ts";
import { createEngine, Engines } from "../../serve/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { adapterChoice, loadAdapters } from "./adapters.ts";

const root = mkdtempSync(join(tmpdir(), "loam-adapter-choice-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
for (const [name, r, patterns] of [
  ["small", 4, {}],
  ["great", 20, { q_proj: 33 }],
] as const) {
  mkdirSync(join(root, name));
  const config = { peft_type: "LORA", r, rank_pattern: patterns, target_modules: ["q_proj"] };
  writeFileSync(join(root, name, "adapter_config.json"), JSON.stringify(config));
}
const choice = (options: Parameters<typeof adapterChoice>[0]) => adapterChoice(options, root);

test("room for adapters is what is said, else what those that are named need; nobody's wish reserves nothing", async () => {
  expect(await choice({})).toEqual({ named: [], room: undefined, folder: undefined });
  expect(await choice({ adapter: ["a=small"] })).toEqual({
    named: [{ name: "a", folder: join(root, "small") }],
    room: { count: 4, rank: 16 },
    folder: undefined,
  });
  expect((await choice({ adapter: ["a=small", "b=great"] })).room).toEqual({ count: 4, rank: 40 });
  expect((await choice({ adapter: ["a=small"], maxAdapters: "2", maxAdapterRank: "4" })).room).toEqual({ count: 2, rank: 4 });
  expect(await choice({ adapterFolder: "here" })).toMatchObject({ room: { count: 4, rank: 16 }, folder: join(root, "here") });
});

test("options that contradict, and folders that are none, are refused by name", async () => {
  for (const [options, says] of [
    [{ adapter: ["small"] }, 'loam serve: --adapter: expected NAME=FOLDER, got "small"'],
    [{ adapter: ["=small"] }, "--adapter: expected NAME=FOLDER"],
    [{ adapter: ["a=small", "b=small"], maxAdapters: "1" }, "--max-adapters: expected at least 2"],
    [{ maxAdapterRank: "0" }, "--max-adapter-rank: expected a whole number from 1"],
    [{ adapter: ["a=nothing"] }, join(root, "nothing")],
  ] as const)
    await expect(choice(options as Parameters<typeof adapterChoice>[0]), says).rejects.toThrow(says);
});

test("an adapter of other weights is an error unless those of any are taken; a base that is a name alone and another's is a warning", async () => {
  const [{ input, output }] = [projectionSizes(tinyConfig).get("attention.query")!];
  const numbers = (n: number) => new Float32Array(n).fill(0.1);
  const low = { rank: 1, down: numbers(input), up: numbers(output) };
  const layers = Array.from({ length: tinyConfig.layers }, () => ({ "attention.query": low }));
  const [own, others] = ["a".repeat(64), "b".repeat(64)];
  const made = async (name: string, base: string | undefined, weights?: string) => {
    const folder = join(root, name);
    mkdirSync(folder);
    await writeAdapter(folderFiles(folder), tinyConfig, adapterOf(tinyConfig, layers), base, weights);
    return { name, folder };
  };
  const model = await tinyModel(openDevice("cpu", { threads: 1 }), { id: "smollm2@1", name: "smollm2", artifact: "model-1", weights: own });
  const engine = createEngine({ model, device: openDevice("cpu", { threads: 1 }), slots: 1, adapters: { count: 6, rank: 8 } });
  const engines = new Engines([engine]);
  onTestFinished(() => engines.close());
  await engine.ready;
  const warned: string[] = [];
  const load = (one: { name: string; folder: string }, anyBase = false) =>
    loadAdapters(engines, engine, [one], { anyBase, warn: text => warned.push(text) });
  await load(await made("own", "model-of-another-record", own));
  await load(await made("artifact", "model-1"));
  await load(await made("hub", "HuggingFaceTB/SmolLM2-135M"));
  await load(await made("unnamed", undefined));
  expect(warned).toEqual([]);
  await load(await made("llama", "meta-llama/Llama-3.2-1B"));
  expect(warned).toEqual([expect.stringMatching(/^loam: llama: .*made for "meta-llama\/Llama-3\.2-1B", .*smollm2@1/)]);
  const wrong = await made("others", "model-2", others);
  await expect(load(wrong)).rejects.toThrow(/weights bbbbbbbbbbbbbbbb of model-2, got one of weights aaaaaaaaaaaaaaaa/);
  await load(wrong, true);
  expect(engines.adapters.list().map(a => a.name)).toEqual(["own", "artifact", "hub", "unnamed", "llama", "others"]);
});
