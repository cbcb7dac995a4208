/**
 * The recipe of examples/mail as it is, for its first steps: tokens a second from end to end, and how much of the time is spent outside native
 * programs (packing, JavaScript, logs). Held-out losses count as native work, checkpoints do not.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { lifeOf, runLink } from "../src/project/life.ts";
import { findProject, modelNameOf, openProjectStore } from "../src/project/project-file.ts";
import type { ArtifactReader } from "../src/store/index.ts";
import { openDevice } from "../src/tensor/index.ts";
import { decoderConfigOf, endOf, pretrain, readShards, readTokenizer, recipeSchema, tokensPerStep } from "../src/train/index.ts";
import { type BenchContext, type BenchResult, digits } from "./harness.ts";

/** Steps that are run: enough for a steady rate, a fraction of the recipe. */
const steps = 60;

export async function run({ say }: BenchContext): Promise<BenchResult> {
  const project = findProject(fileURLToPath(new URL("../../examples/mail/", import.meta.url)));
  const name = modelNameOf(project, undefined);
  const folder = mkdtempSync(join(tmpdir(), "loam-bench-recipe-"));
  const store = await openProjectStore({ ...project, folder, config: { ...project.config, store: {} } });
  try {
    const made = new Map<string, ArtifactReader>();
    for (const link of lifeOf(project, name, { onProblem: () => {} })) {
      if (link.stage === "train") break;
      say(link.label);
      made.set(link.label, (await runLink(store, link, made, { progress: () => {}, signal: new AbortController().signal })).artifact);
    }
    const { train: part, evaluate: _, ...architecture } = project.config.models[name]!;
    const { on, length, ...rest } = part;
    const shards = made.get(`shards/${on}`)!;
    const tokenizer = await readTokenizer(made.get("tokenizer")!);
    const model = decoderConfigOf(architecture, tokenizer.vocabSize);
    const whole = recipeSchema.parse({ ...rest, length: length ?? model.context });
    const recipe = { ...whole, tokens: steps * tokensPerStep(whole), evaluateEvery: Math.min(whole.evaluateEvery, steps / 2) };
    say(`${steps} steps of ${name}`);
    const { threads } = project.config.device;
    const result = await pretrain({
      device: openDevice("cpu", threads ? { threads } : {}),
      model,
      recipe,
      train: await readShards(shards, "train"),
      heldOut: await readShards(shards, "held-out"),
      end: endOf(tokenizer, "tokenizer"),
      identity: "bench".padEnd(64, "0"),
      folder: join(folder, "run"),
      progress: () => {},
    });
    const outside = 1 - result.nativeMs / result.totalMs;
    return {
      method: `${steps} steps of ${tokensPerStep(recipe)} tokens of examples/mail's "${name}" (${model.layers} layers, width ${model.width}, vocabulary ${model.vocab}), with two held-out losses; time outside = all but what the backend itself computed`,
      ours: {
        "tokens a second, end to end": Math.round(result.tokens / (result.totalMs / 1000)),
        "share outside native programs": digits(outside),
      },
      peers: {},
      ratios: {},
      bars: [{ name: "outside the native step", want: "< 0.05", got: digits(outside), holds: outside < 0.05 }],
    };
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
