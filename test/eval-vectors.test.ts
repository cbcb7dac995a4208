/** `loam eval` on tasks about vectors as a user starts it: a version, the same behind a server of its own, another one beside it, gates, a kill in the middle. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { bertConfig, encoderSpec, exportHuggingFace, folderFiles, initialise, modelOf } from "../src/nn/index.ts";
import { openDevice } from "../src/tensor/index.ts";
import { trainBpe } from "../src/text/index.ts";
import { type Ended, jsonLines, loam, start, startProcess } from "./support/child.ts";

const colours = ["red", "blue", "green", "black", "white", "yellow"];
const things = ["cat", "dog", "house", "tree", "sea", "sun", "car", "hat"];
const names = colours.flatMap(c => things.map(t => `${c} ${t}`));
const lines = (rows: readonly object[]): string => rows.map(r => `${JSON.stringify(r)}\n`).join("");

const search = (name: string, corpus: string) => `task: ${name}
data: { test: queries.jsonl, documents: ${corpus}, judged: judged.tsv }
output: retrieval
prompt: text
id: _id
retrieval: { documents: documents, judgements: judged }
metrics: [ndcg@10, recall@5, mrr, map]
slices: [colour]
`;
const alike = `task: alike
data: { test: pairs.csv }
output: similarity
prompt: sentence1
similarity: { to: sentence2 }
target: score
`;

const project = `name: vectors
data: { notes: { source: { folder: notes, reader: text }, steps: [clean] } }
tokenizer: { vocab: 300, from: notes }
models: {}
serve: { models: { sentences: {} }, port: 0 }
device: { threads: 1 }
`;

/** A small sentence encoder of chance, as a folder of Hugging Face's shape. */
async function writeEncoder(folder: string, seed: number): Promise<void> {
  const tokenizer = trainBpe(
    names.map(n => `where is the ${n} plans for project ${n} 0 1 2 3 4 5 6 7 8 9`),
    { vocab: 300, minFrequency: 1 },
  );
  const config = bertConfig({ vocab: tokenizer.vocabSize, width: 32, layers: 1, heads: 2, context: 32 });
  const files = folderFiles(folder);
  await exportHuggingFace(
    files,
    modelOf({ family: "encoder", config }, await initialise(encoderSpec(config), openDevice("reference"), seed)),
  );
  await files.write("tokenizer.json", JSON.stringify(tokenizer.toJSON()));
  await files.write("1_Pooling/config.json", JSON.stringify({ word_embedding_dimension: 32, pooling_mode_mean_tokens: true }));
}

let cwd = "";
beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), "loam-vectors-"));
  mkdirSync(join(cwd, "tasks"));
  const write = (name: string, text: string) => writeFileSync(join(cwd, "tasks", name), text);
  writeFileSync(join(cwd, "loam.yaml"), project);
  const documents = names.map((n, i) => ({ _id: `d${i}`, title: "plans", text: `for project ${n}` }));
  // longer than the 32 tokens that the model reads
  const long = { _id: "long", text: "nothing of it all ".repeat(40) };
  write("corpus.jsonl", lines([...documents, long]));
  write("many.jsonl", lines([...documents, ...Array.from({ length: 4000 }, (_, i) => ({ _id: `n${i}`, text: `the sea ${i}` }))]));
  write("queries.jsonl", lines(names.map((n, i) => ({ _id: `q${i}`, text: `where is the ${n}`, colour: n.split(" ")[0] }))));
  // the thing itself, and a little what has its colour; nobody asks for the last eight
  const judged = names
    .slice(0, 40)
    .flatMap((n, i) => names.flatMap((o, k) => (k === i ? [[i, k, 2]] : o.split(" ")[0] === n.split(" ")[0] ? [[i, k, 1]] : [])));
  write("judged.tsv", `query-id\tcorpus-id\tscore\n${judged.map(([q, d, worth]) => `q${q}\td${d}\t${worth}`).join("\n")}\n`);
  const pairs = names.map((n, i) => `the ${n},"project ${names[(i * 7) % names.length]}",${i % 5}`);
  write("pairs.csv", `sentence1,sentence2,score\n${pairs.join("\n")}\n`);
  write("find.yaml", search("find", "corpus.jsonl"));
  write("sea.yaml", search("sea", "many.jsonl"));
  write("alike.yaml", alike);
  for (const [seed, name] of ["sentences", "others"].entries()) {
    await writeEncoder(join(cwd, name), seed + 1);
    const { code, stderr } = await loam(["models", "import", `./${name}`, "--name", name], { cwd });
    expect(code, stderr).toBe(0);
  }
  return () => rmSync(cwd, { recursive: true, force: true });
});

interface Figure {
  readonly metric: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}
