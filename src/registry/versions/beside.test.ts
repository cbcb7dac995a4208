import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { type Cleanness, contaminationSplit, type ItemResult, type JudgedItem, measureOf } from "../../evaluate/index.ts";
import { type ModelVersion, openArtifact, openStore, runStage, type Store, stage } from "../../store/index.ts";
import { answers, measured, version } from "../toy.laws.ts";
import { evaluationReport } from "./report.ts";

const root = mkdtempSync(join(tmpdir(), "loam-beside-"));
let store: Store;
let first: ModelVersion;
let second: ModelVersion;
beforeAll(async () => {
  store = await openStore({ root });
  [first, second] = [await version(store, 1), await version(store, 2)];
});
afterAll(async () => {
  await store.close();
  rmSync(root, { recursive: true, force: true });
});

/** Answers of which the first `right` are right, with what came in words and a time of their own. */
const told = (n: number, right: number): ItemResult[] =>
  answers(n, right).map((a, i) => {
    const isRight = i < right;
    return { ...a, right: a.choices![a.gold![0]!]!, came: a.choices![isRight ? a.gold![0]! : 1 - a.gold![0]!]!, ms: (i * 7) % n };
  });

/** Records what a stage of `loam eval` gives. */
async function recorded(
  name: string,
  output: string,
  file: string,
  text: string,
  options: Record<string, string>,
  inputs: Record<string, string> = {},
  force = false,
) {
  const made = stage({
    name,
    version: 1,
    inputs: Object.fromEntries(Object.keys(inputs).map(key => [key, key === "model" ? "model" : "task-result"])),
    options: z.record(z.string(), z.string()),
    output,
    async run({ output }) {
      await output.write(file, text);
      return { judge: "sage" };
    },
  });
  const opened = await Promise.all(Object.entries(inputs).map(async ([key, id]) => [key, await openArtifact(store, id)] as const));
  return (await runStage(store, made, { inputs: Object.fromEntries(opened), options, force })).artifact.id;
}

test("variants of the very items stand with what is answered alike; an older one and one of other items do not", async () => {
  await measured(store, first, "folders", told(40, 30), { digest: "d" });
  await measured(store, first, "folders", told(40, 12), { digest: "d", variant: "typos" });
  await measured(store, first, "folders", told(40, 39), { digest: "d", variant: "upper" });
  // asked before the file was changed, and asked again
  await measured(store, first, "folders", told(40, 11), { digest: "old", variant: "lower" });
  await measured(store, first, "folders", told(40, 26), { digest: "d", variant: "typos" });
  const [folders] = await evaluationReport(store, first);
  expect(folders!.scores[0]).toMatchObject({ metric: "acc", value: 30 / 40 });
  expect(folders!.variants.map(v => [v.variant, v.alike!.value, v.numTurned])).toEqual([
    ["typos", 36 / 40, 4],
    ["upper", 31 / 40, 9],
  ]);
  const [typos, upper] = folders!.variants;
  expect(typos!.differences[0]).toMatchObject({ metric: "acc", value: expect.closeTo(-4 / 40, 12), wins: 0, losses: 4 });
  expect(typos!.turned.map(t => t.id)).toEqual(["i26", "i27", "i28", "i29"]);
  expect(typos!.turned.every(t => t.before === t.right && t.came !== t.right)).toBe(true);
  expect(upper!.differences[0]).toMatchObject({ value: expect.closeTo(9 / 40, 12), wins: 9, losses: 0 });
});

test("what is most wrong is wrong, and what is slowest took longest", async () => {
  const [{ worst, slowest }] = (await evaluationReport(store, first)) as [Awaited<ReturnType<typeof evaluationReport>>[number]];
  expect(worst.map(w => w.id).sort()).toEqual(Array.from({ length: 10 }, (_, i) => `i${30 + i}`).sort());
  expect(worst.every(w => w.came !== w.right)).toBe(true);
  expect(slowest).toHaveLength(25);
  expect(slowest.map(s => s.ms)).toEqual(Array.from({ length: 25 }, (_, i) => 39 - i));
});

