/** Loops of models that tell no classes: a number of a text, and text itself. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { releasesOf } from "../../store/index.ts";
import { openProject } from "../open-project.ts";
import { dayAt, firstVersion, type LoopFixture, loopFixture, sentences } from "./fixture.laws.ts";
import type { LoopRunReport } from "./loop-runs.ts";

const fixtures: LoopFixture[] = [];
afterAll(() => {
  for (const f of fixtures) f.remove();
});

type Rows = ReturnType<typeof sentences>;
const scored = (rows: Rows) => rows.map(row => ({ ...row, score: row.label === "good" ? 1 : 0 }));

const shared = { on: "first", length: 24, epochs: 3, rate: 0.01, evaluations: 1 };
const kinds = [
  { name: "regression", tune: { ...shared, task: "regress", label: "score", batch: 16, pooling: "mean", baselines: [] } },
  {
    name: "instruction tuning",
    tune: { ...shared, task: "instruct", format: "completion", columns: { prompt: "text", completion: "label" }, length: 40 },
  },
];

test.each(kinds)(
  "$name: a round is judged by the loss of its own kind, promoted where that falls, and rejected where it does not",
  async ({ tune }) => {
    const loop = { gates: { frozen: 0.5, recent: 0.01 }, signals: { quality: { least: 60, worse: 0.05 } }, cooldown: "0s" };
    const fixture = await loopFixture(loop, { models: { mood: { base: "random", tune } } });
    fixtures.push(fixture);
    const first = scored(sentences("old", 240, dayAt(0), "first"));
    writeFileSync(join(fixture.folder, "first.jsonl"), first.map(r => `${JSON.stringify(r)}\n`).join(""));
    const project = await openProject(fixture.folder);
    const run = async (day: number) => (await project.loop.run("mood", { now: () => dayAt(day) })) as LoopRunReport;
    await firstVersion(project);
    await run(1);
    fixture.arrive(scored(sentences("new", 300, dayAt(3), "second")));
    const report = await run(4);
    const [round] = report.past;
    expect(report.why).toBe("prod is mood@2");
    expect(round).toMatchObject({ outcome: "promoted", trigger: { kind: "quality", figures: { metric: "loss" } } });
    const gates = round!.evidence.gates!.gates as unknown as { set: string; metric: string; difference: number; documents: number }[];
    expect(gates.map(g => g.metric)).toEqual(["loss", "loss"]);
    expect(gates.every(g => g.documents > 20)).toBe(true);
    expect(gates[1]!.difference).toBeLessThan(-0.01);
    // more of the same wins nothing
    fixture.arrive(scored(sentences("new", 120, dayAt(5), "third")));
    expect((await run(12)).past[0]).toMatchObject({ number: 2, outcome: "rejected", trigger: { kind: "schedule" } });
    const moves = await releasesOf((await project.store()).records.read, "mood", "prod");
    expect(moves.map(m => m.number)).toEqual([1, 2]);
    await project.close();
  },
);

test("a loop of a kind without losses by document, one that learns from a file, and errors counted of numbers are refused with their place", async () => {
  const refused = async (tune: object, loop: object = {}): Promise<unknown> => {
    const fixture = await loopFixture(loop, { models: { mood: { base: "random", tune } } });
    fixtures.push(fixture);
    return openProject(fixture.folder).then(
      p => p.close(),
      error => (error as Error).message,
    );
  };
  expect(await refused({ task: "distill", on: "first", teacher: "random" })).toContain(
    "expected a model with `task: classify` or `task: regress` or `task: instruct`",
  );
  expect(await refused({ task: "instruct", on: "./chats.jsonl" })).toContain("a model that learns from a data set");
  expect(await refused(kinds[0]!.tune, { gates: { metric: "errorRate" } })).toContain("loop.mood.gates.metric");
});
