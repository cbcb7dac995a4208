/** A user's own parts in every kind that learns from examples: what selects is the validation part, what judges the test part, and neither trains. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { bertConfig, encoderSpec, exportHuggingFace, folderFiles, initialise, modelOf } from "../../nn/index.ts";
import type { StudyVerdict } from "../../project/searching/index.ts";
import { openArtifact, openStore, type StoredTrial, traceArtifact } from "../../store/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { trainBpe } from "../../text/index.ts";
import { readJudgement } from "../../tune/index.ts";
import { createOutput } from "../output.ts";
import type { Options } from "../verb.ts";
import { modelsImport } from "./models-import.ts";
import { tuneSearch } from "./tune-search.ts";

const scratch = mkdtempSync(join(tmpdir(), "loam-search-own-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Result {
  readonly trials: readonly StoredTrial[];
  readonly verdict: StudyVerdict | null;
}
async function run(folder: string, args: string[] = [], options: Options = {}, verb = tuneSearch): Promise<Result> {
  const json: string[] = [];
  const sink = (list: string[]) => ({ write: (piece: string) => list.push(piece) > 0 }) as unknown as NodeJS.WritableStream;
  const out = createOutput(true, { out: sink(json), err: sink([]) });
  await verb({ out, cwd: folder, signal: new AbortController().signal }, args, { workers: "0", ...options });
  return JSON.parse(json.join("").trim().split("\n").at(-1)!) as Result;
}

const things = ["cat", "dog", "house", "tree", "sea", "sun", "car", "hat", "pen", "cup", "road", "lamp", "bell", "rope", "coin", "leaf"];
const colours = ["red", "blue", "green"];
/** A thing's colours are all in one part: train, dev or test. */
const rows = things.flatMap((t, i) =>
  colours.map(c => ({
    prompt: `${c} ${t}?`,
    answer: `the ${t} is ${c}`,
    rude: `go away ${t}`,
    split: i % 4 === 2 ? "dev" : i % 4 === 3 ? "test" : "train",
  })),
);
const partsOf = (split: string) => rows.filter(r => r.split === split);

function project(name: string, tune: string, { onData = false, search = "tune.rate: [1e-5, 0.01]" } = {}): string {
  const folder = join(scratch, name);
  mkdirSync(join(folder, "texts"), { recursive: true });
  for (const [i, r] of rows.entries()) writeFileSync(join(folder, "texts", `${i}.txt`), `${i} ${r.prompt} ${r.answer} ${r.rude}`);
  const lines = (of: (r: (typeof rows)[number]) => object) => rows.map(r => `${JSON.stringify(of(r))}\n`).join("");
  mkdirSync(join(folder, "data"));
  writeFileSync(
    join(folder, "data", "pairs.jsonl"),
    lines(({ prompt, answer, rude, split }) => ({ prompt, chosen: answer, rejected: rude, split })),
  );
  writeFileSync(
    join(folder, "data", "answers.jsonl"),
    lines(({ prompt, answer, split }) => ({ prompt, completion: answer, split })),
  );
  writeFileSync(
    join(folder, "data", "anchors.jsonl"),
    lines(({ prompt, answer, split }) => ({ anchor: prompt, positive: answer, split })),
  );
  writeFileSync(join(folder, "notes.csv"), `text,asked,split\n${rows.map(r => `${r.answer},${r.prompt},${r.split}\n`).join("")}`);
  const source = "{ folder: ., files: notes.csv, reader: csv }";
  writeFileSync(
    join(folder, "loam.yaml"),
    `data:
  texts: { source: { folder: texts, reader: text }, steps: [clean], split: { heldOut: 0.2, by: document } }
  notes: { source: ${source}, steps: [clean, { length: { minWords: 1 } }], split: { heldOut: { split: test }, by: document } }
tokenizer: { vocab: 300, from: texts }
models:
  toy: { layers: 1, width: 16, heads: 2, context: 64, train: { on: texts, tokens: 3200, rows: 8, rate: 0.02 } }
  tuned: { base: toy, tune: { ${tune}, validation: { split: dev }${onData ? "" : ", heldOut: { split: test }"}, allowCrossing: true } }
searches:
  rates: { model: tuned, sampler: grid, pruner: none, trials: 4, space: { ${search} } }
`,
  );
  return folder;
}

/** Texts that trained, by the files of the stage that divides; and those that chose and judged, by their places. */
async function found(folder: string, { trials, verdict }: Result, stages: readonly string[]) {
  const store = await openStore({ root: folder });
  try {
    const done = trials.map(t => t.outcome as unknown as { readonly artifacts: { readonly model: string; readonly judgement: string } });
    const chosenBy = await Promise.all(done.map(async o => readJudgement(await openArtifact(store, o.artifacts.judgement))));
    const trained: string[] = [];
    for (const o of done)
      for (const node of (await traceArtifact(store, o.artifacts.model, { first: 0 })).nodes)
        if (stages.includes(node.stage)) trained.push((await (await openArtifact(store, node.id)).read("train.jsonl")).toString("utf8"));
    const nodes = (await traceArtifact(store, verdict!.artifact, { first: 0 })).nodes.filter(n => n.kind === "judgement");
    const judged = await Promise.all(nodes.map(async n => readJudgement(await openArtifact(store, n.id))));
    return { chosenBy, judged, trained };
  } finally {
    await store.close();
  }
}

