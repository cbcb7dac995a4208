/** A project with a small model of every kind of tuning, and the material that they learn from. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { random } from "../../src/base/index.ts";
import { bertConfig, encoderSpec, exportHuggingFace, folderFiles, initialise, modelOf } from "../../src/nn/index.ts";
import { openDevice } from "../../src/tensor/index.ts";
import { trainBpe } from "../../src/text/index.ts";

export const colours = ["red", "blue", "green", "black", "white"];
export const things = ["cat", "dog", "house", "tree", "sea", "sun", "car", "hat"];
export const lines = (records: readonly object[]): string => records.map(r => `${JSON.stringify(r)}\n`).join("");

export const tasksYaml = `name: tasks
data:
  notes:
    source: { folder: notes, reader: csv }
    steps: [clean]
    split: { heldOut: 0.2 }
tokenizer: { vocab: 300, from: notes }
models:
  toy: { layers: 1, width: 32, heads: 2, context: 64, train: { on: notes, tokens: 8000, rows: 8, rate: 0.02 }, evaluate: { baselines: [gzip] } }
  tiny: { layers: 1, width: 16, heads: 2, context: 64, train: { on: notes, tokens: 3200, rows: 8, rate: 0.02 }, evaluate: { baselines: [gzip] } }
  stars:
    base: toy
    tune: { task: regress, on: notes, label: stars, length: 48, epochs: 6, rate: 0.01, pooling: mean, validation: 0.2 }
  sir:
    base: toy
    tune: { task: instruct, on: ./things.jsonl, method: full, length: 64, epochs: 6, rate: 0.01, rows: 4, validation: 0.2 }
  student:
    base: tiny
    tune: { task: distill, teacher: sir, on: ./things.jsonl, method: full, length: 64, epochs: 16, rate: 0.01, rows: 4, soft: 1, validation: 0.2, checkpointSeconds: 0.05 }
  finder:
    base: sentences
    tune: { task: embed, on: ./pairs.jsonl, scored: ./scored.jsonl, epochs: 6, batch: 16, length: 32, rate: 0.003, validation: 0.3 }
  mark:
    base: sentences
    tune: { task: classify, on: notes, label: stars, method: { lora: { rank: 4 } }, length: 24, epochs: 4, rate: 0.01, pooling: mean, validation: 0.2, baselines: [majority] }
  count:
    base: sentences
    tune: { task: regress, on: notes, label: stars, method: { lora: { rank: 4 } }, length: 24, epochs: 2, rate: 0.01, validation: 0.2 }
serve: { models: { stars: {}, finder: {} }, port: 0, slots: 2 }
device: { threads: 1 }
`;

/** Writes the project into `folder`: tables, examples, pairs; the encoder comes apart. */
export function writeTasksProject(folder: string): string {
  const r = random("tasks");
  const good = ["fine", "lovely", "swift", "warm"];
  const poor = ["dull", "cold", "slow", "grim"];
  const rows = Array.from({ length: 240 }, (_, i) => {
    const stars = r.below(5);
    const words = Array.from({ length: 4 }, (_, k) => (k < stars ? good : poor)[r.below(4)]!);
    return `"note ${i}: it was ${words.join(" and ")}",${stars + 1}`;
  });
  mkdirSync(join(folder, "notes"));
  writeFileSync(join(folder, "notes", "notes.csv"), `text,stars\n${rows.join("\n")}\n`);
  writeFileSync(
    join(folder, "things.jsonl"),
    lines(colours.flatMap(c => things.map(t => ({ prompt: `what is the ${c} ${t}?`, completion: `the ${t} is ${c}` })))),
  );
  const names = colours.flatMap(c => things.map(t => `${c} ${t}`));
  writeFileSync(
    join(folder, "pairs.jsonl"),
    lines(
      names.flatMap(n => [
        { anchor: `where is the ${n}`, positive: `project ${n}` },
        { anchor: `plans for ${n}`, positive: `project ${n}` },
      ]),
    ),
  );
  writeFileSync(
    join(folder, "scored.jsonl"),
    lines(
      names.map((n, i) => ({ sentence1: `about ${n}`, sentence2: `project ${names[i % 2 ? i : (i + 9) % names.length]}`, score: i % 2 })),
    ),
  );
  writeFileSync(join(folder, "loam.yaml"), tasksYaml);
  return folder;
}

/** A small sentence encoder of chance, as a folder of Hugging Face's shape. */
export async function writeEncoder(folder: string): Promise<void> {
  const tokenizer = trainBpe(
    colours.flatMap(c => things.map(t => `where is plans for about project ${c} ${t}`)),
    { vocab: 300, minFrequency: 1 },
  );
  const config = bertConfig({ vocab: tokenizer.vocabSize, width: 32, layers: 1, heads: 2, context: 32 });
  const files = folderFiles(folder);
  await exportHuggingFace(files, modelOf({ family: "encoder", config }, await initialise(encoderSpec(config), openDevice("reference"), 1)));
  await files.write("tokenizer.json", JSON.stringify(tokenizer.toJSON()));
  await files.write("1_Pooling/config.json", JSON.stringify({ word_embedding_dimension: 32, pooling_mode_mean_tokens: true }));
}
