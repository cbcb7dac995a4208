import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { documentLine } from "../../data/index.ts";
import type { EvaluatedModel } from "../../evaluate/index.ts";
import { openArtifact, openStore, runStage, type Store, stage } from "../../store/index.ts";
import { seenItems } from "./contaminated.ts";
import { tasksOf } from "./tasks-of.ts";

const root = mkdtempSync(join(tmpdir(), "loam-seen-"));
const items = ["alpha", "beta", "gamma"].map(text => JSON.stringify({ text }));
const file = `${items.join("\n")}\n`;
const digest = createHash("sha256").update(file).digest("hex");
let store: Store;
beforeAll(async () => {
  store = await openStore({ root });
  writeFileSync(join(root, "items.jsonl"), file);
  const text = "data: { test: items.jsonl }\noutput: loglikelihood_rolling\ntarget: text\n";
  writeFileSync(join(root, "own.yaml"), `task: own\n${text}`);
  writeFileSync(join(root, "named.yaml"), `task: named\n${text}contamination: { set: bench }\n`);
});
afterAll(async () => {
  await store.close();
  rmSync(root, { recursive: true, force: true });
});

type Texts = Readonly<Record<string, string>>;
const any = z.record(z.string(), z.unknown());

/** Records documents; with a set, what its `decontaminate` finds in them: an item is held by a text that has its word. */
async function documents(train: Texts, searched?: { readonly name: string; readonly digest: string }): Promise<string> {
  const made = stage({
    name: "data",
    version: 1,
    inputs: {},
    options: any,
    output: "documents",
    async run({ output }) {
      const attributes = searched ? { searched: true } : {};
      const lines = Object.entries(train).map(([id, text]) => documentLine({ id, text, source: "s", attributes }));
      await output.write("train.jsonl", lines.join(""));
      const marks = ["alpha", "beta", "gamma"].map((word, i) => {
        const held = Object.keys(train).filter(id => train[id]!.includes(word));
        return JSON.stringify({ item: `bench#${i}`, mark: held.length ? "contaminated" : "clean", score: 0, documents: held, removed: [] });
      });
      if (searched) await output.write("contamination.jsonl", marks.join("\n"));
      return { trainDocuments: lines.length };
    },
  });
  const sets = searched && [{ name: searched.name, file: "items.jsonl" }];
  const options = sets
    ? { train, steps: [{ step: "decontaminate", options: { action: "mark", sets } }], needs: { "file items.jsonl": searched.digest } }
    : { train, steps: [{ step: "clean" }] };
  return (await runStage(store, made, { inputs: {}, options })).artifact.id;
}

/** A model of these ingredients, each by its kind. */
async function made(output: string, from: Readonly<Record<string, string>>): Promise<string> {
  const opened = await Promise.all(Object.entries(from).map(async ([name, id]) => [name, await openArtifact(store, id)] as const));
  const makes = stage<string, typeof any>({
    name: `make-${output}`,
    version: 1,
    inputs: Object.fromEntries(opened.map(([name, a]) => [name, a.kind])),
    options: any,
    output,
    async run({ output }) {
      await output.write("made.json", JSON.stringify(from));
      return {};
    },
  });
  return (await runStage(store, makes, { inputs: Object.fromEntries(opened), options: {} })).artifact.id;
}
const asked = async (artifact: string, task = "own") => {
  const { tasks } = await tasksOf([join(root, `${task}.yaml`)], root, root, undefined, false);
  return seenItems(store, { id: "toy@1", fingerprint: "f", artifact } as EvaluatedModel, tasks[0]!);
};

test("what was marked after the training counts for the texts that were trained on, and for them alone", async () => {
  const before = await documents({ a: "alpha in it", b: "nothing" });
  const model = await made("model", { documents: before });
  expect(await asked(model)).toBeUndefined();
  // the data has grown since: what only the new text holds was not seen
  const after = await documents({ a: "alpha in it", b: "nothing", c: "beta, later" }, { name: "bench", digest });
  const seen = await asked(model);
  expect(seen).toMatchObject({ checks: [{ data: after, of: before, set: "bench", isSameFile: true }], unchecked: [] });
  expect(seen!.cleanness).toEqual(["contaminated", "clean", "clean"]);
  expect((await asked(model, "named"))!.cleanness).toEqual(seen!.cleanness);
  // a model of the marked data itself has seen it
  expect((await asked(await made("model", { documents: after })))!.cleanness).toEqual(["contaminated", "contaminated", "clean"]);
});

test("other texts, fewer texts and another file of items say nothing", async () => {
  const model = await made("model", { documents: await documents({ a: "gamma first", b: "of two" }) });
  await documents({ a: "gamma first" }, { name: "bench", digest });
  await documents({ a: "gamma first", b: "of TWO" }, { name: "bench", digest });
  await documents({ a: "gamma first", b: "of two" }, { name: "bench", digest: "f".repeat(64) });
  expect(await asked(model)).toBeUndefined();
});

test("no item is clean while data that was trained on was not searched; what a tokenizer was made of is not trained on", async () => {
  const searched = await documents({ s: "beta only" }, { name: "bench", digest });
  const never = await documents({ n: "alpha, which nobody looked for" });
  const tokenizer = await made("tokenizer", { documents: never });
  expect(await asked(await made("model", { documents: searched, tokenizer }))).toMatchObject({
    unchecked: [],
    cleanness: ["clean", "contaminated", "clean"],
  });
  const base = await made("model", { documents: never, tokenizer });
  expect(await asked(await made("model", { base, documents: searched }))).toMatchObject({
    unchecked: [never],
    cleanness: ["unknown", "contaminated", "unknown"],
  });
  // the tokenizer's documents are learnt from too where the model trains on them
  expect(
    await asked(await made("model", { base: await made("model", { tokenizer, documents: searched }), documents: never })),
  ).toMatchObject({ unchecked: [never] });
});