const examplesStages = ["examples", "search-examples"];
const kinds: readonly (readonly [string, string, { onData?: boolean; search?: string }, readonly string[]])[] = [
  ["instruct", "task: instruct, on: ./data/answers.jsonl, method: full, length: 48, epochs: 1", {}, examplesStages],
  ["preference", "task: preference, on: ./data/pairs.jsonl, method: full, length: 48, epochs: 1", {}, examplesStages],
  ["kto", "task: preference, loss: kto, on: ./data/pairs.jsonl, method: full, length: 48, epochs: 1", {}, examplesStages],
  ["distill", "task: distill, teacher: toy, on: ./data/answers.jsonl, method: full, length: 48, epochs: 1, soft: 0.5", {}, examplesStages],
  [
    "instruct on a data set",
    'task: instruct, on: notes, columns: { user: "{{asked}}", assistant: text }, method: full, length: 48, epochs: 1',
    { onData: true },
    ["document-examples"],
  ],
  [
    "instruct on a data set whose filter varies",
    'task: instruct, on: notes, columns: { user: "{{asked}}", assistant: text }, method: full, length: 48, epochs: 1, rate: 0.01',
    { onData: true, search: "data.notes.steps.length.minWords: [1, 2]" },
    ["document-examples"],
  ],
];

test.each(kinds)("%s: the dev part chooses, the test part judges, and neither trains", async (name, tune, more, stages) => {
  const folder = project(name.replaceAll(" ", "-"), tune, more);
  const result = await run(folder);
  expect(new Set(result.trials.map(t => `${t.state} ${t.reason}`))).toEqual(new Set(["done null"]));
  const { chosenBy, judged, trained } = await found(folder, result, stages);
  const rated = name === "kto" ? 2 : 1;
  // every dev record chooses: none of them is spared to judge
  for (const j of chosenBy) expect(j.ids).toHaveLength(rated * partsOf("dev").length);
  for (const j of judged) expect(j.ids).toHaveLength(rated * partsOf("test").length);
  if (!more.onData) {
    const lineOf = (id: string) => Number(/jsonl:(\d+)/.exec(id)![1]) - 1;
    for (const j of chosenBy) expect(new Set(j.ids.map(id => rows[lineOf(id)]!.split))).toEqual(new Set(["dev"]));
    for (const j of judged) expect(new Set(j.ids.map(id => rows[lineOf(id)]!.split))).toEqual(new Set(["test"]));
  }
  expect(trained.length).toBeGreaterThan(0);
  for (const text of trained) {
    expect(text).toContain(partsOf("train")[0]!.answer);
    for (const r of [...partsOf("dev"), ...partsOf("test")]) expect(text).not.toContain(r.answer);
  }
});

test("an encoder's vectors: the dev part chooses, the test part judges, and neither trains", async () => {
  const folder = project("vectors", "task: instruct, on: ./data/answers.jsonl");
  const tokenizer = trainBpe(
    rows.map(r => `${r.prompt} ${r.answer}`),
    { vocab: 300 },
  );
  const config = bertConfig({ vocab: tokenizer.vocabSize, width: 16, layers: 1, heads: 2, context: 24 });
  const encoder = join(folder, "encoder");
  mkdirSync(join(encoder, "1_Pooling"), { recursive: true });
  const files = folderFiles(encoder);
  await exportHuggingFace(files, modelOf({ family: "encoder", config }, await initialise(encoderSpec(config), openDevice("reference"), 1)));
  await files.write("tokenizer.json", JSON.stringify(tokenizer.toJSON()));
  await files.write("1_Pooling/config.json", JSON.stringify({ word_embedding_dimension: 16, pooling_mode_mean_tokens: true }));
  writeFileSync(
    join(folder, "loam.yaml"),
    `models:
  tuned:
    base: sentences
    tune: { task: embed, on: ./data/anchors.jsonl, length: 24, epochs: 1, batch: 8, validation: { split: dev }, heldOut: { split: test }, allowCrossing: true }
searches:
  rates: { model: tuned, sampler: grid, pruner: none, trials: 4, space: { tune.rate: [1e-6, 0.003] } }
`,
  );
  await run(folder, ["./encoder"], { name: "sentences" }, modelsImport);
  const result = await run(folder, ["rates"]);
  const { chosenBy, judged, trained } = await found(folder, result, ["pairs", "search-pairs"]);
  for (const j of chosenBy) expect(j.ids).toEqual(partsOf("dev").map(r => r.prompt));
  for (const j of judged) expect(j.ids).toEqual(partsOf("test").map(r => r.prompt));
  expect(trained.length).toBeGreaterThan(0);
  for (const text of trained) for (const r of [...partsOf("dev"), ...partsOf("test")]) expect(text).not.toContain(r.prompt);
});
