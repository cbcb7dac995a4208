/** A record with versions of a model and what was measured of them, for this room's tests. */
import { z } from "zod";
import type { ItemResult, OutputType } from "../evaluate/index.ts";
import { type ModelVersion, openArtifact, registerVersion, runStage, type Store, stage, testSetOf, writeLook } from "../store/index.ts";

const modelStage = stage({
  name: "train",
  version: 1,
  inputs: {},
  options: z.strictObject({ seed: z.number(), bytes: z.number() }),
  output: "model",
  async run({ options, output }) {
    await output.write("weights.bin", Buffer.alloc(options.bytes, options.seed));
    await output.write("tokenizer.json", `{"seed":${options.seed}}`);
    return { parameters: options.bytes };
  },
});

/** The next version of `mail`; its weights are all `seed`. */
export async function version(store: Store, seed: number, bytes = 20_000): Promise<ModelVersion> {
  const { artifact } = await runStage(store, modelStage, { inputs: {}, options: { seed, bytes } });
  return registerVersion(store, "mail", artifact.id, { accuracy: seed / 100 });
}

/** Answers to `n` yes-or-no items of which the first `right` are right, each in `ms`. */
export const answers = (n: number, right: number, ms = 10): ItemResult[] =>
  Array.from({ length: n }, (_, i) => ({
    id: `i${i}`,
    place: `t:${i}`,
    prompt: "",
    right: "",
    came: "",
    ms,
    attributes: {},
    choices: ["no", "yes"],
    gold: [i % 2],
    logLikelihoods: i % 2 === Number(i < right) ? [-2, -0.1] : [-0.1, -2],
  }));

interface Asked {
  /** What was asked: task and items. */
  readonly digest?: string;
  readonly variant?: string;
  readonly output?: OutputType;
  readonly positive?: string;
  /** Those that the task names. */
  readonly metrics?: readonly string[];
  readonly slices?: readonly { readonly by: string; readonly parts: number }[];
}

/** Records a result as `loam eval` does. */
export async function measured(
  store: Store,
  of: ModelVersion,
  task: string,
  items: readonly ItemResult[],
  { output: kind = "classify", positive, metrics, slices, ...asked }: Asked = {},
): Promise<string> {
  const results = stage({
    name: "eval",
    version: 1,
    inputs: { model: "model" },
    options: z.strictObject({ task: z.string(), n: z.number(), digest: z.string().optional(), variant: z.string().optional() }),
    output: "task-result",
    async run({ inputs, output, runData }) {
      if (asked.variant === undefined)
        writeLook(runData, { kind: "evaluation", test: testSetOf(items.map(i => `${task} ${i.id}`)), candidate: inputs.model.digest });
      await output.writeStream(
        "items.jsonl",
        items.map(i => `${JSON.stringify(i)}\n`),
      );
      await output.write(
        "result.json",
        JSON.stringify({ format: 1, task, output: kind, positive, metrics, slices, items: items.length, kept: 0, ms: 1 }),
      );
      return { task, model: `mail@${of.number}` };
    },
  });
  const model = await openArtifact(store, of.artifact);
  const n = items.filter(i => i.logLikelihoods && i.logLikelihoods[i.gold![0]!]! > -1).length;
  return (await runStage(store, results, { inputs: { model }, options: { task, n, ...asked } })).artifact.id;
}

/** Records a group of tasks that were recorded, as `loam eval` does. */
export async function measuredGroup(
  store: Store,
  of: ModelVersion,
  group: string,
  results: Readonly<Record<string, string>>,
  measures: readonly { readonly metric: string; readonly isWeighted: boolean }[],
): Promise<string> {
  const tasks = Object.keys(results);
  const groups = stage({
    name: "eval-group",
    version: 1,
    inputs: { model: "model" },
    options: z.strictObject({ group: z.string(), results: z.record(z.string(), z.string()) }),
    output: "group-result",
    async run({ output }) {
      const told = Object.entries(results).map(([task, result]) => ({ task, result }));
      await output.write("group.json", JSON.stringify({ format: 1, group, tasks: told, measures: measures.map(m => ({ ...m, tasks })) }));
      return {};
    },
  });
  const model = await openArtifact(store, of.artifact);
  return (await runStage(store, groups, { inputs: { model }, options: { group, results: { ...results } } })).artifact.id;
}

/** Records what a task's mistakes cost, and the answers that choose its threshold, as `loam eval` does. */
export async function measuredCosts(
  store: Store,
  of: ModelVersion,
  task: string,
  result: string,
  choosing: readonly ItemResult[],
  costs: { readonly positive: string; readonly falsePositive: number; readonly falseNegative: number },
): Promise<string> {
  const any = z.record(z.string(), z.unknown());
  const model = await openArtifact(store, of.artifact);
  const chose = stage({
    name: "eval",
    version: 1,
    inputs: { model: "model" },
    options: any,
    output: "choosing-result",
    async run({ output }) {
      await output.write("items.jsonl", choosing.map(i => `${JSON.stringify(i)}\n`).join(""));
      await output.write(
        "result.json",
        JSON.stringify({ format: 1, task: `${task}/choosing`, output: "classify", items: choosing.length }),
      );
      return {};
    },
  });
  const answers = (await runStage(store, chose, { inputs: { model }, options: { task, of: choosing.map(i => i.logLikelihoods![1]!) } }))
    .artifact;
  const told = stage({
    name: "eval-costs",
    version: 1,
    inputs: { model: "model", result: "task-result", choosing: "choosing-result" },
    options: any,
    output: "task-costs",
    async run({ output }) {
      await output.write("costs.json", JSON.stringify({ format: 1, costs, choosing: answers.id }));
      return {};
    },
  });
  const inputs = { model, result: await openArtifact(store, result), choosing: answers };
  return (await runStage(store, told, { inputs, options: { task, costs } })).artifact.id;
}
