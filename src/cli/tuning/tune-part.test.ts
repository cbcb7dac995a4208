import { expect, test } from "vitest";
import { dataSetOf, tunedModel } from "./tune-part.ts";

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
