/** Labels and choices that are numbers in YAML. */
import { expect, test } from "vitest";
import { parseTask } from "./read-task.ts";

const task = (more: string) => parseTask(`task: t\ndata: { test: a.csv, more: b.csv }\nprompt: text\ntarget: label\n${more}`, "t.yaml");

test("labels, what is written for them, and the positive one may be numbers or truth values: they are texts", () => {
  const bare = task(
    "output: classify\nlabels: { 0: 10, 1: true }\npositive: 1\ncosts: { from: more, positive: 1, falsePositive: 1, falseNegative: 2 }\n",
  );
  const quoted = task(
    'output: classify\nlabels: { "0": "10", "1": "true" }\npositive: "1"\ncosts: { from: more, positive: "1", falsePositive: 1, falseNegative: 2 }\n',
  );
  expect(bare).toEqual(quoted);
  expect(task("output: multiple_choice\nchoices: [1, 2]\n").choices).toEqual(["1", "2"]);
});

test("a positive label that is none is refused, as a number too", () => {
  expect(() => task("output: classify\nlabels: { 0: no, 1: yes }\npositive: 2\n")).toThrow(/positive: expected one of the labels 0, 1/);
});
