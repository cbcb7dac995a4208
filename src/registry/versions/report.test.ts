import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ModelVersion, openStore, type Store } from "../../store/index.ts";
import { answers, measured, version } from "../toy.laws.ts";
import { versionDiff } from "./diff.ts";
import { evaluationReport } from "./report.ts";

const root = mkdtempSync(join(tmpdir(), "loam-report-"));
let store: Store;
let first: ModelVersion;
let second: ModelVersion;
/** Of two lengths, in a fixed order. */
const sized = (n: number, right: number) =>
  answers(n, right).map((a, i) => ({ ...a, attributes: { length: i % 3 === 0 ? "long" : "short" } }));
beforeAll(async () => {
  store = await openStore({ root });
  [first, second] = [await version(store, 1), await version(store, 2)];
  await measured(store, first, "genre", sized(40, 25));
  await measured(store, second, "genre", sized(44, 31));
  await measured(store, second, "spam", answers(10, 9));
});
afterAll(async () => {
  await store.close();
  rmSync(root, { recursive: true, force: true });
});

test("every win and loss is named with what both gave, and they add up to what the difference counts", async () => {
  const [genre, spam] = await evaluationReport(store, second, first);
  expect([genre!.task, genre!.items, spam!.task, spam!.comparison]).toEqual(["genre", 44, "spam", undefined]);
  const { differences, wins, losses, onlyThis, onlyOther } = genre!.comparison!;
  expect(differences[0]).toMatchObject({ metric: "acc", items: 40, wins: 6, losses: 0, first: 31 / 40, second: 25 / 40 });
  expect(wins.map(w => w.id)).toEqual(["i25", "i26", "i27", "i28", "i29", "i30"]);
  expect(wins.every(w => w.gain === 1)).toBe(true);
  expect([losses, onlyThis, onlyOther]).toEqual([[], 4, 0]);
  // the other way round it is lost, by the same figures that the diff of the versions has
  const [back] = await evaluationReport(store, first, second);
  expect(back!.comparison!.losses.map(l => l.id)).toEqual(wins.map(w => w.id));
  expect((await versionDiff(store, first, second)).evaluations[0]!.differences).toEqual(differences);
});

test("slices are groups of all items, each with its interval", async () => {
  const [genre] = await evaluationReport(store, second);
  expect(genre!.slices.map(s => [s.by, s.group, s.items])).toEqual([
    ["length", "short", 29],
    ["length", "long", 15],
  ]);
  for (const { scores } of genre!.slices) expect(scores[0]!.low).toBeLessThan(scores[0]!.value);
  const right = genre!.slices.reduce((sum, s) => sum + s.scores[0]!.value * s.items, 0);
  expect(right).toBeCloseTo(genre!.scores[0]!.value * 44, 9);
  expect(genre!.comparison).toBeUndefined();
});

test("a task whose items carry probabilities has its table of mistakes, and its calibration error is the measure's", async () => {
  const [genre] = await evaluationReport(store, second);
  const { confusion, reliability, curves } = genre!.picture!;
  expect(confusion.reduce((s, [, , n]) => s + n, 0)).toBe(44);
  expect(confusion.reduce((s, [t, p, n]) => s + (t === p ? n : 0), 0)).toBe(31);
  expect(reliability.bins.reduce((s, b) => s + b.items, 0)).toBe(44);
  for (const c of curves) expect(c.positives + c.negatives).toBe(44);
});
