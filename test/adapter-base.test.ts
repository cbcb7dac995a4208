/** Adapters that `loam serve` is started with, and the model that each was made for. */
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { adapterOf, folderFiles, projectionSizes, writeAdapter } from "../src/nn/index.ts";
import { loadAdapters } from "../src/project/serving/adapters.ts";
import { tinyConfig, tinyModel } from "../src/serve/fakes.ts";
import { createEngine, Engines } from "../src/serve/index.ts";
import { openDevice } from "../src/tensor/index.ts";
import { temporaryFolder } from "./support/project.ts";

test("an adapter of other weights is an error unless those of any are taken; a base that is a name alone and another's is a warning", async () => {
  const root = temporaryFolder("adapter-base");
  const { input, output } = projectionSizes(tinyConfig).get("attention.query")!;
  const numbers = (n: number) => new Float32Array(n).fill(0.1);
  const low = { rank: 1, down: numbers(input), up: numbers(output) };
  const layers = Array.from({ length: tinyConfig.layers }, () => ({ "attention.query": low }));
  const [own, others] = ["a".repeat(64), "b".repeat(64)];
  const made = async (name: string, base: string | undefined, weights?: string) => {
    const folder = join(root, name);
    await writeAdapter(folderFiles(folder), tinyConfig, adapterOf(tinyConfig, layers), base, weights);
    return { name, folder };
  };
  const device = openDevice("cpu", { threads: 1 });
  const model = await tinyModel(device, { id: "smollm2@1", name: "smollm2", artifact: "model-1", weights: own });
  const engine = createEngine({ model, device, slots: 1, adapters: { count: 6, rank: 8 } });
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
