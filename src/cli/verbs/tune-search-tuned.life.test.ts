/** Searches over tuned models: numbers and answers of a data set are chosen by one part and judged by another; the latency of answers is measured. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { random, readText } from "../../base/index.ts";
import type { StudyVerdict } from "../../project/searching/index.ts";
import { openArtifact, openStore, type StoredTrial, traceArtifact } from "../../store/index.ts";
import { type Judgement, readJudgement } from "../../tune/index.ts";
import { createOutput } from "../output.ts";
import type { Options } from "../verb.ts";
import { tuneSearch } from "./tune-search.ts";
import { tuneShow } from "./tune-studies.ts";

const scratch = mkdtempSync(join(tmpdir(), "loam-search-tuned-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Result {
  readonly study: string;
  readonly trials: readonly StoredTrial[];
  readonly winner: number | null;
  readonly paretoFront: readonly number[];
  readonly verdict: StudyVerdict | null;
}

/** Notes whose words tell their mood and, in `score`, how glad they are. */
function project(name: string, tune: string, search: string): string {
  const folder = join(scratch, name);
  const r = random("moods");
  const rows = Array.from({ length: 120 }, (_, i) => {
    const words = Array.from({ length: 6 }, () => ["sun", "cake", "rain", "grey", "the", "day"][r.below(6)]!);
    const score = words.filter(w => w === "sun" || w === "cake").length;
    return `"note ${i} ${words.join(" ")}",${i % 2 ? "glad" : "low"},${score}`;
  });
  mkdirSync(join(folder, "notes"), { recursive: true });
  writeFileSync(join(folder, "notes", "notes.csv"), `text,mood,score\n${rows.join("\n")}\n`);
  writeFileSync(
    join(folder, "loam.yaml"),
    `data:
  notes: { source: { folder: notes, reader: csv }, steps: [clean], split: { heldOut: 0.2 } }
  whole: { source: { folder: notes, reader: csv }, steps: [clean], split: { heldOut: 0 } }
device: { threads: 1 }
tokenizer: { vocab: 300, from: notes }
models:
  toy: { layers: 1, width: 16, heads: 2, context: 96, train: { on: notes, tokens: 4000, rows: 8, rate: 0.02 } }
  tuned: { base: toy, tune: { ${tune} } }
searches:
  rates: { model: tuned, space: { tune.rate: [1e-4, 0.02] }, sampler: grid, pruner: none, trials: 9, ${search} }
`,
  );
  return folder;
}

/** Runs a verb; gives its result, and what it told people. */
async function told(folder: string, verb = tuneSearch, args: string[] = [], options: Options = {}): Promise<[Result, string]> {
  const [json, people] = [[] as string[], [] as string[]];
  const sink = (list: string[]) => ({ write: (piece: string) => list.push(piece) > 0 }) as unknown as NodeJS.WritableStream;
  const out = createOutput(true, { out: sink(json), err: sink(people) });
  await verb({ out, cwd: folder, signal: new AbortController().signal }, args, { workers: "0", ...options });
  return [JSON.parse(json.join("").trim().split("\n").at(-1)!) as Result, people.join("")];
}

/** What trials were chosen by, and what the verdict was made of. */
async function judgements(folder: string, { trials, verdict }: Result): Promise<{ chosenBy: Judgement[]; judged: Judgement[] }> {
  const store = await openStore({ root: folder });
  try {
    const read = async (id: string) => readJudgement(await openArtifact(store, id));
    const ids = trials.flatMap(t => (t.outcome as { artifacts: Record<string, string> }).artifacts.judgement ?? []);
    const nodes = (await traceArtifact(store, verdict!.artifact, { first: 0 })).nodes.filter(n => n.kind === "judgement");
    return { chosenBy: await Promise.all(ids.map(read)), judged: await Promise.all(nodes.map(n => read(n.id))) };
  } finally {
    await store.close();
  }
}
const valuesOf = (t: StoredTrial) => (t.outcome as { values: number[] }).values;

