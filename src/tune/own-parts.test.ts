import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type ArtifactReader, openStore, runStage } from "../store/index.ts";
import { pairsStage, readPairs } from "./contrast/pairs-stage.ts";
import { partedDocuments } from "./instruct/document-parts.ts";
import { examplesFile, examplesStage, placedExamples } from "./instruct/examples-stage.ts";
import { dividedByOwn, nearDuplicateGroups, type OwnParts } from "./own-parts.ts";

const root = mkdtempSync(join(tmpdir(), "loam-own-parts-"));
const store = await openStore({ root });
afterAll(async () => {
  await store.close();
  rmSync(root, { recursive: true, force: true });
});
const write = (name: string, records: readonly object[]) =>
  writeFileSync(join(root, name), records.map(r => `${JSON.stringify(r)}\n`).join(""));
const given = { progress: () => {}, signal: new AbortController().signal };

const record = (split: unknown, group: string, isMade = false) => ({ group, isMade, attributes: { split } });
const divided = (records: readonly ReturnType<typeof record>[], parts: Partial<OwnParts>) =>
  dividedByOwn(records, { allowCrossing: false, ...parts }, { place: "f", code: "example" });
const [dev, tests] = [{ split: ["dev"] }, { split: ["test"] }];

test("records of the validation and the test part train nothing, and neither does what was made of them", () => {
  const records = [record("train", "a"), record("dev", "b"), record("dev", "b", true), record("test", "c"), record(undefined, "d")];
  const parts = divided(records, { validation: dev, heldOut: tests });
  expect(parts.train).toEqual([records[0], records[4]]);
  expect(parts.validation).toEqual([records[1]]);
  expect(parts.heldOut).toEqual([records[3]]);
});

test("near-duplicates across any two parts are refused by the part's name, and pass where they may", () => {
  const across = (a: string, b: string) => [
    record("train", "x"),
    record("dev", "y"),
    record("test", "z"),
    record(a, "same"),
    record(b, "same"),
  ];
  const both = { validation: dev, heldOut: tests };
  expect(() => divided(across("train", "dev"), both)).toThrow(
    "f: validation: expected near-duplicates in one part, got 1 validation records with one that trains",
  );
  expect(() => divided(across("train", "test"), both)).toThrow(
    "f: heldOut: expected near-duplicates in one part, got 1 held-out records with one that trains",
  );
  expect(() => divided(across("dev", "test"), both)).toThrow("got 1 held-out records with one that selects");
  expect(divided(across("train", "dev"), { ...both, allowCrossing: true }).train).toHaveLength(2);
});

test("parts that overlap, or leave nothing to train on, are refused", () => {
  const records = [record("train", "a"), record("dev", "b"), record("test", "c")];
  expect(() => divided(records, { validation: { split: ["dev", "test"] }, heldOut: tests })).toThrow(
    "f: heldOut: expected records of one part, got 1 of validation too",
  );
  expect(() => divided(records, { validation: { split: ["dev", "train"] }, heldOut: tests })).toThrow(
    "expected records to train on beside both parts, got none of 3",
  );
  expect(() => divided(records, { validation: { split: ["devel"] } })).toThrow(
    'its values are "dev" (1), "test" (1), "train" (1). Did you mean "dev"?',
  );
});

test("near-duplicates of a file are those that the split of a data set finds, short texts too", async () => {
  const texts = [
    "on Monday morning the parcel never came to my green front door",
    "one two three",
    "on Monday morning the parcel never came to our green front door",
    "quite another text of its own",
  ];
  const [a, b, c, d] = await nearDuplicateGroups(texts);
  expect(c).toBe(a);
  expect(new Set([a, b, d]).size).toBe(3);
  expect(await nearDuplicateGroups(["alone"])).toHaveLength(1);
  expect(await nearDuplicateGroups([])).toEqual([]);
});

const words =
  "amber birch cedar dune ember fjord grove heath islet jetty knoll lagoon marsh north ocean pier quarry ridge shore tundra".split(" ");
/** Twenty records of different words: two in five select or judge. */
const splits = ["train", "train", "dev", "train", "test"];
const rows = words.map((w, i) => ({
  prompt: `${w}${i} of ${words[(i * 7 + 3) % 20]}${i}?`,
  completion: `${w}s ${words[(i * 3 + 1) % 20]}`,
  split: splits[i % 5],
}));

