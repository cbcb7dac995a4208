/** What gates, cards and pages say of a tuned classifier is what its report said: the same items, drawn in the same groups. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { random } from "../../base/index.ts";
import { classificationScores, confusion } from "../../evaluate/index.ts";
import { evaluationReport, judgeRelease, modelCard, modelCardMarkdown, releaseRules, versionDiff } from "../../registry/index.ts";
import { bootstrap } from "../../statistics/index.ts";
import { aliasGuardOf, type GuardRules, openStore, registerVersion, runStage, type Store, setGuards, stage } from "../../store/index.ts";
import { compareSystems, type DescribedExample, predictionLines, predictionsFile } from "../../tune/index.ts";

const root = mkdtempSync(join(tmpdir(), "loam-classifier-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const classes = ["glad", "low"];
const groups = 24;
/** Five texts a group that say nearly the same: a system is right about all of a group or about none, but for a few. */
const texts: DescribedExample[] = Array.from({ length: groups * 5 }, (_, i) => ({
  id: `d${i}`,
  text: `note ${i} ${"and so on ".repeat(i)}`,
  label: Math.floor(i / 5) % 2,
  group: `g${Math.floor(i / 5)}`,
  isMade: false,
  attributes: { mood: "hidden", language: i % 3 ? "en" : "de" },
}));
function predictedOf(skill: number, seed: string): Int32Array {
  const r = random(seed);
  const groupRight = Array.from({ length: groups }, () => r.uniform() < skill);
  return Int32Array.from(texts, (e, i) => (groupRight[Math.floor(i / 5)] === r.uniform() < 0.95 ? e.label : 1 - e.label));
}

/** A version whose evaluation is recorded as tuning records it, or as it did before it kept groups. */
async function tuned(store: Store, predicted: Int32Array, isOld = false) {
  const key = predicted.join("");
  const made = stage({
    name: "tune-classify",
    version: 1,
    inputs: {},
    options: z.strictObject({ key: z.string() }),
    output: "model",
    async run({ output, options }) {
      await output.write("weights.bin", Buffer.from(options.key));
      return {};
    },
  });
  const { artifact: model } = await runStage(store, made, { inputs: {}, options: { key } });
  const probabilities = Array.from(predicted, p => (p === 0 ? [0.8, 0.2] : [0.2, 0.8]));
  const system = { name: "m", kind: "model", predicted } as const;
  const { groups, ...report } = compareSystems({
    classes,
    truth: Int32Array.from(texts, t => t.label),
    groups: texts.map(t => t.group),
    model: system,
    baselines: [],
  });
  const evaluation = stage({
    name: "evaluate-classifier",
    version: 1,
    inputs: { model: "model" },
    options: z.strictObject({ isOld: z.boolean() }),
    output: "evaluation",
    async run({ output }) {
      await output.write("report.json", JSON.stringify({ task: "classification", classes, test: { groups }, ...report }));
      const lines = predictionLines({ test: texts, label: "mood", classes, predicted, probabilities });
      const old = lines.replaceAll(/"(group|text)":"[^"]*",?/g, "").replaceAll(/,"attributes":\{[^}]*\}/g, "");
      await output.write(predictionsFile, isOld ? old.replaceAll(",}", "}") : lines);
      return {};
    },
  });
  await runStage(store, evaluation, { inputs: { model }, options: { isOld } });
  return { version: await registerVersion(store, "mood", model.id, {}), report: report.scores[0]! };
}

async function using(name: string, work: (store: Store) => Promise<void>): Promise<void> {
  const store = await openStore({ root: join(root, name) });
  try {
    await work(store);
  } finally {
    await store.close();
  }
}
const judged = async (store: Store, requires: string, { version }: Awaited<ReturnType<typeof tuned>>) => {
  await setGuards(store, { prod: releaseRules.parse({ requires: [requires] }) as GuardRules });
  return (await judgeRelease(store, await aliasGuardOf(store.records.read, "mood", "prod"), "prod", version)).gates[0]!;
};

test("intervals of Evaluations, card and gate are those of the report, drawn by its groups", () =>
  using("groups", async store => {
    const predicted = predictedOf(0.7, "a");
    const own = await tuned(store, predicted);
    const { accuracy, macroF1 } = own.report;
    const [shown] = await evaluationReport(store, own.version);
    const card = (await modelCard(store, own.version)).evaluations[0]!;
    for (const scores of [shown!.scores, card.scores])
      for (const [metric, { value, low, high }] of [["acc", accuracy] as const, ["f1", macroF1] as const]) {
        const found = scores.find(s => s.metric === metric)!;
        for (const [got, want] of [
          [found.value, value],
          [found.low, low],
          [found.high, high],
        ] as const)
          expect(got).toBeCloseTo(want, 12);
      }
    expect(card).not.toHaveProperty("note");
    // a gate has one-sided bounds of 95 %, the ends of an interval of 90 %
    const truth = Int32Array.from(texts, t => t.label);
    const { low, high } = bootstrap(texts.length, at => classificationScores(confusion({ classes, truth, predicted }, at)).macro.f1, {
      draws: 2000,
      confidence: 0.9,
      clusters: Int32Array.from(texts, (_, i) => Math.floor(i / 5)),
    });
    const gate = await judged(store, "f1 >= 0.5", own);
    expect(gate.low! + 0.5).toBeCloseTo(low, 9);
    expect(gate.high! + 0.5).toBeCloseTo(high, 9);
    expect(gate.told).not.toContain("kept no groups");
  }));

test("an evaluation that kept no groups is read as before, narrower than the report, and says so", () =>
  using("old", async store => {
    const own = await tuned(store, predictedOf(0.7, "a"), true);
    const card = await modelCard(store, own.version);
    const f1 = card.evaluations[0]!.scores.find(s => s.metric === "f1")!;
    const { value, low, high } = own.report.macroF1;
    expect(f1.value).toBeCloseTo(value, 12);
    expect(f1.high - f1.low).toBeLessThan(0.8 * (high - low));
    expect(card.evaluations[0]!.note).toContain("kept no groups");
    expect(modelCardMarkdown(card)).toMatch(/^test: its intervals take texts one by one/m);
    expect((await judged(store, "f1 >= 0.5", own)).told).toMatch(/\(its intervals take texts one by one: this evaluation kept no groups;/);
    expect((await evaluationReport(store, own.version))[0]).toMatchObject({ slices: [], items: texts.length });
  }));

test("two versions are compared text by text, with slices by what the data set has", () =>
  using("texts", async store => {
    const [first, second] = [await tuned(store, predictedOf(0.6, "a")), await tuned(store, predictedOf(0.9, "b"))];
    const [shown] = await evaluationReport(store, second.version, first.version);
    const { wins, losses, differences } = shown!.comparison!;
    expect([...wins, ...losses].length).toBeGreaterThan(10);
    for (const item of [...wins, ...losses]) expect(item.prompt).toBe(texts.find(t => t.id === item.id)!.text.slice(0, 500));
    const by = new Map(shown!.slices.map(s => [`${s.by}: ${s.group}`, s.items]));
    expect([by.get("language: en"), by.get("language: de")]).toEqual([80, 40]);
    expect([...by.keys()].filter(k => k.startsWith("length of text: "))).toHaveLength(4);
    expect([...by.keys()].some(k => k.startsWith("mood"))).toBe(false);
    expect((await versionDiff(store, first.version, second.version)).evaluations[0]!.differences).toEqual(differences);
  }));