interface Document {
  readonly tasks: readonly {
    readonly task: string;
    readonly items: number;
    readonly isKnown: boolean;
    readonly kept: number;
    readonly scores: readonly Figure[];
    readonly slices: readonly { readonly group: string; readonly items: number }[];
    readonly baselines?: readonly { readonly name: string; readonly scores: readonly Figure[] }[];
    readonly comparison?: { readonly differences: readonly Figure[] };
  }[];
  readonly gates: readonly { readonly fails: boolean }[];
}
const documentOf = ({ stdout }: Ended): Document => jsonLines(stdout).find(line => "tasks" in line) as unknown as Document;
const evaluate = (...args: string[]) => loam(["eval", ...args, "--json"], { cwd });

test("a version has figures with intervals beside BM25; the same behind a server of its own has the same, texts that are too long too", async () => {
  const first = await evaluate("find", "alike", "--model", "sentences");
  expect(first.code, first.stderr).toBe(0);
  const [find, pairs] = documentOf(first).tasks;
  expect([find!.items, pairs!.items, pairs!.baselines]).toEqual([40, 48, undefined]);
  expect(find!.scores.map(s => s.metric)).toEqual(["ndcg@10", "recall@5", "mrr", "map"]);
  expect(pairs!.scores.map(s => s.metric)).toEqual(["spearman", "pearson"]);
  for (const s of [...find!.scores, ...pairs!.scores]) {
    expect(s.low).toBeLessThan(s.value);
    expect(s.value).toBeLessThan(s.high);
  }
  expect(find!.slices.map(s => [s.group, s.items])).toEqual(["black", "blue", "green", "red", "white"].map(c => [c, 8]));
  // the thing and its colour are all that a query and a document share
  const [bm25] = find!.baselines!;
  expect([bm25!.name, bm25!.scores[2]!.value]).toEqual(["bm25", 1]);
  expect(first.stderr).toMatch(/beside bm25, which needs no model:\n {4}ndcg@10 /);

  const server = start(["serve", "--json"], { cwd });
  const [, url] = await server.says(/"event":"serving","url":"([^"]+)"/);
  const behind = await evaluate("find", "alike", "--model", `${url}/v1#sentences`);
  expect(behind.code, behind.stderr).toBe(0);
  for (const [i, t] of documentOf(behind).tasks.entries())
    for (const [k, s] of t.scores.entries()) expect(s.value, s.metric).toBeCloseTo(documentOf(first).tasks[i]!.scores[k]!.value, 6);
  server.kill("SIGINT");
  expect((await server.ended).code).toBe(0);

  const again = documentOf(await evaluate("find", "--model", "sentences")).tasks[0]!;
  expect(again).toMatchObject({ isKnown: true, scores: find!.scores, baselines: find!.baselines });
});

test("another model beside it, item by item, and gates that hold or not", async () => {
  const { code, stdout, stderr } = await evaluate(
    ...["find", "--model", "sentences", "--against", "others"],
    ...["--fail-if", "find.mrr < others.find.mrr - 1.1", "--fail-if", "ndcg@7 > 1"],
  );
  expect(code, stderr).toBe(0);
  const { tasks, gates } = documentOf({ stdout } as Ended);
  expect(tasks[0]!.comparison!.differences.map(d => d.metric)).toEqual(["ndcg@10", "recall@5", "mrr", "map"]);
  expect(gates.map(g => g.fails)).toEqual([false, false]);
  expect((await evaluate("find", "--model", "sentences", "--fail-if", "recall@48 > 0.9")).code).toBe(1);
  const wrong = await evaluate("find", "--model", "sentences", "--fail-if", "racall@5 < 0.1");
  expect([wrong.code, wrong.stdout]).toEqual([2, expect.stringContaining('Did you mean \\"recall@')]);
});

test("killed in the middle, a search goes on with the vectors that it had, and ends with the same figures", async () => {
  const run = startProcess(["eval", "sea", "--model", "sentences", "--json"], { cwd });
  await run.says(/"message":"sea: [1-9]\d* of [\d,.]+ texts/);
  run.kill("SIGKILL");
  expect((await run.ended).signal).toBe("SIGKILL");
  const folder = join(cwd, ".loam", "answers");
  const saved = readdirSync(folder).reduce((n, f) => n + readFileSync(join(folder, f), "utf8").split("\n").length - 1, 0);
  const [done] = documentOf(await evaluate("sea", "--model", "sentences")).tasks;
  expect(done!.kept).toBeGreaterThan(0);
  expect(done!.kept).toBeLessThanOrEqual(saved);
  const [fresh] = documentOf(await evaluate("sea", "--model", "sentences", "--fresh")).tasks;
  expect(fresh).toMatchObject({ kept: 0, isKnown: false });
  for (const [i, s] of fresh!.scores.entries()) expect(s.value).toBeCloseTo(done!.scores[i]!.value, 6);
});
