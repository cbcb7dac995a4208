/** A search on a small project, in this process and in several that are killed: what is tried once stays, and goes on where it was. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deepTest } from "../../../test/support/deep.ts";
import { type LoamError, random, readText } from "../../base/index.ts";
import type { StudyVerdict } from "../../project/searching/index.ts";
import { listRuns, openArtifact, openStore, type Store, type StoredTrial, traceArtifact } from "../../store/index.ts";
import { readJudgement } from "../../tune/index.ts";
import { createOutput } from "../output.ts";
import type { Options } from "../verb.ts";
import { tuneSearch } from "./tune-search.ts";
import { tuneShow } from "./tune-studies.ts";

const scratch = mkdtempSync(join(tmpdir(), "loam-search-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const words = "harbour tide sail anchor wind boat shore wave island captain the a of and it was on to for".split(" ");

/** A project whose search is what a test says. */
function project(name: string, search: string, train = "tokens: 6400"): string {
  const folder = join(scratch, name);
  const draw = random("search life");
  mkdirSync(join(folder, "texts"), { recursive: true });
  for (let i = 0; i < 60; i++)
    writeFileSync(join(folder, "texts", `${i}.txt`), Array.from({ length: 50 }, () => words[draw.below(words.length)]).join(" "));
  writeFileSync(
    join(folder, "loam.yaml"),
    `# a small one
data:
  texts:
    source: { folder: texts, reader: text }
    steps: [clean]
    split: { heldOut: 0.3, by: near-duplicate }
device: { threads: 1 }
tokenizer: { vocab: 280, from: texts }
models:
  tiny: { layers: 1, width: 16, heads: 2, context: 32, train: { on: texts, rows: 4, rate: 0.01, evaluateBatches: 2, ${train} } } # to be tuned
searches:
  small:
    model: tiny
    pruner: none
    ${search}
`,
  );
  return folder;
}

interface Result {
  readonly study: string;
  readonly trials: readonly StoredTrial[];
  readonly winner: number | null;
  readonly verdict: StudyVerdict | null;
}

interface Event {
  readonly event: string;
  readonly label?: string;
  readonly values?: { readonly step?: number };
}

/** Runs a verb; gives what it told. */
async function events(folder: string, options: Options = {}, verb = tuneSearch, args: string[] = []): Promise<Event[]> {
  let text = "";
  const sink = {
    write(piece: string) {
      text += piece;
      return true;
    },
  } as NodeJS.WritableStream;
  const out = createOutput(true, { out: sink, err: { write: () => true } as never });
  await verb({ out, cwd: folder, signal: new AbortController().signal }, args, { workers: "0", ...options });
  return text
    .trim()
    .split("\n")
    .map(line => JSON.parse(line) as Event);
}
const result = async (...args: Parameters<typeof events>): Promise<Result> => (await events(...args)).at(-1) as unknown as Result;

async function withStore<T>(folder: string, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore({ root: folder });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}
const valuesOf = (r: Result) => r.trials.map(t => ({ point: t.point, values: (t.outcome as { values: number[] } | null)?.values }));

