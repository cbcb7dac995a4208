import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listArtifacts, type ModelVersion, openStore, type Store } from "../../store/index.ts";
import { answers, measured, version } from "../toy.laws.ts";
import { diffGroups, type EvaluationDiff, evaluationDiff, wantedItems } from "./evaluation-diff.ts";
import { evaluationReport } from "./report.ts";

const root = mkdtempSync(join(tmpdir(), "loam-diff-"));
let store: Store;
let first: ModelVersion;
let second: ModelVersion;
let diff: EvaluationDiff;
const resultOf = async (v: ModelVersion): Promise<string> =>
  (await listArtifacts(store, { kind: "task-result" })).find(a => a.inputs.some(i => i.digest === v.digest))!.id;
const sized = (n: number, right: number) =>
  answers(n, right).map((a, i) => ({ ...a, attributes: { length: i % 3 === 0 ? "long" : "short", n: i } }));
beforeAll(async () => {
  store = await openStore({ root });
  [first, second] = [await version(store, 1), await version(store, 2)];
  await measured(store, first, "genre", sized(100, 25));
  await measured(store, second, "genre", sized(104, 31));
  diff = await evaluationDiff(store, await resultOf(second), await resultOf(first));
});
afterAll(async () => {
  await store.close();
  rmSync(root, { recursive: true, force: true });
});

test("items that flipped are counted both ways, and their differences are those of the version's report", async () => {
  expect(diff).toMatchObject({ task: "genre", metric: "acc", onlyFirst: 4, onlySecond: 0 });
  expect(diff.counts).toEqual({ fixed: 6, broken: 0, better: 0, worse: 0, same: 94 });
  const [genre] = await evaluationReport(store, second, first);
  expect(diff.differences).toEqual(genre!.comparison!.differences);
  const back = await evaluationDiff(store, diff.second, diff.first);
  expect(back.counts).toEqual({ ...diff.counts, fixed: 0, broken: 6 });
  for (const item of back.items) expect(item.gain).toBe(-diff.items.find(i => i.id === item.id)!.gain || 0);
});

test("the largest changes come first; filters by change, group and text keep what fits and nothing else", () => {
  expect(diff.items.slice(0, 6).every(i => i.change === "fixed")).toBe(true);
  const sizes = diff.items.map(i => Math.abs(i.gain));
  expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
  expect(wantedItems(diff.items, {})).toEqual(diff.items);
  expect(wantedItems(diff.items, { change: "changed" })).toHaveLength(6);
  const long = wantedItems(diff.items, { by: "length", group: "long" });
  expect(long.length).toBe(34);
  expect(wantedItems(diff.items, { find: "I99" }).map(i => i.id)).toEqual(["i99"]);
  // an attribute of as many values as items is no grouping
  expect(diffGroups(diff.items)).toEqual([{ by: "length", groups: ["long", "short"] }]);
});

test("what keeps no items cannot be compared, in words", async () => {
  await expect(evaluationDiff(store, first.artifact, diff.first)).rejects.toThrow(
    /expected an evaluation that keeps what came of each item/,
  );
});
