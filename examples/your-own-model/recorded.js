// The training of run.js as a stage of the record: kept, found again, and with its own numbers among the console's runs.
// Run in a project's folder: node recorded.js, then `loam serve` and the page Runs.
import { createReadStream, realpathSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openMetrics, saveTree } from "loam";
import { openStore, runStage, stage, z } from "loam/store";
import { train } from "./run.js";

export const ownTraining = stage({
  name: "own-training",
  version: 1,
  inputs: {},
  options: z.strictObject({ steps: z.number().int().min(1), rate: z.number() }),
  output: "model",
  async run({ options, output, runData, scratch, signal }) {
    const metrics = openMetrics({ scratch, runData });
    const { losses, parameters } = await train({
      ...options,
      onStep({ step, loss, gradientNorm, totalMs }) {
        signal.throwIfAborted();
        metrics.log(step, { loss, perplexity: Math.exp(loss), gradientNorm, stepMs: totalMs });
      },
    });
    const path = join(scratch, "weights.safetensors");
    await saveTree(path, parameters);
    await output.writeStream("weights.safetensors", createReadStream(path));
    await metrics.write();
    return { ...options, loss: losses.at(-1) };
  },
});

/** Trains with two rates, in the record of a project. */
export async function record(folder, steps = 150) {
  const store = await openStore({ root: folder });
  try {
    const made = [];
    for (const rate of [0.01, 0.003]) made.push((await runStage(store, ownTraining, { inputs: {}, options: { steps, rate } })).artifact);
    return made.map(artifact => artifact.id);
  } finally {
    await store.close();
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  console.log((await record(process.cwd())).join("\n"));
