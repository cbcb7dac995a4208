import { expect, test } from "vitest";
import { check, sha256, silent } from "../base/index.ts";
import type { ArtifactReader } from "../store/index.ts";
import { blendStage } from "./blend.ts";
import { type Document, documentLine } from "./document.ts";
import { type MixtureInfo, readTimes } from "./mixture/index.ts";

const artifact = (files: ReadonlyMap<string, Buffer>, summary: ArtifactReader["summary"]): ArtifactReader => ({
  id: "documents-1",
  kind: "documents",
  digest: "",
  summary,
  files: [...files].map(([name, b]) => ({ name, digest: sha256(b), sizeBytes: b.length })),
  read: async name => files.get(name)!,
  async *stream(name) {
    yield files.get(name)!;
  },
  localPath: async name => name,
});

const documents = Array.from(
  { length: 40 },
  (_, i): Document => ({
    id: `t:${String(i).padStart(2, "0")}${i % 3 === 0 ? " odd" : ""}`,
    text: `The letter number ${i} says that ${i * 7} people came to see the town of ${"abcdefgh"[i % 8]}.`,
    source: `${i}.txt`,
    attributes: { label: i < 8 ? "few" : "many" },
  }),
);
const sides = { train: documents.filter((_, i) => i % 10 !== 9), "held-out": documents.filter((_, i) => i % 10 === 9) };
const curated = artifact(
  new Map([
    ["train.jsonl", Buffer.from(sides.train.map(documentLine).join(""))],
    ["held-out.jsonl", Buffer.from(sides["held-out"].map(documentLine).join(""))],
    ["members.txt", Buffer.from(documents.map(d => `${d.id}\n`).join(""))],
    ["ledger.jsonl", Buffer.from('{"document":"t:01"}\n')],
  ]),
  { trainDocuments: sides.train.length, heldOutDocuments: sides["held-out"].length },
);

async function blend(options: object): Promise<ArtifactReader> {
  const stage = blendStage({});
  const files = new Map<string, Buffer>();
  const write = async (name: string, data: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>) => {
    const parts: Buffer[] = [];
    for await (const p of data) parts.push(Buffer.from(p));
    files.set(name, Buffer.concat(parts));
  };
  const summary = await stage.run({
    inputs: { documents: curated },
    options: check(stage.options, { name: "t", ...options }, "blend"),
    output: { write: (name, data) => write(name, [data]), writeStream: write },
    progress: silent,
    signal: new AbortController().signal,
    runData: { write() {} },
    scratch: "",
  });
  return artifact(files, summary);
}
const rows = async (a: ArtifactReader, name: string): Promise<Document[]> =>
  (await a.read(name))
    .toString()
    .split("\n")
    .filter(l => l !== "")
    .map(l => JSON.parse(l) as Document);

test("variants stand among the train documents by id, name a parent there, and are members; all else is as curation left it", async () => {
  const a = await blend({ augment: [{ method: "word-drop", share: 0.5, options: { rate: 0.2 } }] });
  const train = await rows(a, "train.jsonl");
  const made = train.filter(d => d.attributes.augmentedFrom !== undefined);
  expect(made.length).toBe(a.summary.made);
  expect(made.length).toBeGreaterThan(5);
  const ids = train.map(d => d.id);
  expect(ids).toEqual([...ids].sort());
  expect(new Set(ids).size).toBe(ids.length);
  for (const d of made) expect(sides.train.map(t => t.id)).toContain(d.attributes.augmentedFrom);
  expect(train.filter(d => d.attributes.augmentedFrom === undefined)).toEqual(sides.train);
  const members = (await a.read("members.txt")).toString().trim().split("\n");
  expect(members).toEqual([...ids, ...sides["held-out"].map(d => d.id)].sort());
  for (const name of ["held-out.jsonl", "ledger.jsonl"]) expect((await a.read(name)).equals(await curated.read(name)), name).toBe(true);
  expect(a.summary).toMatchObject({ trainDocuments: train.length, heldOutDocuments: 4 });
  const again = await blend({ augment: [{ method: "word-drop", share: 0.5, options: { rate: 0.2 } }] });
  expect(again.files).toEqual(a.files);
});

test("a mixture says how often each train document is taken, variants too, and changes none", async () => {
  const a = await blend({
    augment: [{ method: "word-drop", share: 0.3, options: { rate: 0.2 } }],
    mixture: { balance: { label: "over" }, unit: "documents", maxEpochs: 10 },
  });
  const train = await rows(a, "train.jsonl");
  const times = (await readTimes(a, train.length))!;
  const readings = (label: string) => train.reduce((n, d, i) => n + (d.attributes.label === label ? times[i]! : 0), 0);
  expect(readings("few")).toBe(readings("many"));
  expect(a.summary.readings).toBe(readings("few") + readings("many"));
  const info = JSON.parse((await a.read("mixture.json")).toString()) as MixtureInfo;
  expect(info.documents).toBe(train.length);
});

test("with neither, the documents pass through as they are", async () => {
  const a = await blend({});
  for (const { name } of curated.files) expect((await a.read(name)).equals(await curated.read(name)), name).toBe(true);
});