test("items that the training data holds are told apart by what was recorded for this very result", async () => {
  const cleanness = Array.from({ length: 40 }, (_, i): Cleanness => (i % 4 === 0 ? "contaminated" : i % 4 === 1 ? "unknown" : "clean"));
  const checks = [{ data: "documents-1", set: "own", file: "folders.jsonl", isSameFile: true, action: "mark" }];
  const [before] = await evaluationReport(store, first);
  expect(before!.contamination).toBeUndefined();
  const inputs = { model: first.artifact, result: before!.artifact };
  await recorded(
    "eval-seen",
    "seen-items",
    "seen.json",
    JSON.stringify({ format: 1, checks, unchecked: ["documents-2"], cleanness }),
    { result: before!.artifact },
    inputs,
  );
  const [after] = await evaluationReport(store, first);
  const { checks: said, unchecked, ...split } = after!.contamination!;
  expect([said, unchecked]).toEqual([checks, ["documents-2"]]);
  expect(split).toMatchObject({ clean: 20, contaminated: 10, unknown: 10 });
  const measures = ["acc", "f1", "mcc"].map(m => measureOf(m, { task: "folders", output: "classify" }));
  expect(split).toEqual(contaminationSplit(told(40, 30), cleanness, measures));
  // of other answers nothing is said
  await measured(store, second, "folders", told(40, 20), { digest: "d" });
  expect((await evaluationReport(store, second))[0]!.contamination).toBeUndefined();
});

const written = (text: string): ItemResult[] =>
  Array.from({ length: 12 }, (_, i) => ({
    ...{ id: `w${i}`, place: `w:${i}`, prompt: `p${i}`, right: "yes", came: `${text}${i}`, ms: 1, attributes: {} },
    ...{ texts: [`${text}${i}`], references: ["yes"] },
  }));

test("a judge's verdicts are told from both sides: what one won the other lost, and the judge is as trustworthy", async () => {
  const [mine, other] = [
    await measured(store, first, "replies", written("a"), { digest: "r", output: "generate_until" }),
    await measured(store, second, "replies", written("b"), { digest: "r", output: "generate_until" }),
  ];
  // 5 wins, 2 losses, 3 contradictions towards the first place, one agreed tie, one that could not be read
  const orders = [
    ...Array(5).fill(["win", "win"]),
    ...Array(2).fill(["loss", "loss"]),
    ...Array(3).fill(["win", "loss"]),
    ["tie", "tie"],
    [undefined, "win"],
  ] as const;
  const together = (a: string | undefined, b: string | undefined) => (a === undefined || b === undefined ? undefined : a === b ? a : "tie");
  const judged = orders.map(([shownFirst, shownSecond], i) => ({
    ...{ id: `w${i}`, place: `w:${i}`, prompt: `p${i}`, first: `a${i}`, second: `b${i}` },
    ...{ shownFirst, shownSecond, outcome: together(shownFirst, shownSecond), said: [`one ${i}`, `two ${i}`] },
  })) as unknown as JudgedItem[];
  const lines = judged.map(j => `${JSON.stringify(j)}\n`).join("");
  const artifact = await recorded("judge", "judgement", "judged.jsonl", lines, { task: "replies", first: mine, second: other });
  // a study's judgement is of another kind
  await recorded("study-judge", "judgement", "judged.jsonl", "{}", { first: mine, second: other });

  const of = async (v: ModelVersion) => (await evaluationReport(store, v)).find(t => t.task === "replies")!.judgements;
  const [[from, ...more], [back]] = [await of(first), await of(second)];
  expect(more).toEqual([]);
  expect(from).toMatchObject({ artifact, judge: "sage", beside: "mail@2", wins: 5, losses: 2, ties: 4, contradictions: 3, unread: 1 });
  expect(back).toMatchObject({ artifact, judge: "sage", beside: "mail@1", wins: 2, losses: 5, ties: 4, contradictions: 3, unread: 1 });
  expect(from!.winRate.value).toBeCloseTo((5 + 2) / 11, 12);
  expect(from!.winRate.value + back!.winRate.value).toBeCloseTo(1, 12);
  for (const key of ["agreement", "kappa", "p", "biasP"] as const) expect(back![key]).toBeCloseTo(from![key], 12);
  expect(back!.preferredFirst).toEqual(from!.preferredFirst);
  expect(from!.won.map(i => [i.id, i.came, i.before])).toEqual([0, 1, 2, 3, 4].map(i => [`w${i}`, `a${i}`, `b${i}`]));
  expect(back!.lost.map(i => [i.id, i.came, i.before])).toEqual([0, 1, 2, 3, 4].map(i => [`w${i}`, `b${i}`, `a${i}`]));
  expect(from!.contradicted.map(i => i.id)).toEqual(["w7", "w8", "w9"]);
  // its own answer first, then the other's first
  expect([from!.won[0]!.said, back!.lost[0]!.said]).toEqual([
    ["one 0", "two 0"],
    ["two 0", "one 0"],
  ]);

  // judged afresh, the newest word counts
  const anew = judged.slice(0, 7).map(j => `${JSON.stringify(j)}\n`);
  const later = await recorded(
    "judge",
    "judgement",
    "judged.jsonl",
    anew.join(""),
    { task: "replies", first: mine, second: other },
    {},
    true,
  );
  expect(later).not.toBe(artifact);
  expect(await of(first)).toMatchObject([{ artifact: later, wins: 5, losses: 2, ties: 0, unread: 0 }]);
});