test("examples of a file: the user's own parts, told and kept apart; a near-duplicate of one among what trains is refused", async () => {
  write("rows.jsonl", rows);
  const made = async (options: object, file = "rows.jsonl") =>
    (
      await runStage(store, examplesStage({ folder: root }), {
        inputs: {},
        options: { file: await examplesFile(root, file), ...options },
        ...given,
      })
    ).artifact;
  const own = { validation: { split: "dev" }, heldOut: { split: "test" } };
  const artifact = await made(own);
  expect(artifact.summary).toMatchObject({ train: 12, validation: 4, heldOut: 4 });
  const linesOf = async (side: "train" | "validation" | "held-out") =>
    (await placedExamples(artifact, side)).map(e => Number(e.place.split(":")[1]) - 1);
  for (const [side, split] of [
    ["train", "train"],
    ["validation", "dev"],
    ["held-out", "test"],
  ] as const)
    expect(await linesOf(side)).toEqual(rows.flatMap((r, i) => (r.split === split ? [i] : [])));
  // a share selects beside a test part of one's own
  const shared = await made({ heldOut: { split: "test" }, validation: 0.25 });
  expect(shared.summary.heldOut).toBe(4);
  expect(Number(shared.summary.train) + Number(shared.summary.validation)).toBe(16);
  write("near.jsonl", [...rows, { ...rows[2], split: "train" }]);
  await expect(made(own, "near.jsonl")).rejects.toThrow(
    "near.jsonl: validation: expected near-duplicates in one part, got 1 validation records with one that trains",
  );
  expect((await made({ ...own, allowCrossing: true }, "near.jsonl")).summary).toMatchObject({ train: 13, validation: 4 });
  await expect(made({ validation: { part: "dev" } })).rejects.toThrow(
    /rows\.jsonl: validation: expected documents with the attribute "part", got none of 20; they have completion, prompt, split/,
  );
});

test("pairs of an encoder: an anchor of the user's own part trains nowhere, and one that is said in two parts is refused", async () => {
  const pairs = rows.map(({ prompt, completion, split }) => ({ anchor: prompt, positive: completion, split }));
  write("pairs.jsonl", pairs);
  const made = async (options: object, file = "pairs.jsonl") =>
    (
      await runStage(store, pairsStage({ folder: root }), {
        inputs: {},
        options: { file: await examplesFile(root, file), ...options },
        ...given,
      })
    ).artifact;
  const own = { validation: { split: ["dev"] }, heldOut: { split: "test" } };
  const artifact = await made(own);
  const read = await readPairs(artifact);
  const of = (split: string) => pairs.flatMap(p => (p.split === split ? [p.anchor] : []));
  expect(read.train.map(r => r.anchor)).toEqual(of("train"));
  expect(read.validation.map(r => r.anchor)).toEqual(of("dev"));
  expect(artifact.summary).toMatchObject({ train: 12, validation: 4, heldOut: 4 });
  write("twice.jsonl", [...pairs, { ...pairs[2], positive: "another text", split: "train" }]);
  await expect(made(own, "twice.jsonl")).rejects.toThrow("got 1 validation records with one that trains");
  expect((await made({ ...own, allowCrossing: true }, "twice.jsonl")).summary).toMatchObject({ train: 13 });
});

test("documents of a data set: near-duplicates across the user's own split are refused, of what is held out and of what selects, as for classifiers", async () => {
  const train = [
    { id: "a", attributes: { split: "train" } },
    { id: "b", attributes: { split: "dev", cluster: "b" } },
    { id: "c", attributes: { split: "dev" } },
    { id: "made", attributes: { split: "dev", augmentedFrom: "c" } },
  ];
  const documents = (more: readonly object[], summary: ArtifactReader["summary"] = {}): ArtifactReader => ({
    id: "documents-1",
    kind: "documents",
    digest: "0",
    summary,
    files: [],
    read: () => Promise.reject(new Error("not read whole")),
    localPath: () => Promise.reject(new Error("no path")),
    async *stream() {
      for (const d of [...train, ...more]) yield Buffer.from(`${JSON.stringify({ source: "s", text: "words", ...d })}\n`);
    },
  });
  const parts = (of: ArtifactReader, allowCrossing: boolean) =>
    partedDocuments(of, { name: "notes", validation: { split: ["dev"] }, seed: 1, allowCrossing });
  const named = async (of: ArtifactReader, allowCrossing: boolean) =>
    (await parts(of, allowCrossing)).map(({ document, selects }) => `${document.id} ${selects ? "selects" : "trains"}`);
  expect(await named(documents([]), false)).toEqual(["a trains", "b selects", "c selects"]);
  const near = documents([{ id: "d", attributes: { split: "train", cluster: "b" } }]);
  await expect(parts(near, false)).rejects.toThrow("notes: validation: expected near-duplicates in one part, got 1 validation records");
  expect(await named(near, true)).toEqual(["a trains", "b selects", "c selects", "d trains"]);
  await expect(parts(documents([], { crossing: 3 }), false)).rejects.toThrow("got 3 documents with one on the other side");
  expect(await named(documents([], { crossing: 3 }), true)).toHaveLength(3);
});
