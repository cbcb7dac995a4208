import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { inspectFolder } from "../../data/index.ts";
import { parseProject } from "../project-file.ts";
import { proposedYaml } from "./proposed-yaml.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "loam-looked-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const projectOf = async () => {
  const yaml = proposedYaml({ name: "My Data", folder: "data", inspection: await inspectFolder(folder) });
  return yaml === undefined ? undefined : parseProject(yaml, "loam.yaml");
};
const texts = (count: number, of: (i: number) => string) => {
  for (let i = 0; i < count; i++) {
    const path = join(folder, of(i));
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, `Text number ${i} has words of its own: ${"abcdefghij"[i % 10]!.repeat(5)} and ${i * 7919}.`);
  }
};

test("texts give a model; a manifest beside them is left out", async () => {
  texts(60, i => `${i}.txt`);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "x", description: "what this package is for" }));
  const project = await projectOf();
  expect(project).toMatchObject({
    name: "my-data",
    tokenizer: { from: "my-data" },
    models: { "my-data-model": { train: { on: "my-data" } } },
  });
  expect(project!.data["my-data"]).toMatchObject({ source: { folder: "data", reader: "text" } });
});

test("folders that are classes give a classifier on top", async () => {
  texts(60, i => `${["spam", "ham"][i % 2]}/${i}.txt`);
  const project = await projectOf();
  expect(project!.tuned.classifier).toMatchObject({ base: "words", tune: { task: "classify", label: "label" } });
  expect(project!.data["my-data"]!.source!.labels).toEqual({ ham: "ham/**", spam: "spam/**" });
});

test("few texts are data alone, held out from nothing; files that nobody reads are no project", async () => {
  writeFileSync(join(folder, "a.png"), "no");
  expect(await projectOf()).toBeUndefined();
  texts(3, i => `${i}.md`);
  expect(await projectOf()).toMatchObject({ models: {}, data: { "my-data": { source: { reader: "markdown" } } } });
});
