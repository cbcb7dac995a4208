import { expect, test } from "vitest";
import { verbs } from "../verbs.ts";
import { candidates } from "./candidates.ts";

const names = { models: ["mail-small", "topics"], data: ["mail"], searches: ["rate"] };
const next = (...words: string[]) => candidates(verbs, words, part => names[part]);

test("the first word is a verb, the second of a group its own", () => {
  expect(next("mo")).toEqual(["models"]);
  expect(next("models", "sh")).toEqual(["show"]);
  expect(next("data", "re")).toEqual(["report", "retention"]);
  expect(next("nonsense", "")).toEqual([]);
});

test("flags are those of the verb, once a dash is there", () => {
  expect(next("trace", "--v")).toEqual(["--verify"]);
  expect(next("serve", "--por")).toEqual(["--port"]);
  expect(next("models", "list", "--j")).toEqual(["--json"]);
});

test("names come from the part that the argument means, and a flag's value is none of them", () => {
  expect(next("models", "show", "")).toEqual(["mail-small", "topics"]);
  expect(next("serve", "topics", "m")).toEqual(["mail-small"]);
  expect(next("data", "report", "")).toEqual(["mail"]);
  expect(next("tune", "search", "")).toEqual(["rate"]);
  expect(next("serve", "--port", "")).toEqual([]);
  expect(next("serve", "--port", "80", "to")).toEqual(["topics"]);
  expect(next("eval", "--model", "to")).toEqual(["topics"]);
});