/** A search in a process of its own: what it told so far, its end, and a wait for the line that a test looks for. */
function startChild(path: string, [folder]: readonly [string]) {
  const running = spawn(process.execPath, [path, folder], { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  const ended = new Promise<number | null>(resolve => running.once("close", resolve));
  const heard = createInterface({ input: running.stdout });
  heard.on("line", line => lines.push(line));
  return {
    lines,
    ended,
    until: (is: (line: string) => boolean) =>
      new Promise<void>((resolve, reject) => {
        heard.on("line", line => is(line) && resolve());
        ended.then(() => reject(new Error(`it ended before; it said: ${lines.join(" | ")}`)));
      }),
    async kill() {
      running.kill("SIGKILL");
      await ended;
    },
  };
}

let child = "";
beforeAll(async () => {
  // what a bundle of the command line looks for above itself
  mkdirSync(join(scratch, "bin"));
  writeFileSync(join(scratch, "package.json"), '{ "name": "loam", "version": "0.0.0" }');
  writeFileSync(join(scratch, "bin", "loam.js"), "");
  const here = fileURLToPath(new URL(".", import.meta.url));
  symlinkSync(join(here, "..", "..", "..", "node_modules"), join(scratch, "node_modules"));
  child = join(scratch, "search.mjs");
  await build({
    stdin: {
      contents: `import { createOutput } from "../output.ts";
        import { tuneSearch } from "./tune-search.ts";
        await tuneSearch({ out: createOutput(true), cwd: process.argv[2]!, signal: new AbortController().signal }, [], { workers: "0" });
        process.exit(0);`,
      resolveDir: here,
      loader: "ts",
    },
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    packages: "external",
    outfile: child,
    logLevel: "error",
  });
});

test("a search of which every trial fails ends with an error that tells the first reason, beside the whole document", async () => {
  const folder = project("lost", "sampler: grid\n    space: { train.rate: [0.01, 0.02] }\n    trials: 2");
  const file = join(folder, "loam.yaml");
  writeFileSync(file, readText(file).replace("heads: 2", "heads: 3"));
  const error = (await result(folder).then(
    () => undefined,
    e => e,
  )) as LoamError;
  expect([error.code, error.exitCode]).toEqual(["tune/noTrial", 1]);
  expect(error.message).toMatch(/2 that failed: .*head/i);
  expect(JSON.parse(JSON.stringify(error))).toMatchObject({
    event: "result",
    winner: null,
    trials: [{ state: "failed" }, { state: "failed" }],
  });
});

test("a trial that is far too wide says what does not fit, how large it is and what to lower, and the search goes on", async () => {
  const folder = project(
    "wide",
    "sampler: grid\n    space: { width: [16, 4194304, 32], train.rate: [0.01] }\n    trials: 3",
    "tokens: 1280",
  );
  const { trials, winner } = await result(folder);
  expect(trials.map(t => [(t.point as { width: number }).width, t.state]).sort()).toEqual([
    [16, "done"],
    [32, "done"],
    [4194304, "failed"],
  ]);
  expect(winner).not.toBeNull();
  expect(trials.find(t => t.state === "failed")!.reason).toMatch(
    /^out of memory, lower width \(4194304; 16 in the file\): parameters: expected at most .*B, got 8\d\d TB \(\S+ \[.*4194304.*\] alone \d+ TB\)/,
  );
});

test("a grid is tried once each, the default first; what cannot be trained is kept with its reason; the winner is judged on the other half", async () => {
  const folder = project("grid", "sampler: grid\n    space: { layers: [2, 1], heads: [2, 3] }\n    trials: 9");
  const first = await result(folder);
  expect(first.trials.map(t => [t.number, t.origin, t.state])).toEqual([
    [0, "default", "done"],
    [1, "sampler", "done"],
    [2, "sampler", "failed"],
    [3, "sampler", "failed"],
  ]);
  expect(first.trials[0]!.point).toEqual({ layers: 1, heads: 2 });
  expect(first.trials.filter(t => t.state === "failed").every(t => (t.point as { heads: number }).heads === 3)).toBe(true);
  expect(first.trials[2]!.reason).toMatch(/head/i);
  expect(first.trials[1]!.reports.map(r => r.step)).toEqual(Array.from({ length: 16 }, (_, i) => i + 1));
  expect(first.verdict!.comparisons).toHaveLength(1);
  expect(first.verdict!.looks).toBe(1);

  await withStore(folder, async store => {
    const { model, judgement } = (first.trials[1]!.outcome as { artifacts: Record<string, string> }).artifacts as Record<
      "model" | "judgement",
      string
    >;
    const chosenBy = new Set((await readJudgement(await openArtifact(store, judgement))).ids);
    const found = await traceArtifact(store, first.verdict!.artifact, { first: 0 });
    const judged = await Promise.all(
      found.nodes.filter(n => n.stage === "judge").map(async n => readJudgement(await openArtifact(store, n.id))),
    );
    expect(judged.length).toBeGreaterThan(0);
    for (const j of judged) {
      expect(j.half).toBe("test");
      expect(j.ids.filter(id => chosenBy.has(id))).toEqual([]);
    }
    // what trained saw nothing of the test half either
    const life = await traceArtifact(store, model, { first: 0 });
    const shards = life.nodes.find(n => n.stage === "search-shards")!;
    const heldOut = (await (await openArtifact(store, shards.id)).read("held-out.ids")).toString().split("\n");
    expect(new Set(heldOut)).toEqual(chosenBy);
    expect((await listRuns(store)).filter(r => r.stage === "train" && r.state === "done")).toHaveLength(2);
  });

  const again = await result(folder);
  expect(again.trials).toEqual(first.trials);
  expect(again.verdict).toEqual(first.verdict);
  // another study finds the model made, and what it told on its way
  writeFileSync(join(folder, "loam.yaml"), readText(join(folder, "loam.yaml")).replace("trials: 9", "trials: 1\n    seed: 2"));
  const other = await result(folder);
  expect(other.study).not.toBe(first.study);
  expect(other.trials.map(t => [t.outcome, t.reports])).toEqual([[first.trials[0]!.outcome, first.trials[0]!.reports]]);
  expect((await result(folder, {}, tuneShow)).study).toBe(other.study);
  expect((await events(folder, {}, tuneShow, [first.study])).at(-1)).toMatchObject({ best: [first.winner] });
  expect((await events(folder, {}, tuneShow, [first.study])).at(-1)).toMatchObject({ verdict: { documents: first.verdict!.documents } });
});

test("the winner's values are written into the file, comments kept; a search over data is judged on the same documents", async () => {
  const folder = project(
    "write",
    `sampler: grid
    space: { train.rate: [1e-5, 0.02], data.texts.steps: [[clean], [clean, { length: { minWords: 3 } }]] }
    trials: 4`,
    "tokens: 3200",
  );
  const { trials, winner, verdict } = await result(folder, { write: true });
  expect(trials.map(t => t.state)).toEqual(["done", "done", "done", "done"]);
  // 0.01 is not among the rates: the default is tried all the same, outside of the grid
  expect(trials[0]!.origin).toBe("default");
  expect((trials[winner!]!.point as Record<string, unknown>)["train.rate"]).not.toBe(1e-5);
  const text = readText(join(folder, "loam.yaml"));
  expect(text).toContain("# to be tuned");
  if (winner !== 0) expect(text).toContain("rate: 0.02");
  expect(verdict!.documents).toBeGreaterThan(3);
});

deepTest("killed in the middle of a trial, a search goes on inside it and comes to the very same values", async () => {
  const search = "space: { train.rate: { from: 0.001, to: 0.1, log: true } }\n    trials: 3";
  const train = "tokens: 60k, checkpointSeconds: 0.02";
  const whole = await result(project("whole", search, train));
  const folder = project("killed", search, train);
  await result(folder, { trials: "1" });
  const running = startChild(child, [folder]);
  // lines come by time: a busy machine may tell of no later step before the end
  await running.until(line => {
    const { event, label, values } = JSON.parse(line) as Event;
    return event === "progress" && label === "trial 1" && (values?.step ?? 0) > 60;
  });
  await running.kill();
  const told = await events(folder);
  const steps = told.filter(e => e.event === "progress" && e.label === "trial 1").flatMap(e => e.values?.step ?? []);
  expect(steps[0]).toBeGreaterThan(20);
  const after = told.at(-1) as unknown as Result;
  expect(valuesOf(after)).toEqual(valuesOf(whole));
  expect(after.trials.map(t => t.reports)).toEqual(whole.trials.map(t => t.reports));
});

test("a tuned classifier is searched over its method, rank and rate; the test set judges", async () => {
  const folder = join(scratch, "moods");
  const r = random("moods");
  const tell = { glad: ["sun", "cake", "dance", "smile"], low: ["rain", "grey", "alone", "cold"] };
  const rows = Array.from({ length: 160 }, (_, i) => {
    const mood = i % 2 ? "glad" : "low";
    return `"note ${i} ${Array.from({ length: 6 }, () => [...tell[mood], "the", "day", "house", "walk"][r.below(8)]).join(" ")}",${mood}`;
  });
  mkdirSync(join(folder, "notes"), { recursive: true });
  writeFileSync(join(folder, "notes", "notes.csv"), `text,mood\n${rows.join("\n")}\n`);
  const file = (rank: string) => `data:
  notes: { source: { folder: notes, reader: csv }, steps: [clean], split: { heldOut: 0.2 } }
device: { threads: 1 }
tokenizer: { vocab: 300, from: notes }
models:
  toy: { layers: 1, width: 16, heads: 2, context: 64, train: { on: notes, tokens: 4000, rows: 8, rate: 0.02 } }
  mood:
    base: toy
    tune: { task: classify, on: notes, label: mood, length: 32, epochs: 2, pooling: mean, validation: 0.2 }
searches:
  rank:
    model: mood
    space:
      tune.method: [lora, full]
      tune.method.lora.rank: { options: ${rank}, when: { tune.method: [lora] } }
      tune.rate: [0.001, 0.02]
    objectives: [errors, seconds]
    sampler: grid
    pruner: none
    trials: 9
`;
  writeFileSync(join(folder, "loam.yaml"), file("[2, 0]"));
  await expect(result(folder)).rejects.toThrow(/searches\.rank\.space\.tune\.method\.lora\.rank/);
  writeFileSync(join(folder, "loam.yaml"), file("[2, 4]"));
  const { trials, winner, verdict } = await result(folder);
  // the default (full, its own rate) lies outside of the grid of 2 x 2 + 2
  expect(trials.map(t => t.state)).toEqual(Array.from({ length: 7 }, () => "done"));
  expect(trials[0]).toMatchObject({ origin: "default" });
  const errors = trials.map(t => (t.outcome as { values: number[] }).values[0]!);
  expect(errors[winner!]).toBe(Math.min(...errors));
  expect(trials[winner!]!.reports.length).toBeGreaterThan(0);
  expect(verdict!.documents).toBeGreaterThan(20);
  expect(verdict!.winner.value).toBeLessThan(0.5);
});

test("two processes share a study: every trial is made by one of them", async () => {
  const folder = project(
    "shared",
    "sampler: halton\n    space: { train.rate: { from: 0.001, to: 0.1, log: true } }\n    trials: 6",
    "tokens: 12800",
  );
  await result(folder, { trials: "1" });
  const both = [startChild(child, [folder]), startChild(child, [folder])];
  expect(await Promise.all(both.map(c => c.ended))).toEqual([0, 0]);
  const results = both.map(c => JSON.parse(c.lines.at(-1)!) as Result);
  expect(results[0]!.trials.map(t => [t.number, t.state])).toEqual([0, 1, 2, 3, 4, 5].map(n => [n, "done"]));
  expect(results[1]!.verdict).toEqual(results[0]!.verdict);
  const byWhom = both.map(c => c.lines.filter(l => l.startsWith('{"event":"trial"')).map(l => (JSON.parse(l) as { trial: number }).trial));
  expect(byWhom.flat().sort()).toEqual([1, 2, 3, 4, 5]);
  expect(byWhom.every(list => list.length > 0)).toBe(true);
  await withStore(folder, async store => expect((await listRuns(store)).filter(r => r.stage === "train")).toHaveLength(6));
});
