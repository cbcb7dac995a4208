/** What mistakes cost, asked by a release: of the record alone, beside the version that has the alias, each at a threshold of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { random } from "../../base/index.ts";
import { asChoosing, type ItemResult, measureOf, scoreOf } from "../../evaluate/index.ts";
import { type ModelVersion, openArtifact, openStore, runStage, type Store, stage } from "../../store/index.ts";
import { answers, measured, measuredCosts, measuredGroup, version } from "../toy.laws.ts";
import { modelCard } from "../versions/card.ts";
import { versionDiff } from "../versions/diff.ts";
import { evidenceOf } from "./evidence.ts";
import { measuredOf } from "./measured.ts";
import { metricGate } from "./metric-gate.ts";
import { releaseCondition } from "./rules.ts";

const root = mkdtempSync(join(tmpdir(), "loam-cost-gate-"));
const costs = { positive: "yes", falsePositive: 1, falseNegative: 4 };
const draw = random("cost gate");
/** Answers whose scores part the labels by so many standard deviations, moved as a whole: a threshold has to follow. */
const scored = (n: number, part: number, by = 0): ItemResult[] =>
  answers(n, 0).map(a => ({ ...a, logLikelihoods: [0, by + part * a.gold![0]! + draw.normal()] }));
const sides = { poor: { told: scored(120, 0.3), chose: scored(60, 0.3) }, good: { told: scored(120, 4, 5), chose: scored(60, 4, 5) } };
let store: Store;
let poor: ModelVersion;
let good: ModelVersion;
let bare: ModelVersion;
let kept: string;
beforeAll(async () => {
  store = await openStore({ root });
  [poor, good, bare] = [await version(store, 1), await version(store, 2), await version(store, 3)];
  for (const [of, { told, chose }] of [
    [poor, sides.poor],
    [good, sides.good],
  ] as const) {
    const result = await measured(store, of, "mails", told, { positive: "yes" });
    kept = await measuredCosts(store, of, "mails", result, chose, costs);
    await measuredGroup(store, of, "all", { mails: result }, [{ metric: "cost", isWeighted: true }]);
  }
  await measured(store, bare, "mails", scored(120, 2.5), { positive: "yes" });
}, 60_000);
afterAll(async () => {
  await store.close();
  rmSync(root, { recursive: true, force: true });
});

async function gate(source: string, of: ModelVersion, current?: ModelVersion) {
  const side = async (v: ModelVersion) => ({ version: `mail@${v.number}`, measured: await measuredOf(store, v) });
  const condition = releaseCondition(source, "prod", ["mails", "all", "test"], "releases.prod.requires[0]");
  return metricGate(condition, await side(of), current && (await side(current)), "point", "releases.prod.requires[0]");
}
const costOf = ({ told, chose }: (typeof sides)["poor"]) =>
  scoreOf(measureOf("cost", { task: "mails", output: "classify", costs }), [...told, ...asChoosing(chose)]).value;

test("the condition has the cost at the version's own threshold, paired with the current one at its own; smaller is better", async () => {
  const passed = await gate("mails.cost <= current.mails.cost - 0.1", good, poor);
  expect(passed).toMatchObject({
    passed: true,
    evidence: "shown",
    items: 120,
    figures: { cost: costOf(sides.good), "current.cost": costOf(sides.poor) },
  });
  expect(passed.high!).toBeLessThan(0);
  expect(await gate("mails.cost <= current.mails.cost - 0.1", poor, good)).toMatchObject({ passed: false, evidence: "excluded" });
  expect(await gate("all.cost <= current.all.cost", good, poor)).toMatchObject({ passed: true, items: 120, value: costOf(sides.good) });
  expect(await gate("mails.cost <= 0.05", poor)).toMatchObject({ passed: false, outcome: "failed" });
});

test("a version of which nobody told what mistakes cost does not pass, on either side, and is told what to run", async () => {
  expect(await gate("mails.cost <= 1", bare)).toMatchObject({
    passed: false,
    outcome: "notComputed",
    told: "cost is not measured of mail@3 by mails: the task needs `costs`, and then loam eval mails --model mail@3",
  });
  // what a task has not is told with what it has, and what only two models have is asked elsewhere
  expect((await gate("mails.perplexity <= 9", good)).told).toMatch(/^perplexity is not measured of mail@2 by mails: it has acc, f1, mcc, /);
  expect(await gate("win_rate >= 0.5", good)).toMatchObject({
    passed: false,
    outcome: "notComputed",
    told: expect.stringContaining("loam eval --judge --fail-if asks it"),
  });
  const beside = await gate("mails.cost <= current.mails.cost", good, bare);
  expect(beside).toMatchObject({ passed: false, outcome: "notComputed" });
  expect(beside.told).toMatch(/answers to the items that choose the threshold.*loam eval mails --model mail@3/);
});

test("cards and differences tell it, and gc keeps what it was made of", async () => {
  const scores = (await modelCard(store, good)).evaluations.find(e => e.task === "mails")!.scores;
  expect(scores.find(s => s.metric === "cost")).toMatchObject({ value: costOf(sides.good), better: "lower", items: 120 });
  const { evaluations } = await versionDiff(store, poor, good);
  const changed = evaluations.find(e => e.task === "mails")!.differences.find(d => d.metric === "cost")!;
  expect(changed.value).toBeCloseTo(costOf(sides.good) - costOf(sides.poor), 12);
  expect(await evidenceOf(store, [good])).toContain(kept);
});

test("a classifier that was tuned with costs is judged by what it told, at the threshold that is part of it", async () => {
  // two of ten are likelier yes and told so; the threshold tells two more
  const lines = Array.from({ length: 10 }, (_, i) => {
    const yes = [0.9, 0.8, 0.4, 0.35, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1][i]!;
    return { id: `t${i}`, group: `g${i}`, truth: i < 3 ? "yes" : "no", predicted: yes > 0.3 ? "yes" : "no", scores: [1 - yes, yes] };
  });
  const evaluation = stage({
    name: "evaluate",
    version: 1,
    inputs: { model: "model" },
    options: z.strictObject({}),
    output: "evaluation",
    async run({ output }) {
      await output.write(
        "report.json",
        JSON.stringify({ task: "classification", classes: ["no", "yes"], threshold: { ...costs, rows: [] } }),
      );
      await output.write("predictions.jsonl", lines.map(l => `${JSON.stringify(l)}\n`).join(""));
      return {};
    },
  });
  const tuned = await version(store, 4);
  await runStage(store, evaluation, { inputs: { model: await openArtifact(store, tuned.artifact) }, options: {} });
  // one of ten is told wrongly: a false positive
  expect((await gate("test.acc >= 0.9", tuned)).figures).toEqual({ acc: 0.9 });
  expect(await gate("test.cost <= 0.2", tuned)).toMatchObject({ passed: true, figures: { cost: expect.closeTo(0.1, 12) }, items: 10 });
});
