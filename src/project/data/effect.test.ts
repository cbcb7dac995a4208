import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { documentLine } from "../../data/index.ts";
import { openStore, runStage, stage } from "../../store/index.ts";
import { parseProject } from "../project-file.ts";
import { effectMaterial, effectSides } from "./effect.ts";

const yaml = `
data: { letters: { source: { folder: ".", reader: text }, steps: [clean, { length: { minWords: 3 } }] } }
tokenizer: { vocab: 300, from: letters }
models: { tiny: { layers: 1, width: 16, heads: 2, context: 32, train: { on: letters, tokens: 100, rate: 0.01 } } }
`;
const project = { folder: "/project", file: "/project/loam.yaml", config: parseProject(yaml, "loam.yaml") };
const stepsOf = (p: typeof project, name: string) => p.config.data[name]!.steps.map(s => (typeof s === "string" ? s : Object.keys(s)[0]));

test("a step that the data set lacks is added at the end, one that it has is taken away, and the rest stays", () => {
  const added = effectSides(project, "letters", "c4", {}, false);
  expect([added.without, added.with, added.isPresent]).toEqual(["letters", "letters-with-c4", false]);
  expect(stepsOf(added.project, added.with)).toEqual(["clean", "length", "c4"]);
  expect(added.project.config.data.letters).toBe(project.config.data.letters);
  const taken = effectSides(project, "letters", "length", {}, true);
  expect([taken.without, taken.with, taken.isPresent]).toEqual(["letters-without-length", "letters", true]);
  expect(stepsOf(taken.project, taken.without)).toEqual(["clean"]);
  const set = effectSides(project, "letters", "deduplicate", { fuzzy: true }, false);
  expect(set.project.config.data[set.with]!.steps.at(-1)).toHaveProperty("deduplicate.fuzzy", true);
});

test("what cannot be asked is refused with the nearest thing that can", () => {
  expect(() => effectSides(project, "letters", "lenght", {}, false)).toThrow('Did you mean "length"?');
  expect(() => effectSides(project, "letters", "c4", {}, true)).toThrow("expected letters with the step c4, got steps clean, length");
  expect(() => effectSides(project, "letters", "deduplicate", { fuzy: true }, false)).toThrow('Did you mean "fuzzy"?');
  expect(() => effectSides(project, "letters", "perplexity", {}, false)).toThrow("loam data effect: perplexity: model");
  expect(() => effectSides(project, "letters", "length", { minWords: 2 }, false)).toThrow("--set, which is for a step that is added");
});

const folder = mkdtempSync(join(tmpdir(), "loam-effect-test-"));
const store = await openStore({ root: folder });
afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});
const documents = stage({
  name: "data",
  version: 1,
  inputs: {},
  options: z.object({ name: z.string(), train: z.record(z.string(), z.string()), heldOut: z.record(z.string(), z.string()) }),
  output: "documents",
  async run({ options: { name, ...sides }, output }) {
    const lines = (side: Record<string, string>) =>
      Object.entries(side).map(([id, text]) => documentLine({ id: `${name}:${id}`, text, source: "x", attributes: {} }));
    await output.write("train.jsonl", lines(sides.train).join(""));
    await output.write("held-out.jsonl", lines(sides.heldOut).join(""));
    await output.write("members.txt", "");
    return {};
  },
});
const made = async (name: string, train: Record<string, string>, heldOut: Record<string, string>) =>
  (
    await runStage(store, documents, {
      inputs: {},
      options: { name, train, heldOut },
      progress: () => {},
      signal: new AbortController().signal,
    })
  ).artifact;

test("neither side trains on what both are asked, wherever its own split put it, nor on what only one side has", async () => {
  const without = await made("letters", { a: "A", b: "B", c: "C" }, { d: "D", e: "E [ad]", f: "F" });
  // With the step c is gone, e is edited, f is gone; the split fell otherwise, and g stayed in the place of a copy.
  const withStep = await made("letters-with-c4", { a: "A", d: "D", g: "G" }, { b: "B", e: "E" });
  const material = await effectMaterial(without, withStep, 10);
  expect(material.without).toEqual(["A", "B", "C"]);
  expect([...material.with].sort()).toEqual(["A", "B"]);
  expect(material.strangers).toBe(1);
  expect([...material.asked].sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual([
    { id: "d", before: "D", after: "D" },
    { id: "e", before: "E [ad]", after: "E" },
    { id: "f", before: "F", after: undefined },
  ]);
  const some = await effectMaterial(without, withStep, 2);
  expect(some.asked.length).toBe(2);
  expect(some.with).toEqual(material.with);
});