test("a model of numbers is chosen by its validation part, and the winner judged once on the held-out side", async () => {
  const folder = project("numbers", "task: regress, on: notes, label: score, length: 48, epochs: 3, pooling: mean, validation: 0.2", "");
  const [found] = await told(folder);
  expect(found.trials.map(t => t.state)).toEqual(["done", "done", "done"]);
  const values = found.trials.map(t => valuesOf(t)[0]!);
  expect(values[found.winner!]).toBe(Math.min(...values));
  const { chosenBy, judged } = await judgements(folder, found);
  const mean = (j: Judgement) => j.bits.reduce((a, b) => a + b, 0) / j.bits.length;
  expect(chosenBy.map(mean)).toEqual(values);
  const chose = new Set(chosenBy.flatMap(j => j.ids));
  for (const j of judged) {
    expect(j.half).toBe("test");
    expect(j.ids.filter(id => chose.has(id))).toEqual([]);
  }
  expect(judged.map(mean)).toContain(found.verdict!.winner.value);
  expect(found.verdict!.comparisons.map(c => c.against).sort()).toEqual(
    ["default", "runnerUp"].slice(0, found.verdict!.comparisons.length),
  );
  for (const c of found.verdict!.comparisons) expect(c.low).toBeLessThanOrEqual(c.high);
});

const answers =
  'task: instruct, on: notes, columns: { user: "How glad? {{text}}", assistant: "{{score}} of six" }, method: full, length: 96, epochs: 2, validation: 0.2';

test("a model that answers about a data set is judged on the documents that are held out; without any, nobody judges it, and that is said", async () => {
  const [found] = await told(project("answers", answers, ""));
  const { judged } = await judgements(join(scratch, "answers"), found);
  const losses = found.trials.map(t => valuesOf(t)[0]!);
  expect(losses[found.winner!]).toBe(Math.min(...losses));
  expect(found.verdict!.documents).toBeGreaterThan(10);
  // the nats a token of other documents of the same kind
  expect(found.verdict!.winner.value).toBeGreaterThan(losses[found.winner!]! / 2);
  expect(found.verdict!.winner.value).toBeLessThan(losses[found.winner!]! * 2);
  expect(judged.every(j => j.half === "test" && j.bytes.every(tokens => tokens > 3))).toBe(true);
  const [alone, text] = await told(project("alone", answers.replace("on: notes", "on: whole"), ""));
  expect(alone.verdict).toBeNull();
  expect(text).toContain("There is no test set");
});

test("latency is an objective beside errors and memory: measured here, in the table, on the page, and kept", async () => {
  const folder = project(
    "latency",
    "task: classify, on: notes, label: mood, length: 48, epochs: 1, pooling: mean, validation: 0.2",
    "objectives: [errors, latency, memory]",
  );
  const [found, text] = await told(folder);
  const latencies = found.trials.map(t => valuesOf(t)[1]!);
  for (const ms of latencies) {
    expect(ms).toBeGreaterThan(0);
    expect(ms).toBeLessThan(1000);
  }
  expect(text).toMatch(/% errors, \d+\.\d+ ms, /);
  const dominated = (i: number) =>
    found.trials.some(
      o =>
        valuesOf(o).every((v, k) => v <= valuesOf(found.trials[i]!)[k]!) && valuesOf(o).some((v, k) => v < valuesOf(found.trials[i]!)[k]!),
    );
  expect(found.paretoFront).toEqual(found.trials.map(t => t.number).filter(n => !dominated(n)));
  const page = join(folder, "study.html");
  await told(folder, tuneShow, [found.study], { page });
  expect(readText(page)).toContain("errors against latency");
  // measured once: a search that goes on has the same figures
  expect((await told(folder))[0].trials.map(valuesOf)).toEqual(found.trials.map(valuesOf));
  const adapter = answers.replace("method: full", "method: lora, result: adapter");
  await expect(told(project("adapter", adapter, "objectives: [heldOut, latency]"))).rejects.toThrow(
    /searches\.rates\.objectives: expected no latency of an adapter/,
  );
});
