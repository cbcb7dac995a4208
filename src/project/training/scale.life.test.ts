/** A ladder and a rate range of a toy project through the library: planned, stopped, resumed, and read. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../test/support/project.ts";
import { createProject, openProject } from "../open-project.ts";
import type { ScaleReport } from "./scale.ts";

async function toyProject() {
  const folder = join(temporaryFolder(), "little");
  await (await createProject(folder)).close();
  const file = join(folder, "loam.yaml");
  const yaml = readFileSync(file, "utf8")
    .replace("vocab: 512", "vocab: 300")
    .replace("width: 96", "width: 48")
    .replace("context: 128", "context: 32")
    .replace("tokens: 240k", "tokens: 200k")
    .replace(/rows: \d+/, "rows: 2");
  writeFileSync(file, yaml);
  return openProject(folder);
}

test("a ladder is planned within its budget, goes on where it was stopped, and predicts the run with an interval", async () => {
  await using project = await toyProject();
  const seconds = 60;
  const plan = await project.scale("little", { seconds, dryRun: true });
  expect(plan).not.toHaveProperty("law");
  expect(plan.estimatedSeconds).toBeLessThanOrEqual(seconds);
  expect(plan.runs.every(r => !r.isKnown && r.parameters < plan.target.parameters)).toBe(true);

  // stopped in the second run
  const stop = new AbortController();
  const running = project.scale("little", { seconds, signal: stop.signal });
  await expect(
    (async () => {
      for await (const e of running) if (e.event === "progress" && /run 2 of/.test(e.message ?? "")) stop.abort();
      return await running;
    })(),
  ).rejects.toThrow();
  const resumed = (await project.scale("little", { seconds, dryRun: true })).runs;
  expect(resumed.map(r => [r.width, r.tokens])).toEqual(plan.runs.map(r => [r.width, r.tokens]));
  expect(resumed[0]!.isKnown).toBe(true);
  expect(resumed.at(-1)!.isKnown).toBe(false);

  const report = (await project.scale("little", { seconds })) as ScaleReport;
  expect(report.runs.length).toBe(plan.runs.length);
  for (const r of report.runs) expect(r.processorSeconds).toBeGreaterThan(0);
  expect(report.check.actual).toBe(report.runs.reduce((a, b) => (b.parameters * b.tokens >= a.parameters * a.tokens ? b : a)).loss);
  expect(report.prediction.low).toBeLessThanOrEqual(report.prediction.loss);
  expect(report.prediction.loss).toBeLessThanOrEqual(report.prediction.high);
  expect(report.prediction.loss).toBeLessThan(Math.max(...report.runs.map(r => r.loss)));
  // what is known runs no second time
  const again = (await project.scale("little", { seconds })) as ScaleReport;
  expect(again.runs.map(r => [r.loss, r.processorSeconds])).toEqual(report.runs.map(r => [r.loss, r.processorSeconds]));
  await expect(project.scale("little", { seconds: 1 }).then(() => undefined)).rejects.toThrow(
    /train scale: seconds.*at least \d+ processor seconds/s,
  );
});

test("a rate range grows its rate from step to step and suggests one within it", async () => {
  await using project = await toyProject();
  const report = await project.rates("little", { steps: 40, from: 1e-4, to: 1 });
  expect(report.points[0]!.rate).toBeCloseTo(1e-4, 10);
  for (let i = 1; i < report.points.length; i++) expect(report.points[i]!.rate).toBeGreaterThan(report.points[i - 1]!.rate);
  expect(report.suggested).toBeGreaterThan(1e-4);
  expect(report.suggested).toBeLessThan(1);
  await expect(project.rates("little", { from: 1, to: 0.1 }).then(() => undefined)).rejects.toThrow(/rate range.*0 < from < to/s);
});
