import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { documentLine } from "../../data/index.ts";
import { openStore, runStage, stage } from "../../store/index.ts";
import { parseProject } from "../project-file.ts";
import { readGoodAndBad } from "./examples.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-examples-"));
const store = await openStore({ root: folder });
afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});
const yaml = `
data:
  mail: { source: { folder: ".", reader: text } }
  books: { source: { folder: ".", reader: text } }
tokenizer: { vocab: 300, from: mail }
models: { tiny: { layers: 1, width: 16, heads: 2, context: 32, train: { on: mail, tokens: 100, rate: 0.01 } } }
`;
const project = { folder, file: join(folder, "loam.yaml"), config: parseProject(yaml, "loam.yaml") };
const documents = stage({
  name: "data",
  version: 1,
  inputs: {},
  options: z.object({ name: z.string(), labels: z.array(z.string()) }),
  output: "documents",
  async run({ options: { name, labels }, output }) {
    const lines = labels.map((label, i) => documentLine({ id: `${name}:${i}`, text: `${name} ${i}`, source: "x", attributes: { label } }));
    await output.write("train.jsonl", lines.join(""));
    await output.write("held-out.jsonl", documentLine({ id: `${name}:h`, text: "unseen", source: "x", attributes: { label: labels[0]! } }));
    await output.write("members.txt", "");
    return {};
  },
});
for (const [name, labels] of [
  ["mail", ["ham", "spam", "ham", "list"]],
  ["books", ["novel", "novel"]],
] as const)
  await runStage(store, documents, {
    inputs: {},
    options: { name, labels: [...labels] },
    progress: () => {},
    signal: new AbortController().signal,
  });
const read = (good: string[], bad: string[]) => readGoodAndBad({ good, bad }, { project, store, name: "mail", cwd: folder });

test("labels, other data sets and the rest are taken from the train side alone", async () => {
  expect(await read(["label=ham"], ["label=spam"])).toEqual({ good: ["mail 0", "mail 2"], bad: ["mail 1"] });
  expect(await read(["label=ham", "data:books"], ["rest"])).toEqual({
    good: ["mail 0", "mail 2", "books 0", "books 1"],
    bad: ["mail 1", "mail 3"],
  });
  // Whatever stands first, the rest is what the other kind does not take.
  expect(await read(["rest"], ["label=spam"])).toEqual({ good: ["mail 0", "mail 2", "mail 3"], bad: ["mail 1"] });
});

test("files and folders are texts; JSON lines are records; what is no text is passed over", async () => {
  mkdirSync(join(folder, "texts/deep"), { recursive: true });
  writeFileSync(join(folder, "texts/b.txt"), "two");
  writeFileSync(join(folder, "texts/deep/a.md"), "one");
  writeFileSync(join(folder, "texts/picture.png"), Buffer.from([1, 0, 2]));
  writeFileSync(join(folder, "more.jsonl"), '{"text":"three"}\n\n{"text":"four","label":"x"}\n');
  expect(await read(["texts"], ["more.jsonl"])).toEqual({ good: ["two", "one"], bad: ["three", "four"] });
});

test("a set that is not there is named, with what there is", async () => {
  await expect(read(["label=hem"], ["rest"])).rejects.toThrow("--good label=hem: expected a value of label (ham, list, spam)");
  await expect(read(["kind=ham"], ["rest"])).rejects.toThrow("expected an attribute that documents have");
  await expect(read(["data:boks"], ["rest"])).rejects.toThrow('Did you mean "books"?');
  await expect(read(["none"], ["rest"])).rejects.toThrow("no such file or folder");
  writeFileSync(join(folder, "bad.jsonl"), '{"text":"fine"}\n{"body":1}\n');
  await expect(read(["bad.jsonl"], ["rest"])).rejects.toThrow("bad.jsonl:2: expected a record with a text");
});
