/** Runs that go on, as the console sees them: trainings, tunings, and stages of one's own, with what they have logged so far. */
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import * as contract from "../../../console/src/generated/server.ts";
import { openStore, runStage, type StageContext, stage } from "../../store/index.ts";
import { metricLine, openMetrics } from "../../train/index.ts";
import { consoleSource } from "./console-source.ts";

const point = (step: number) => ({ step, tokens: 8 * step, loss: 1 / step, learningRate: 0.1, tokensPerSecond: 5, gradientNorm: 1 });

/** A stage that does something and then waits until it is let go. */
function held(
  name: string,
  output: "model" | "adapter",
  begin: (context: StageContext<never, unknown>) => (() => Promise<void>) | undefined,
) {
  let [letGo, begun] = [() => {}, () => {}];
  const going = new Promise<void>(resolve => {
    letGo = resolve;
  });
  const hasBegun = new Promise<void>(resolve => {
    begun = resolve;
  });
  const definition = stage({
    name,
    version: 1,
    inputs: {},
    options: z.strictObject({}),
    output,
    async run(context) {
      const end = begin(context as never);
      begun();
      await going;
      await context.output.write("weights.bin", name);
      await end?.();
      return {};
    },
  });
  return { definition, letGo, hasBegun };
}

async function opened() {
  const root = mkdtempSync(join(tmpdir(), "loam-console-source-"));
  const store = await openStore({ root });
  onTestFinished(async () => {
    await store.close();
    rmSync(root, { recursive: true, force: true });
  });
  const source = consoleSource("toy", store);
  /** As the page gets them: through JSON and its contract. */
  const runs = async () => contract.answers["GET /api/runs"].parse(JSON.parse(JSON.stringify(await source.runs())));
  const points = async (id: string) => contract.metrics.parse({ points: JSON.parse(JSON.stringify(await source.metrics(id))) }).points;
  return { store, source, runs, points };
}

test("a run under way says how much is done and when it is expected to end, as of its newest heartbeat", async () => {
  const { store, runs } = await opened();
  const before = Date.now();
  const { definition, letGo, hasBegun } = held("train", "model", c => {
    c.progress({ stage: "train", done: 0.25, leftMs: 60_000 });
    // says nothing of how far it is
    c.progress({ stage: "train", message: "saved a checkpoint" });
    return undefined;
  });
  const result = runStage(store, definition, { inputs: {}, options: {} });
  await hasBegun;
  await expect.poll(async () => (await runs())[0]!.done, { timeout: 60_000 }).toBe(0.25);
  expect((await runs())[0]!.finishesAt).toBeGreaterThanOrEqual(before + 60_000);
  letGo();
  await result;
  expect((await runs())[0]).toMatchObject({ stage: "train", endedAt: expect.any(Number) });
  expect((await runs())[0]!.done).toBeUndefined();
});

test.each([
  ["tune-classify", "model"],
  ["tune-instruct-adapter", "adapter"],
  ["train", "model"],
] as const)("a run of %s is listed with its curve while it goes on, under the name that it ends with", async (name, kind) => {
  const { store, runs, points } = await opened();
  let scratch = "";
  const { definition, letGo, hasBegun } = held(name, kind, c => {
    scratch = c.scratch;
    return async () => c.output.write("metrics.jsonl", [1, 2, 3].map(s => metricLine(point(s))).join(""));
  });
  const result = runStage(store, definition, { inputs: {}, options: {} });
  await hasBegun;
  const [run] = await runs();
  expect(run).toMatchObject({ stage: name, endedAt: null });
  expect(await points(run!.artifact)).toEqual([]);
  appendFileSync(join(scratch, "metrics.jsonl"), `${metricLine(point(1))}${metricLine(point(2))}{"step":3,"tok`);
  expect((await points(run!.artifact)).map(p => [p.step, p.loss])).toEqual([
    [1, 1],
    [2, 0.5],
  ]);
  letGo();
  const { artifact } = await result;
  expect(artifact.id).toBe(run!.artifact);
  const [ended, ...others] = await runs();
  expect([ended!.artifact, ended!.endedAt === null, others.length]).toEqual([artifact.id, false, 0]);
  expect(await points(artifact.id)).toHaveLength(3);
});

test("a stage of one's own is a run as soon as it logs, and its numbers are curves, live and afterwards", async () => {
  const { store, source, runs, points } = await opened();
  let log = (_: number, __: Record<string, number>): void => {};
  const { definition, letGo, hasBegun } = held("own-train", "model", c => {
    let metrics: ReturnType<typeof openMetrics>;
    log = (step, values) => {
      metrics ??= openMetrics(c);
      metrics.log(step, values);
    };
    return () => metrics.write();
  });
  const result = runStage(store, definition, { inputs: {}, options: {} });
  await hasBegun;
  expect(await runs()).toEqual([]);
  log(1, { loss: 2, purity: 0.5 });
  log(2, { loss: 1, purity: 0.75 });
  const [run] = await runs();
  const curves = async () => contract.logged.parse(JSON.parse(JSON.stringify(await source.releases!.logged(run!.artifact))));
  const columns = { loss: [2, 1], purity: [0.5, 0.75] };
  expect(await curves()).toMatchObject({ stage: "own-train", steps: [1, 2], columns });
  // the page Training draws against tokens too: without any it has no points, and no error
  expect(await points(run!.artifact)).toEqual([]);
  letGo();
  expect((await result).artifact.id).toBe(run!.artifact);
  expect(await curves()).toMatchObject({ stage: "own-train@1", steps: [1, 2], columns });
});

test("what runs and trains nothing is no run", async () => {
  const { store, runs } = await opened();
  const { definition, letGo, hasBegun } = held("import", "model", () => undefined);
  const result = runStage(store, definition, { inputs: {}, options: {} });
  await hasBegun;
  expect(await runs()).toEqual([]);
  letGo();
  await result;
});
