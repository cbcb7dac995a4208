/** `loam gc --apply` on records of real searches, tunings and evaluations: what somebody goes on with stays, and what nobody does goes. */
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type LoamError, random } from "../../base/index.ts";
import { findDataSet } from "../../project/data/index.ts";
import { findProject } from "../../project/index.ts";
import { poolReader } from "../../project/labelling/index.ts";
import type { StudyVerdict } from "../../project/searching/index.ts";
import { measuredOf } from "../../registry/index.ts";
import {
  artifactsFrom,
  listArtifacts,
  listRuns,
  openArtifact,
  openStore,
  resolveVersion,
  type Store,
  type StoredTrial,
} from "../../store/index.ts";
import { type Job, JobFolder, type JobRecord } from "../../tune/index.ts";
import { createOutput } from "../output.ts";
import type { Options, VerbRun } from "../verb.ts";
import { evalVerb } from "./eval.ts";
import { gc } from "./gc.ts";
import { tune } from "./run.ts";
import { tuneSearch } from "./tune-search.ts";
import { tuneShow } from "./tune-studies.ts";

const scratch = mkdtempSync(join(tmpdir(), "loam-gc-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Runs a verb; gives its last line of JSON. */
async function told<T>(folder: string, verb: VerbRun, args: string[] = [], options: Options = {}): Promise<T> {
  const json: string[] = [];
  const sink = (list: string[]) => ({ write: (piece: string) => list.push(piece) > 0 }) as unknown as NodeJS.WritableStream;
  const out = createOutput(true, { out: sink(json), err: sink([]) });
  await verb({ out, cwd: folder, signal: new AbortController().signal }, args, options);
  return JSON.parse(json.join("").trim().split("\n").at(-1)!) as T;
}
async function withStore<T>(folder: string, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore({ root: folder });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}
interface Result {
  readonly study: string;
  readonly trials: readonly StoredTrial[];
  readonly winner: number | null;
  readonly verdict: StudyVerdict | null;
}
const search = (folder: string, trials: number) => told<Result>(folder, tuneSearch, [], { workers: "0", trials: String(trials) });
const collect = (folder: string) => told(folder, gc, [], { apply: true });
const modelOf = (t: StoredTrial): string => (t.outcome as unknown as { artifacts: { model: string } }).artifacts.model;
/** Are all files of an artifact there? */
const isWhole = async (store: Store, id: string): Promise<boolean> => {
  const { files } = await openArtifact(store, id);
  return (await Promise.all(files.map(async f => (await store.blobs.size(f.digest)) === f.sizeBytes))).every(Boolean);
};

/** Notes that say their mood, a small model of their words, a classifier of them, and one that answers questions of a file. */
function notes(name: string, search = ""): string {
  const folder = join(scratch, name);
  const r = random(name);
  const tell = { glad: ["sun", "joy", "song", "gift"], low: ["rain", "loss", "ache", "fog"] };
  const lines = Array.from({ length: 160 }, (_, i) => {
    const mood = i % 2 ? "glad" : "low";
    const words = Array.from({ length: i % 4 < 2 ? 2 : 6 }, () => [...tell[mood], "the", "day", "house"][r.below(7)]);
    return `"note ${i} ${words.join(" ")}",${mood}`;
  });
  mkdirSync(join(folder, "notes"), { recursive: true });
  writeFileSync(join(folder, "notes", "notes.csv"), `text,mood\n${lines.join("\n")}\n`);
  const said = Array.from({ length: 60 }, (_, i) => ({ prompt: `what of note ${i}?`, completion: `it is ${i % 2 ? "glad" : "low"} ${i}` }));
  writeFileSync(join(folder, "said.jsonl"), said.map(s => `${JSON.stringify(s)}\n`).join(""));
  writeFileSync(
    join(folder, "loam.yaml"),
    `data:
  notes: { source: { folder: notes, reader: csv }, steps: [clean, { length: { minWords: 1 } }], split: { heldOut: 0.25, near: { shortWords: 0 } } }
device: { threads: 1 }
tokenizer: { vocab: 300, from: notes }
models:
  toy: { layers: 1, width: 16, heads: 2, context: 96, train: { on: notes, tokens: 4000, rows: 8, rate: 0.02 } }
  moods: { base: toy, tune: { task: classify, on: notes, label: mood, pooling: mean, rate: 0.01, length: 48, epochs: 1, validation: 0.2 } }
  said: { base: toy, tune: { task: instruct, on: ./said.jsonl, length: 96, epochs: 1, validation: 0.4 } }
${search}`,
  );
  return folder;
}
const edit = (folder: string, from: string, to: string): void => {
  const file = join(folder, "loam.yaml");
  const before = readFileSync(file, "utf8");
  expect(before).toContain(from);
  writeFileSync(file, before.replace(from, to));
};
const started = (store: Store, stage: string) => listRuns(store, { limit: 1000 }).then(runs => runs.filter(r => r.stage === stage).length);

const filters = `searches:
  filters: { model: moods, sampler: grid, pruner: none, trials: 6, space: { data.notes.steps.length.minWords: [1, 5], tune.rate: [0.01, 0.02, 0.03] } }
`;

test("a study whose data vary goes on after gc as if nothing had been: nothing is curated or judged anew, and its verdict comes", async () => {
  const folder = notes("filters", filters);
  const before = await search(folder, 5);
  expect(before.trials.map(t => t.state)).toEqual(Array(5).fill("done"));
  const curated = await withStore(folder, s => started(s, "data"));
  await collect(folder);
  const shown = await told<{ verdict: StudyVerdict | null }>(folder, tuneShow, [before.study]);
  expect(shown.verdict).toEqual(before.verdict);
  // what the verdict was about is there, other trials' models are nobody's
  const known = new Set([before.verdict!.winner.model, modelOf(before.trials[0]!)]);
  await withStore(folder, async store => {
    for (const id of known) expect(await isWhole(store, id)).toBe(true);
    // winner, runner-up and default; trials of the same settings share a model
    const models = [...new Set(before.trials.map(modelOf))];
    expect(models.length).toBeGreaterThan(3);
    const whole = await Promise.all(models.map(id => isWhole(store, id)));
    expect(whole.filter(Boolean).length).toBeLessThanOrEqual(3);
  });
  const after = await search(folder, 6);
  expect(after.study).toBe(before.study);
  expect(after.trials.map(t => t.state)).toEqual(Array(6).fill("done"));
  expect(after.verdict!.documents).toBe(before.verdict!.documents);
  expect(await withStore(folder, s => started(s, "data"))).toBe(curated);
  // it is over: what its trials shared goes, what the verdict is about stays
  await collect(folder);
  expect((await told<{ verdict: StudyVerdict }>(folder, tuneShow, [])).verdict).toEqual(after.verdict);
  expect((await search(folder, 6)).verdict!.winner).toEqual(after.verdict!.winner);
});

test("a study of a file's examples keeps the half that judges it, and one that the file no longer stands for its verdict alone", async () => {
  const folder = notes(
    "said",
    "searches:\n  rates: { model: said, sampler: grid, pruner: none, trials: 3, space: { tune.rate: [0.01, 0.02, 0.03] } }\n",
  );
  const before = await search(folder, 1);
  await collect(folder);
  const after = await search(folder, 3);
  expect(after.study).toBe(before.study);
  expect(after.trials.map(t => [t.state, t.reason])).toEqual(Array(3).fill(["done", null]));
  edit(folder, "epochs: 1, validation: 0.4", "epochs: 2, validation: 0.4");
  await collect(folder);
  expect((await told<{ verdict: StudyVerdict }>(folder, tuneShow, [])).verdict).toEqual(after.verdict);
  await withStore(folder, async store => {
    for (const t of after.trials) expect(await isWhole(store, modelOf(t))).toBe(false);
  });
});

test("a study that the file described no more when gc ran is read without its files, and goes on when it is described again: what its verdict is about is made anew", async () => {
  const folder = notes("back", filters);
  const before = await search(folder, 3);
  edit(folder, "rate: 0.01, length: 48", "rate: 0.01, length: 40");
  await collect(folder);
  await withStore(folder, async store => {
    for (const t of before.trials) expect(await isWhole(store, modelOf(t))).toBe(false);
  });
  const shown = await told<{ trials: readonly StoredTrial[]; verdict: StudyVerdict | null }>(folder, tuneShow, [before.study]);
  expect(shown.trials).toEqual(before.trials);
  expect(shown.verdict).toEqual(before.verdict);
  edit(folder, "rate: 0.01, length: 40", "rate: 0.01, length: 48");
  const again = await search(folder, 3);
  expect([again.study, again.trials]).toEqual([before.study, before.trials]);
  expect(again.verdict).toEqual(before.verdict);
  // and further, from the trials that it has
  await collect(folder);
  const after = await search(folder, 4);
  expect(after.trials.map(t => t.state)).toEqual(Array(4).fill("done"));
  expect(after.verdict!.documents).toBe(before.verdict!.documents);
});

/** Begins a search of so many trials, and stops it when some of them are over. */
async function stoppedAfter(folder: string, trials: number, of: number): Promise<void> {
  const stop = new AbortController();
  let ended = 0;
  const write = (piece: string) => {
    if (piece.includes('"event":"trial"') && ++ended === trials) stop.abort(new Error("stopped"));
    return true;
  };
  const streams = { out: { write } as unknown as NodeJS.WritableStream, err: { write: () => true } as unknown as NodeJS.WritableStream };
  const context = { out: createOutput(true, streams), cwd: folder, signal: stop.signal };
  await expect(tuneSearch(context, [], { workers: "0", trials: String(of) })).rejects.toThrow("stopped");
}

test("a study that was stopped before its verdict, and not described when gc ran, has the models made anew that its verdict is about", async () => {
  const folder = notes("stopped", filters);
  const whole = join(scratch, "whole");
  cpSync(folder, whole, { recursive: true });
  await stoppedAfter(folder, 3, 6);
  edit(folder, "rate: 0.01, length: 48", "rate: 0.01, length: 40");
  await collect(folder);
  edit(folder, "rate: 0.01, length: 40", "rate: 0.01, length: 48");
  // read as it is, and gone on with to the same end as one that nothing was removed of
  const shown = await told<{ trials: readonly StoredTrial[] }>(folder, tuneShow, []);
  expect(shown.trials.map(t => t.state)).toEqual(["done", "done", "done"]);
  const after = await search(folder, 3);
  expect(after.trials).toEqual(shown.trials);
  const { artifact: _, winner, ...figures } = (await search(whole, 3)).verdict!;
  expect(after.verdict).toMatchObject({ ...figures, winner: { ...winner, model: expect.any(String) } });
  // the very weights
  await withStore(folder, async store => {
    const weights = async (id: string) => (await openArtifact(store, id)).files.find(f => f.name.endsWith(".safetensors"))!.digest;
    expect(await Promise.all(after.trials.map(t => weights(modelOf(t))))).toContain(await weights(after.verdict!.winner.model));
  });
});

test("where a trial's model is gone and so is the data that it was made of, the search names the trial, what is missing and what to do; with the data back it goes on", async () => {
  const space = "{ data.notes.source.folder: [notes, more], tune.rate: [0.01, 0.02] }";
  const folder = notes("lost", `searches:\n  sources: { model: moods, sampler: grid, pruner: none, trials: 4, space: ${space} }\n`);
  const [more, away] = [join(folder, "more"), join(folder, "away")];
  cpSync(join(folder, "notes"), more, { recursive: true });
  appendFileSync(join(more, "notes.csv"), "a note of more than the others: sun and song,glad\n");
  // three trials: each is the winner, the runner-up or the configuration as it is, and one at least is of `more`
  await stoppedAfter(folder, 3, 4);
  edit(folder, "rate: 0.01, length: 48", "rate: 0.01, length: 40");
  await collect(folder);
  edit(folder, "rate: 0.01, length: 40", "rate: 0.01, length: 48");
  renameSync(more, away);
  const refused = await search(folder, 3).then(
    () => undefined,
    error => error as LoamError,
  );
  expect(refused).toMatchObject({ code: "store/blobMissing" });
  expect(refused!.message).toMatch(/It is the model of trial \d, and it cannot be rebuilt: source\.folder: expected a folder, got "more"/);
  expect(refused!.message).toContain("`loam tune show` tells what the study found");
  renameSync(away, more);
  expect((await search(folder, 3)).verdict).not.toBeNull();
});

test("what was measured of a version stays with it, and goes with it; one that is served or that a job is made from stays though a newer one is there", async () => {
  const folder = notes("measured");
  writeFileSync(
    join(folder, "ask.yaml"),
    "task: ask\ndata: { test: ask.jsonl }\nprompt: q\noutput: multiple_choice\nchoices: [glad, low]\ntarget: right\n",
  );
  writeFileSync(
    join(folder, "ask.jsonl"),
    Array.from({ length: 20 }, (_, i) => `${JSON.stringify({ q: `note ${i} sun joy`, right: i % 2 })}\n`).join(""),
  );
  await told(folder, tune, ["moods"]);
  await told(folder, tune, ["said"]);
  await told(folder, evalVerb, ["ask.yaml"], { model: "said", undecided: "point", items: "3", variants: "upper" });
  const measured = () =>
    withStore(folder, async store => {
      const of = async (name: string) => measuredOf(store, await resolveVersion(store.records.read, name, "1"));
      return { moods: (await of("moods")).tasks.map(t => t.head.task), said: (await of("said")).tasks.map(t => t.head.task) };
    });
  expect(await measured()).toEqual({ moods: ["test"], said: ["ask"] });
  // the file moves on: no life of it reuses these any more
  edit(folder, "tokens: 4000", "tokens: 4800");
  await collect(folder);
  expect(await measured()).toEqual({ moods: ["test"], said: ["ask"] });
  await withStore(folder, async store => {
    const { digest } = await resolveVersion(store.records.read, "said", "1");
    expect((await artifactsFrom(store.records.read, digest, "model", ["task-result"])).map(a => a.options)).toHaveLength(2);
  });
  await told(folder, tune, ["moods"]);
  await told(folder, tune, ["said"]);
  edit(folder, "models:\n", "serve: { models: { moods: { split: { '1': 9, '2': 1 } } } }\nmodels:\n");
  const job = (status: Job["status"]) => {
    const id = `ftjob-${"0".repeat(24)}`;
    const record = { job: { id, status, created_at: 1 }, base: "said@1" } as unknown as JobRecord;
    new JobFolder(join(folder, ".loam", "fine-tuning")).save(record);
  };
  const first = () =>
    withStore(folder, async store => {
      const of = async (name: string) => isWhole(store, (await resolveVersion(store.records.read, name, "1")).artifact);
      return [await of("moods"), await of("said")];
    });
  mkdirSync(join(folder, ".loam", "fine-tuning", `ftjob-${"0".repeat(24)}`), { recursive: true });
  job("paused");
  await collect(folder);
  expect(await first()).toEqual([true, true]);
  expect(await measured()).toEqual({ moods: ["test"], said: ["ask"] });
  job("succeeded");
  await collect(folder);
  expect(await first()).toEqual([true, false]);
  expect(await measured()).toEqual({ moods: ["test"], said: [] });
});

test("texts that people label stay though the source has grown since, and all that was made of a source that cannot be read", async () => {
  const folder = notes("labels", "labels: { moods: { on: notes, classes: [glad, low] } }\n");
  await told(folder, tune, ["moods"]);
  const file = join(folder, "notes", "notes.csv");
  writeFileSync(file, `${readFileSync(file, "utf8")}"a new note",glad\n`);
  await collect(folder);
  await withStore(folder, async store => {
    const project = findProject(folder);
    const { texts } = await poolReader(project, store)("notes");
    expect(texts.size).toBeGreaterThan(100);
    expect((await findDataSet(project, store, "notes"))!.isStale).toBe(true);
  });
  await told(folder, tune, ["moods"]);
  const kept = await withStore(folder, s => listArtifacts(s));
  await collect(folder);
  const left = await withStore(folder, async s => (await listArtifacts(s)).filter(a => a.releasedMs === null).map(a => a.id));
  expect(left.length).toBeLessThan(kept.length);
  renameSync(join(folder, "notes"), join(folder, "away"));
  await collect(folder);
  const still = await withStore(folder, async s => (await listArtifacts(s)).filter(a => a.releasedMs === null).map(a => a.id));
  // but the list of files, which is made anew in a moment
  expect(left.filter(id => !still.includes(id) && !id.startsWith("source-"))).toEqual([]);
});
