/** What the live sketches of drift cost a response: a record with a model and the sketch of what it learned from, and a server's part of it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLiveSketches, versionSketch } from "../../src/project/watching/drift/index.ts";
import type { EndedResponse } from "../../src/serve/index.ts";
import { openStore, registerVersion, runStage, type Store, stage, z } from "../../src/store/index.ts";
import { emptySketch, sketchBytes, textFeaturesOf, tokenFeaturesOf } from "../../src/watch/index.ts";

async function writeModel(store: Store, vocab: number): Promise<void> {
  const given = { progress: () => {}, signal: new AbortController().signal };
  const features = {
    ...textFeaturesOf("input", "input"),
    ...textFeaturesOf("answer", "label"),
    ...tokenFeaturesOf("input", "input", vocab),
    ...tokenFeaturesOf("answer", "label", vocab),
  };
  const model = stage({
    name: "bench-model",
    version: 1,
    inputs: {},
    options: z.strictObject({}),
    output: "model",
    async run({ output }) {
      await output.write("weights", "w");
      return {};
    },
  });
  const sketch = stage({
    name: "bench-sketch",
    version: 1,
    inputs: { model: "model" },
    options: z.strictObject({}),
    output: "sketch",
    async run({ output }) {
      await output.write("sketch.bin", sketchBytes(emptySketch({ tokenizer: "bench", features })));
      return {};
    },
  });
  const made = await runStage(store, model, { inputs: {}, options: {}, ...given });
  await runStage(store, sketch, { inputs: { model: made.artifact }, options: {}, ...given });
  await registerVersion(store, "bench", made.artifact.id, {});
}

/** Measures one telling of a response of `bench@1`, and of writing an hour's sketch. */
export async function liveSketchCost(
  response: EndedResponse,
  vocab: number,
  measure: (call: () => void) => number,
): Promise<{ readonly toldUs: number; readonly flushUs: number }> {
  const root = mkdtempSync(join(tmpdir(), "loam-bench-sketches-"));
  const store = await openStore({ root });
  try {
    await writeModel(store, vocab);
    const sketches = openLiveSketches(store, "bench");
    sketches.ended(response);
    // the first response only makes the reference known
    await versionSketch(store, "bench@1");
    await new Promise(resolve => setTimeout(resolve, 100));
    const toldUs = measure(() => sketches.ended(response));
    const since = process.cpuUsage();
    await sketches.flush();
    const { user, system } = process.cpuUsage(since);
    return { toldUs, flushUs: user + system };
  } finally {
    await store.close();
    rmSync(root, { recursive: true, force: true });
  }
}
