import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { aliasGuardOf, type GuardRules, type ModelVersion, openStore, type Store, setGuards } from "../../store/index.ts";
import { judgeRelease } from "../gates/judge.ts";
import { releaseRules } from "../part.ts";
import { answers, measured, version } from "../toy.laws.ts";
import { modelCard, modelCardMarkdown } from "./card.ts";
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

test("card, report and difference tell the measures that the task names, and slice as it says; a gate knows them", async () => {
  const root = mkdtempSync(join(tmpdir(), "loam-told-"));
  const own = await openStore({ root });
  try {
    const [before, after] = [await version(own, 1), await version(own, 2)];
    const told = {
      positive: "yes",
      metrics: ["pr_auc", "f1:no", "ece"],
      slices: [
        { by: "size", parts: 2 },
        { by: "length", parts: 3 },
      ],
    };
    const items = (right: number) => sized(40, right).map((a, i) => ({ ...a, attributes: { ...a.attributes, size: i, unasked: "x" } }));
    await measured(own, before, "mails", items(25), told);
    await measured(own, after, "mails", items(31), told);
    await measured(own, after, "plain", answers(10, 9));
    const named = (list: readonly { readonly metric: string }[]) => list.map(s => s.metric);
    const card = await modelCard(own, after);
    expect(card.evaluations.map(e => [e.task, named(e.scores)]).sort()).toEqual([
      ["mails", told.metrics],
      ["plain", ["acc", "f1", "mcc"]],
    ]);
    for (const metric of told.metrics) expect(modelCardMarkdown(card)).toContain(`| mails | ${metric} |`);
    expect(modelCardMarkdown(card)).not.toContain("| mails | acc |");
    const [report] = await evaluationReport(own, after, before);
    expect(named(report!.scores)).toEqual(told.metrics);
    expect(named(report!.comparison!.differences)).toEqual(told.metrics);
    expect(report!.slices.map(s => [s.by, s.group, s.items, named(s.scores)])).toEqual([
      ["size", "0 to 19", 20, ["pr_auc"]],
      ["size", "20 to 39", 20, ["pr_auc"]],
      ["length", "short", 26, ["pr_auc"]],
      ["length", "long", 14, ["pr_auc"]],
    ]);
    expect((await versionDiff(own, before, after)).evaluations[0]).toEqual({ task: "mails", differences: report!.comparison!.differences });
    // a name that only the task has is one that a condition may have meant
    const search = await version(own, 3);
    const found = answers(4, 4).map(a => ({ ...a, found: [[1, 0, 1] as const] }));
    await measured(own, search, "search", found, { output: "retrieval", metrics: ["ndcg@3"] });
    await setGuards(own, { prod: releaseRules.parse({ requires: ["ndgc@3 > 0.5"] }) as GuardRules });
    await expect(judgeRelease(own, await aliasGuardOf(own.records.read, "mail", "prod"), "prod", search)).rejects.toThrow(
      /expected a measure: .*ndcg@3.*Did you mean "ndcg@3"/,
    );
  } finally {
    await own.close();
    rmSync(root, { recursive: true, force: true });
  }
});
