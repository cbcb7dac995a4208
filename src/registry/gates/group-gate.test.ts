/** Conditions of releases on groups of tasks, and what versions' reports tell of them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ModelVersion, openStore, type Store } from "../../store/index.ts";
import { answers, measured, measuredGroup, version } from "../toy.laws.ts";
import { modelCard } from "../versions/card.ts";
import { versionDiff } from "../versions/diff.ts";
import { evaluationReport } from "../versions/report.ts";
import { measuredOf } from "./measured.ts";
import { metricGate } from "./metric-gate.ts";
import { releaseCondition } from "./rules.ts";

const root = mkdtempSync(join(tmpdir(), "loam-group-gate-"));
let store: Store;
let versions: [ModelVersion, ModelVersion, ModelVersion];
const measures = [
  { metric: "acc", isWeighted: true },
  { metric: "acc", isWeighted: false },
];
beforeAll(async () => {
  store = await openStore({ root });
  versions = [await version(store, 1), await version(store, 2), await version(store, 3)];
  // the second is better at the great task, worse at the small one
  for (const [v, great, small] of [
    [versions[0], 60, 18],
    [versions[1], 66, 12],
  ] as const) {
    const results = {
      great: await measured(store, v, "great", answers(100, great)),
      small: await measured(store, v, "small", answers(20, small)),
    };
    await measuredGroup(store, v, "both", results, measures);
  }
  await measured(store, versions[2], "great", answers(100, 70));
}, 60_000);
afterAll(async () => {
  await store.close();
  rmSync(root, { recursive: true, force: true });
});

async function gate(source: string, of = versions[1], current: ModelVersion | undefined = versions[0]) {
  const side = async (v: ModelVersion) => ({ version: `mail@${v.number}`, measured: await measuredOf(store, v) });
  const condition = releaseCondition(source, "prod", ["both", "great", "small"], "releases.prod.requires[0]");
  return metricGate(condition, await side(of), current && (await side(current)), "point", "releases.prod.requires[0]");
}

test("a condition that names no task is about the group that its tasks are in, by the group's own weights", async () => {
  const byItems = await gate("acc >= current.acc - 0.001");
  expect(byItems).toMatchObject({ passed: true, items: 120 });
  expect(byItems.figures).toEqual({ acc: 78 / 120, "current.acc": 78 / 120 });
  expect(byItems.told).toContain("on 120 items of both");
  const alike = await gate("both.acc:alike >= current.both.acc:alike - 0.05");
  expect(alike).toMatchObject({
    passed: false,
    artifacts: [expect.stringMatching(/^group-result-/), expect.stringMatching(/^group-result-/)],
  });
  expect(alike.difference!).toBeCloseTo((0.66 + 0.6) / 2 - (0.6 + 0.9) / 2 + 0.05, 12);
  // a task of it can still be named
  expect(await gate("small.acc >= current.small.acc")).toMatchObject({ passed: false, items: 20 });
  expect(await gate("great.acc > 0.65")).toMatchObject({ passed: true, items: 100 });
});

test("a version that was not asked the group does not pass, and is told what to run; a wrong measure has the nearest", async () => {
  const lacking = await gate("both.acc >= 0.5", versions[2]);
  expect(lacking).toMatchObject({ passed: false, told: "acc is not measured of mail@3: loam eval both --model mail@3" });
  expect(await gate("both.acc >= current.both.acc", versions[1], versions[2])).toMatchObject({
    passed: false,
    told: expect.stringContaining("both is not measured of mail@3"),
  });
  await expect(gate("both.acccc >= 0.5")).rejects.toThrow(/Did you mean "acc"/);
});

test("reports, differences and cards of versions tell the group first, then its tasks", async () => {
  const [both, great, small] = await evaluationReport(store, versions[1], versions[0]);
  expect([both, great, small].map(t => [t!.task, t!.output, t!.items])).toEqual([
    ["both", "group of 2 tasks", 120],
    ["great", "classify", 100],
    ["small", "classify", 20],
  ]);
  const { differences, wins, losses } = both!.comparison!;
  expect(differences.map(d => d.metric)).toEqual(["acc", "acc:alike"]);
  expect(differences[0]).toMatchObject({ wins: 6, losses: 6, value: 0, test: "McNemar" });
  expect(differences[1]!.value).toBeCloseTo((0.06 - 0.3) / 2, 12);
  expect(differences[1]!.high).toBeLessThan(0);
  expect(wins.map(w => w.id)).toEqual(great!.comparison!.wins.map(w => `great/${w.id}`));
  expect(losses.map(w => w.id)).toEqual(small!.comparison!.losses.map(w => `small/${w.id}`));
  expect((await versionDiff(store, versions[0], versions[1])).evaluations[0]).toEqual({ task: "both", differences });
  const { evaluations } = await modelCard(store, versions[1]);
  expect(evaluations.map(e => e.task)).toEqual(["both", expect.any(String), expect.any(String)]);
  expect(evaluations[0]!.scores.map(s => [s.metric, s.value])).toEqual(both!.scores.map(s => [s.metric, s.value]));
  // a version that was asked one of the tasks only is not compared by the group
  const [again] = await evaluationReport(store, versions[1], versions[2]);
  expect([again!.task, again!.comparison]).toEqual(["both", undefined]);
});
