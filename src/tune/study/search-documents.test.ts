import { expect, test } from "vitest";
import { silent } from "../../base/index.ts";
import type { Document } from "../../data/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import { searchDocumentsStage } from "./search-documents.ts";

const artifact = (train: readonly Document[], heldOut: readonly Document[]): ArtifactReader => ({
  id: "documents-1",
  kind: "documents",
  digest: "0",
  summary: {},
  files: [],
  read: () => Promise.reject(new Error("not read whole")),
  localPath: () => Promise.reject(new Error("no path")),
  async *stream(name) {
    for (const d of name === "train.jsonl" ? train : heldOut) yield Buffer.from(`${JSON.stringify(d)}\n`);
  },
});
const document = (i: number, split: string): Document => ({
  id: `d${i}`,
  source: "s",
  text: Array.from({ length: 30 }, (_, w) => `w${i}x${w}`).join(" "),
  attributes: { split },
});

test("a search selects by the user's own validation part, and no trial trains on it", async () => {
  const split = (i: number) => (i % 5 === 0 ? "dev" : "train");
  const train = Array.from({ length: 20 }, (_, i) => document(i, split(i)));
  const heldOut = [document(90, "test"), document(91, "test")];
  // The trial's steps keep a document of the part that the study's dropped.
  const trial = [...train.slice(0, 12), document(40, "dev"), document(41, "train")];
  const files = new Map<string, string[]>();
  await searchDocumentsStage.run({
    inputs: { documents: artifact(trial, heldOut), judged: artifact(train, heldOut) },
    options: searchDocumentsStage.options.parse({ validation: { split: "dev" }, seed: 1 }),
    output: {
      write: async () => {},
      async writeStream(name, pieces) {
        const ids: string[] = [];
        for await (const piece of pieces) ids.push((JSON.parse(String(piece)) as Document).id);
        files.set(name, ids);
      },
    },
    runData: { write() {} },
    progress: silent,
    signal: new AbortController().signal,
    scratch: "",
  });
  expect(files.get("validation.jsonl")).toEqual(["d0", "d5", "d10", "d15"]);
  expect(files.get("train.jsonl")).toEqual(["d1", "d2", "d3", "d4", "d6", "d7", "d8", "d9", "d11", "d41"]);
  expect(files.get("held-out.jsonl")).toEqual(["d90", "d91"]);
});
