import { expect, test } from "vitest";
import { check } from "../base/index.ts";
import { dataSetOf, tunedModel } from "./part.ts";

const tuned = (tune: object) => tunedModel.parse({ base: "toy", tune });

test("a path is a file of examples, a name a data set; classifiers read data sets only, pairs of texts files only", () => {
  const columns = { user: "asked", assistant: "text" };
  expect(dataSetOf(tuned({ task: "instruct", on: "notes", columns }).tune)).toBe("notes");
  expect(dataSetOf(tuned({ task: "instruct", on: "./notes" }).tune)).toBeUndefined();
  expect(dataSetOf(tuned({ task: "preference", on: "data/pairs.jsonl" }).tune)).toBeUndefined();
  expect(dataSetOf(tuned({ task: "distill", on: "notes", teacher: "big" }).tune)).toBe("notes");
  expect(dataSetOf(tuned({ task: "classify", on: "notes" }).tune)).toBe("notes");
  expect(() => tuned({ task: "embed", on: "pairs" })).toThrow("a path to a file of examples");
  expect(() => tuned({ task: "instruct", on: "two words" })).toThrow("or the name of a data set");
});

test("a validation file beside a data set is refused: its groups select", () => {
  expect(() => tuned({ task: "instruct", on: "notes", validationFile: "./held.jsonl" })).toThrow("whose own groups select");
  expect(tuned({ task: "instruct", on: "./notes.jsonl", validationFile: "./held.jsonl" }).tune).toMatchObject({
    validationFile: "./held.jsonl",
  });
});

test("rows of a preference tuning: pairs are counted, and the tasks that have rows are named", () => {
  const refused = (tune: object) => expect(() => check(tunedModel, { base: "toy", tune }, "loam.yaml: models.a"));
  refused({ task: "preference", on: "./pairs.jsonl", rows: 4 }).toThrow(
    /tune\.rows: expected one of .*\bpairs\b.*, got "rows"\. "rows" is a key of task instruct and task distill\. Remove it\./,
  );
  refused({ task: "embed", on: "./pairs.jsonl", lable: "x" }).toThrow(/expected one of .*, got "lable"\. Remove it or check its spelling/);
});

test("parts of one's own: every task takes a validation part, files a test part; a data set holds out by its split, a file by no share", () => {
  const own = { validation: { split: "dev" } };
  const part = { split: ["dev"] };
  for (const tune of [
    { task: "classify", on: "notes" },
    { task: "regress", on: "notes" },
    { task: "instruct", on: "notes" },
    { task: "preference", on: "./pairs.jsonl", heldOut: { split: "test" } },
    { task: "distill", on: "./chats.jsonl", teacher: "big", heldOut: { split: "test" } },
    { task: "embed", on: "./pairs.jsonl", heldOut: { split: "test" } },
  ])
    expect(tuned({ ...tune, ...own }).tune.validation, tune.task).toEqual(part);
  const refused = (tune: object) => expect(() => check(tunedModel, { base: "toy", tune }, "loam.yaml: models.a"));
  refused({ task: "instruct", on: "notes", heldOut: { split: "test" } }).toThrow(
    /tune\.heldOut: expected none beside a data set, whose split says what is held out \(data\.notes\.split\.heldOut\)/,
  );
  refused({ task: "instruct", on: "./a.jsonl", validationFile: "./b.jsonl", ...own }).toThrow(
    /tune\.validationFile: expected none beside a validation part of your own/,
  );
  refused({ task: "embed", on: "./a.jsonl", heldOut: 0.2 }).toThrow(
    /tune\.heldOut: expected an attribute with the values that mean the part: \{ split: test \}, got 0\.2/,
  );
  refused({ task: "classify", on: "notes", heldOut: { split: "test" } }).toThrow(/"heldOut" is a key of task instruct/);
});
