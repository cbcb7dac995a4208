/** Which documents a data set's name means once nothing that is made is up to date: never what a search made for a trial. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { findDataSet, referenceIdentity } from "../../project/data/index.ts";
import { findProject } from "../../project/index.ts";
import { consoleSource } from "../../project/serving/index.ts";
import { listArtifacts, openStore, type Store } from "../../store/index.ts";
import { createOutput } from "../output.ts";
import type { Options, VerbRun } from "../verb.ts";
import { dataRun } from "../verbs/data-run.ts";
import { tuneSearch } from "../verbs/tune-search.ts";

const scratch = mkdtempSync(join(tmpdir(), "loam-newest-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function run(folder: string, verb: VerbRun, args: string[] = [], options: Options = {}): Promise<void> {
  const sink = { write: () => true } as unknown as NodeJS.WritableStream;
  await verb({ out: createOutput(true, { out: sink, err: sink }), cwd: folder, signal: new AbortController().signal }, args, options);
}
async function withStore<T>(folder: string, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore({ root: folder });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}
const file = (folder: string): string => join(folder, "loam.yaml");
const edit = (folder: string, from: string, to: string): void => {
  const before = readFileSync(file(folder), "utf8");
  expect(before).toContain(from);
  writeFileSync(file(folder), before.replace(from, to));
};
const found = (folder: string) =>
  withStore(folder, async store => {
    const set = (await findDataSet(findProject(folder), store, "notes"))!;
    const shown = (await consoleSource(null, store).dataSets()).map(d => [d.name, d.artifact]);
    return { id: set.artifact.id, isStale: set.isStale, shown, identity: await referenceIdentity(store, "3-gram:notes") };
  });

/** Notes with their mood, and a search over how long a note must be. */
async function searched(name: string): Promise<{ readonly folder: string; readonly own: string }> {
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
  writeFileSync(
    file(folder),
    `data:
  notes: { source: { folder: notes, reader: csv }, steps: [clean, { length: { minWords: 1 } }], split: { heldOut: 0.25 } }
device: { threads: 1 }
tokenizer: { vocab: 300, from: notes }
models:
  toy: { layers: 1, width: 16, heads: 2, context: 96, train: { on: notes, tokens: 2000, rows: 8, rate: 0.02 } }
  moods: { base: toy, tune: { task: classify, on: notes, label: mood, pooling: mean, rate: 0.01, length: 48, epochs: 1, validation: 0.2 } }
searches:
  filters: { model: moods, sampler: grid, pruner: none, trials: 2, space: { data.notes.steps.length.minWords: [1, 5] } }
`,
  );
  await run(folder, dataRun, ["notes"]);
  const { id: own } = await found(folder);
  await run(folder, tuneSearch, [], { workers: "0", trials: "2" });
  // a trial's documents bear the name and are newer
  const [newest] = await withStore(folder, store => listArtifacts(store, { kind: "documents" }));
  expect(newest!.id).not.toBe(own);
  return { folder, own };
}

test("a stale data set is the one that loam.yaml stood for last, not a trial's, whether that was noted or not", async () => {
  const { folder, own } = await searched("stale");
  const fresh = await found(folder);
  expect(fresh).toMatchObject({ id: own, isStale: false });
  edit(folder, "steps: [clean, { length: { minWords: 1 } }]", "steps: [clean, { length: { minWords: 2 } }]");
  const stale = await found(folder);
  expect(stale).toEqual({ id: own, isStale: true, shown: [["notes", own]], identity: fresh.identity });
  // the note is lost, then damaged
  for (const text of [undefined, "{"]) {
    const note = join(folder, ".loam", "data-sets.json");
    if (text === undefined) rmSync(note);
    else writeFileSync(note, text);
    expect(await found(folder)).toEqual(stale);
  }
});

test("what a trial made is the data set once loam.yaml has taken it over", async () => {
  const { folder, own } = await searched("taken");
  edit(folder, "minWords: 1 } }], split", "minWords: 5 } }], split");
  await run(folder, dataRun, ["notes"]);
  const taken = await found(folder);
  expect(taken).toMatchObject({ isStale: false });
  expect(taken.id).not.toBe(own);
  edit(folder, "minWords: 5 } }], split", "minWords: 3 } }], split");
  expect(await found(folder)).toEqual({ ...taken, isStale: true });
});
