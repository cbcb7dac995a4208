import { expect, test } from "vitest";
import type { ListedEvaluation } from "../generated/evaluations.ts";
import { comparable, diffCsv, listCsv, wantedEvaluations } from "./listing.ts";

const one = (artifact: string, more: Partial<ListedEvaluation> = {}): ListedEvaluation => ({
  artifact,
  kind: "task",
  task: "folders",
  model: "mail@1",
  version: "mail@1",
  modelArtifact: "model-1",
  at: 1,
  items: 10,
  variant: null,
  scores: [{ metric: "acc", better: "higher", value: 0.5 }],
  hasItems: true,
  ...more,
});
const all = [
  one("a", { at: 3 }),
  one("b", { at: 5, model: "mail@2", scores: [{ metric: "acc", better: "higher", value: 0.9 }] }),
  one("c", { at: 4, kind: "bits per byte", task: "bits-per-byte", hasItems: false, items: null }),
];
const none = { sort: "newest", find: "", kind: "", model: "" };
const ids = (wanted: Partial<typeof none>) => wantedEvaluations(all, { ...none, ...wanted }).map(e => e.artifact);

test("the list is filtered by kind, model and words, and sorted; an unknown order is the newest first", () => {
  expect(ids({})).toEqual(["b", "c", "a"]);
  expect(ids({ sort: "what" })).toEqual(["b", "c", "a"]);
  expect(ids({ sort: "oldest" })).toEqual(["a", "c", "b"]);
  expect(ids({ sort: "score" })).toEqual(["b", "c", "a"]);
  expect(ids({ kind: "task", find: "MAIL@1 fold" })).toEqual(["a"]);
  expect(ids({ model: "mail@2" })).toEqual(["b"]);
});

test("only evaluations of the same task that keep items can be compared", () => {
  expect(comparable(all, all[0]!).map(e => e.artifact)).toEqual(["b"]);
  expect(comparable(all, all[2]!)).toEqual([]);
});

test("CSV quotes what it must, and no text is a formula", () => {
  expect(listCsv([all[0]!]).split("\r\n")[1]).toBe("a,task,folders,,mail@1,acc,0.5,10,1970-01-01T00:00:00.003Z");
  const item = {
    id: "i",
    place: "f:1",
    prompt: 'say "a,b"',
    right: "=1+1",
    first: "x\ny",
    second: "",
    scores: [1, 0],
    gain: 1,
    change: "fixed",
  };
  expect(diffCsv([item as never], "m@2", "m@1", "acc").split("\r\n")[1]).toBe(`i,f:1,fixed,1,1,0,"say ""a,b""",'=1+1,"x\ny",`);
});
