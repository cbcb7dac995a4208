/** A project with a loop, small enough to retrain in a second: sentences of two classes whose words change from the first month to the second. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { random, silent } from "../../base/index.ts";
import { decoderSpec, initialise, llamaConfig, writeModelFiles } from "../../nn/index.ts";
import { openStore, registerVersion, runStage, stage, z } from "../../store/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { trainBpe } from "../../text/index.ts";
import type { Project } from "../open-project.ts";

const day = 86_400_000;
export const firstDay = Date.UTC(2026, 0, 1);

const shared = ["the", "parcel", "came", "on", "monday", "and", "was", "in", "a", "box", "from", "our", "shop", "today"];
const words = {
  old: { good: ["lovely", "perfect", "quick", "bright"], bad: ["broken", "late", "dirty", "torn"] },
  new: { good: ["stellar", "crisp", "neat", "solid"], bad: ["leaky", "faded", "noisy", "stale"] },
} as const;
type Month = keyof typeof words;

export interface Row {
  readonly id: string;
  readonly text: string;
  readonly label: "good" | "bad";
  readonly date: string;
}

/** So many sentences, a minute apart. */
export function sentences(month: Month, count: number, from: number, seed: string): Row[] {
  const r = random(seed);
  const pick = <T>(all: readonly T[]): T => all[Math.floor(r.uniform() * all.length)]!;
  return Array.from({ length: count }, (_, i) => {
    const label = r.uniform() < 0.5 ? "good" : "bad";
    const text = Array.from({ length: 9 }, (_, k) => (k % 3 === 1 ? pick(words[month][label]) : pick(shared))).join(" ");
    return { id: `${seed}-${i}`, text, label, date: new Date(from + i * 60_000).toISOString() };
  });
}

/** The other class. */
export const flipped = (row: Row): Row => ({ ...row, label: row.label === "good" ? "bad" : "good" });

const lines = (rows: readonly object[]): string => rows.map(r => `${JSON.stringify(r)}\n`).join("");

export interface LoopFixture {
  readonly folder: string;
  /** New labelled documents arrive. */
  arrive(rows: readonly Row[]): void;
  remove(): void;
}

const part = {
  task: "classify",
  on: "first",
  label: "label",
  length: 24,
  epochs: 3,
  batch: 16,
  rate: 0.01,
  pooling: "mean",
  select: "loss",
  baselines: [],
  evaluations: 1,
};

/** `more` is merged into loam.yaml; `loop` into the loop of its model `mood`. `parent`: where its folder is made. */
export async function loopFixture(loop: object = {}, more: object = {}, parent: string = tmpdir()): Promise<LoopFixture> {
  const folder = mkdtempSync(join(parent, "loam-loop-"));
  const first = sentences("old", 240, firstDay, "first");
  writeFileSync(join(folder, "first.jsonl"), lines(first));
  writeFileSync(join(folder, "new.jsonl"), "");
  const data = (file: string, heldOut: number) => ({ source: { files: file, reader: "jsonl" }, split: { heldOut } });
  writeFileSync(
    join(folder, "loam.yaml"),
    JSON.stringify({
      name: "loop",
      data: { first: data("first.jsonl", 0.25), arrivals: data("new.jsonl", 0.01) },
      models: { mood: { base: "random", tune: part } },
      serve: { models: { mood: {} }, port: 0, slots: 2 },
      device: { threads: 1 },
      loop: {
        mood: { data: { new: "arrivals", least: 60, recent: 0.3 }, every: "7d", cooldown: "1d", start: "base", ...loop },
      },
      ...more,
    }),
  );
  const texts = (["old", "new"] as const).flatMap(m => sentences(m, 60, 0, `tokens-${m}`).map(r => r.text));
  const tokenizer = trainBpe(texts, { vocab: 420, minFrequency: 1 });
  const device = openDevice("cpu", { threads: 1 });
  const config = {
    ...llamaConfig({ vocab: tokenizer.vocabSize, width: 16, layers: 1, heads: 1, context: 64, hidden: 32 }),
    deviation: 0.1,
  };
  const made = stage({
    name: "base",
    version: 1,
    inputs: {},
    options: z.strictObject({}),
    output: "model",
    async run({ output }) {
      await writeModelFiles(output, { family: "decoder", config, parameters: await initialise(decoderSpec(config), device, 1) });
      await output.write("tokenizer.json", JSON.stringify(tokenizer.toJSON()));
      return {};
    },
  });
  const store = await openStore({ root: folder });
  const { artifact } = await runStage(store, made, { inputs: {}, options: {}, progress: silent });
  await registerVersion(store, "random", artifact.id, {});
  await store.close();
  return {
    folder,
    arrive: rows => appendFileSync(join(folder, "new.jsonl"), lines(rows)),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The first version, tuned and promoted. */
export async function firstVersion(project: Project): Promise<void> {
  await project.tune("mood");
  await project.promote("mood@1", "prod", { by: "ann" });
}

/** A day after the first one. */
export const dayAt = (days: number): number => firstDay + days * day;
