/** Forms of parts of loam.yaml, and what is written of them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Json } from "../../base/index.ts";
import { jsonSchemaOf } from "../json-schema/index.ts";
import { readProject } from "../project-file.ts";
import { fileDiff } from "./file-diff.ts";
import { entrySchema, formFields } from "./form-fields.ts";
import { editPart, partForm, projectParts } from "./project-parts.ts";

const root = mkdtempSync(join(tmpdir(), "loam-starting-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const yaml = `name: mail # the name
data:
  # our letters
  mail: { source: { folder: letters, reader: text }, steps: [clean] }
tokenizer: { vocab: 300, from: mail }
models:
  small:
    layers: 1 # few
    width: 32
    heads: 2
    context: 64
    train: { on: mail, rows: 4, tokens: 8000, rate: 0.001 }
  topics:
    base: small
    tune: { task: classify, on: mail, label: topic, epochs: 2 }
labels:
  topic: { on: mail, classes: [work, friends] }
`;

function project(text = yaml) {
  const folder = mkdtempSync(join(root, "p-"));
  const file = join(folder, "loam.yaml");
  writeFileSync(file, text);
  return { project: readProject(folder), text: () => readFileSync(file, "utf8") };
}

test("parts are listed with the commands that run them", () => {
  expect(projectParts(project().project).map(p => [p.path, p.kind, p.command.join(" ")])).toEqual([
    ["models.small", "model", "train --model small"],
    ["models.topics", "tuned", "tune topics"],
    ["data.mail", "data", "data run mail"],
  ]);
});

test("a form has the schema's fields with help, choices and what the file says", () => {
  const { project: of } = project();
  const small = Object.fromEntries(partForm(of, "models.small").fields.map(f => [f.path, f]));
  expect(small.layers).toMatchObject({ kind: "number", isRequired: true, value: "1", help: "Transformer blocks." });
  expect(small.family).toMatchObject({ kind: "choice", choices: ["gpt", "llama"], usual: "llama", value: null, isRequired: false });
  expect(small.tied).toMatchObject({ kind: "boolean" });
  expect(small["train.on"]).toMatchObject({ kind: "text", value: "mail", isRequired: true });
  const topics = Object.fromEntries(partForm(of, "models.topics").fields.map(f => [f.path, f]));
  expect(topics.base).toMatchObject({ value: "small" });
  expect(topics["tune.task"]).toMatchObject({ kind: "choice", value: "classify" });
  expect(topics["tune.epochs"]).toMatchObject({ kind: "number", value: "2" });
  const data = Object.fromEntries(partForm(of, "data.mail").fields.map(f => [f.path, f]));
  expect(data["source.folder"]).toMatchObject({ value: "letters" });
  expect(data.steps).toMatchObject({ kind: "yaml", value: "[clean]" });
  expect(() => partForm(of, "gateway")).toThrow(/models\.NAME or data\.NAME/);
  expect(() => partForm(of, "data.none")).toThrow(/no such data set/);
});

test("every value of a project's file is in exactly one field of its part's form", () => {
  const { project: of } = project();
  const schema = jsonSchemaOf("loam") as { readonly [key: string]: Json };
  const value = { source: { folder: "a", reader: "csv" }, steps: ["clean"], split: { heldOut: 0.2 } };
  const filled = formFields(schema, entrySchema(schema, "data"), value).filter(f => f.value !== null);
  expect(filled.map(f => f.path).sort()).toEqual(["source.folder", "source.reader", "split.heldOut", "steps"]);
  expect(
    partForm(of, "models.small")
      .fields.filter(f => f.value !== null)
      .map(f => f.path)
      .sort(),
  ).toEqual(["context", "heads", "layers", "train.rows", "train.on", "train.rate", "train.tokens", "width"].sort());
});

test("a change is checked as every command checks the file, shown as a diff, and written with the comments kept", () => {
  const { project: of, text } = project();
  const wrong = editPart(of, "models.small", { changes: [{ path: "layers", value: "0" }] }, { write: true });
  expect(wrong).toMatchObject({
    isWritten: false,
    problem: { place: expect.stringContaining("models.small"), message: expect.stringContaining("got 0") },
  });
  expect(text()).toBe(yaml);
  const changes = [
    { path: "train.rate", value: "0.002" },
    { path: "layers", value: "2" },
  ];
  const shown = editPart(of, "models.small", { changes });
  expect(shown).toMatchObject({ isWritten: false, problem: null });
  expect(shown.diff.filter(l => !l.startsWith(" "))).toEqual([
    "-    layers: 1 # few",
    "+    layers: 2 # few",
    "-    train: { on: mail, rows: 4, tokens: 8000, rate: 0.001 }",
    "+    train: { on: mail, rows: 4, tokens: 8000, rate: 0.002 }",
  ]);
  const written = editPart(of, "models.small", { changes }, { write: true, digest: shown.digest });
  expect(written.isWritten).toBe(true);
  expect(text()).toBe(yaml.replace("layers: 1", "layers: 2").replace("rate: 0.001", "rate: 0.002"));
  expect(() => editPart(of, "models.small", { changes: [{ path: "layers", value: "3" }] }, { write: true, digest: shown.digest })).toThrow(
    /has changed since/,
  );
  expect(editPart(of, "models.topics", { changes: [{ path: "tune.epochs", value: null }] }, { write: true }).problem).toBeNull();
  expect(text()).not.toContain("epochs");
});

test("a classifier from labels is proposed with its data set, and written beside what is there", () => {
  const { project: of, text } = project();
  const form = partForm(of, "models.found", { labels: "topic", bases: ["small"] });
  expect(form).toMatchObject({ isThere: false, kind: "tuned", command: ["tune", "found"] });
  const values = form.fields.filter(f => f.value !== null).map(f => ({ path: f.path, value: f.value }));
  expect(values).toEqual(
    expect.arrayContaining([
      { path: "base", value: "small" },
      { path: "tune.task", value: "classify" },
      { path: "tune.on", value: "topic-labelled" },
    ]),
  );
  const edited = editPart(of, "models.found", { changes: values, labels: "topic" }, { write: true });
  expect(edited).toMatchObject({ isWritten: true, problem: null });
  const { config } = readProject(of.folder);
  expect(config.tuned.found).toMatchObject({ base: "small", tune: { task: "classify", on: "topic-labelled", label: "label" } });
  expect(config.data["topic-labelled"]).toMatchObject({ source: { folder: "labels/topic" } });
  expect(text()).toContain("# our letters");
  // the data set that is there by now is used
  expect(
    partForm(readProject(of.folder), "models.other", { labels: "topic", bases: ["small"] }).fields.find(f => f.path === "tune.on")?.value,
  ).toBe("topic-labelled");
  expect(() => partForm(of, "models.x", { labels: "none" })).toThrow(/a label set \(topic\)/);
});

test("a diff turns one text into the other", () => {
  const [before, after] = ["a\nb\nc\nd\ne\nf\ng", "a\nb\nc\nx\ne\nf\ng\nh"];
  expect(fileDiff(before, before)).toEqual([]);
  expect(fileDiff(before, after)).toEqual([" b", " c", "-d", "+x", " e", " f", " g", "+h"]);
});
