import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { listArtifacts, type ModelVersion, openStore, runStage, type Store, stage } from "../../store/index.ts";
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

/** An evaluation of a test set, as its stage writes it: the report and a line a text. */
async function testSet(task: string, file: string, lines: readonly object[], run: number): Promise<string> {
  const made = stage({
    name: `evaluate-${task}`,
    version: 1,
    inputs: {},
    options: z.strictObject({ run: z.number() }),
    output: "evaluation",
    async run({ output }) {
      await output.write("report.json", JSON.stringify({ task }));
      await output.write(file, lines.map(l => `${JSON.stringify(l)}\n`).join(""));
      return {};
    },
  });
  return (await runStage(store, made, { inputs: {}, options: { run } })).artifact.id;
}
const ids = Array.from({ length: 40 }, (_, i) => i);

test("bits per byte are compared document by document, and the difference is that of all bytes together", async () => {
  const line = (bits: number) => (i: number) => ({ id: `d${i}`, text: `text ${i}`, bits: bits * (i + 1), bytes: 2 * (i + 1), words: 2 });
  const made = [3, 4].map((bits, run) => testSet("bits-per-byte", "documents.jsonl", ids.map(line(bits)), run));
  const { metric, differences, counts, items } = await evaluationDiff(store, (await made[0])!, (await made[1])!);
  expect(metric).toBe("bits_per_byte");
  expect(differences[0]).toMatchObject({
    metric: "bits_per_byte",
    first: expect.closeTo(1.5, 9),
    second: expect.closeTo(2, 9),
    better: "lower",
  });
  expect(differences[0]!.p).toBeLessThan(0.01);
  expect(counts).toMatchObject({ better: 40, worse: 0 });
  expect(items[0]).toMatchObject({ prompt: expect.stringMatching(/^text/), first: "1.5000 bits per byte", second: "2.0000 bits per byte" });
});

test("numbers are compared by their distance to the right one", async () => {
  const line = (away: number) => (i: number) => ({ id: `d${i}`, truth: i, predicted: i + away, group: `d${i}`, text: "t" });
  const [near, far] = [
    await testSet("regression", "predictions.jsonl", ids.map(line(0.5)), 0),
    await testSet("regression", "predictions.jsonl", ids.map(line(-2)), 1),
  ];
  const { metric, differences, counts } = await evaluationDiff(store, near, far);
  expect(metric).toBe("mae");
  expect(differences.map(d => [d.metric, d.first, d.second])).toEqual([
    ["mae", 0.5, 2],
    ["rmse", 0.5, 2],
  ]);
  expect(counts).toMatchObject({ better: 40, worse: 0, same: 0 });
});

test("sets of labels are compared label by label", async () => {
  const line = (told: readonly string[]) => (i: number) => ({
    id: `d${i}`,
    labels: ["a", "b"],
    told,
    scores: [],
    group: `g${i >> 1}`,
    text: "t",
  });
  const whole = await testSet("multi-label classification", "predictions.jsonl", ids.map(line(["a", "b"])), 0);
  const half = await testSet("multi-label classification", "predictions.jsonl", ids.map(line(["a", "c"])), 1);
  const { metric, differences, items } = await evaluationDiff(store, whole, half);
  expect(metric).toBe("f1_micro");
  expect(differences.map(d => [d.metric, d.first, d.second])).toEqual([
    ["f1_micro", 1, 0.5],
    ["exact_match", 1, 0],
  ]);
  expect(items[0]).toMatchObject({ right: "a, b", first: "a, b", second: "a, c" });
});

test("evaluations that measure something else are refused, and so are those of earlier versions, which kept no texts", async () => {
  const bits = await testSet("bits-per-byte", "documents.jsonl", [{ id: "d0", text: "t", bits: 1, bytes: 1, words: 1 }], 9);
  const numbers = await testSet("regression", "predictions.jsonl", [{ id: "d0", truth: 1, predicted: 1, group: "d0", text: "t" }], 9);
  await expect(evaluationDiff(store, bits, numbers)).rejects.toThrow(/two evaluations that measure the same.*number/);
  const before = await testSet("regression", "predictions.jsonl", [{ id: "d0", truth: 1, predicted: 1 }], 10);
  await expect(evaluationDiff(store, before, numbers)).rejects.toThrow(/keeps what came of each item/);
});

test("what keeps no items cannot be compared, in words", async () => {
  await expect(evaluationDiff(store, first.artifact, diff.first)).rejects.toThrow(
    /expected an evaluation that keeps what came of each item/,
  );
});
