/** Rounds of a loop by a project, from new documents to the alias: what is promoted, what is refused, and what is told. */
import { afterAll, expect, test } from "vitest";
import { releasesOf, verify } from "../../store/index.ts";
import { openProject, type Project } from "../open-project.ts";
import { dayAt, firstVersion, flipped, type LoopFixture, loopFixture, sentences } from "./fixture.laws.ts";
import { takeLease } from "./lease.ts";
import type { LoopDryRun, LoopRunOptions, LoopRunReport } from "./loop-runs.ts";

const fixtures: LoopFixture[] = [];
afterAll(() => {
  for (const f of fixtures) f.remove();
});

async function opened(loop: object = {}, more: object = {}) {
  const fixture = await loopFixture(loop, more);
  fixtures.push(fixture);
  const project = await openProject(fixture.folder);
  await firstVersion(project);
  return { fixture, project };
}

/** A call at a day. */
const run = async (project: Project, day: number, options: LoopRunOptions = {}): Promise<LoopRunReport> =>
  (await project.loop.run("mood", { ...options, now: () => dayAt(day) })) as LoopRunReport;

const moves = async (project: Project) => (await releasesOf((await project.store()).records.read, "mood", "prod")).map(r => r.number);
const stepsIn = async (project: Project) => {
  const rows = await (await project.store()).records.read.selectFrom("log").select("entry").orderBy("position").execute();
  return rows.map(r => JSON.parse(r.entry) as { type: string; step?: string; round?: number }).filter(e => e.type === "loop");
};

test("a round learns what is new, is proved on both test sets, moves the alias once, and every step is in the log", async () => {
  const { fixture, project } = await opened({ signals: { quality: { least: 60 } } });
  expect(await run(project, 2)).toMatchObject({ phase: "idle", steps: [], look: { newDocuments: 0 } });
  fixture.arrive(sentences("new", 200, dayAt(3), "second"));
  const dry = (await project.loop.run("mood", { dryRun: true, now: () => dayAt(4) })) as LoopDryRun;
  expect(dry).toMatchObject({ newDocuments: 200, decision: { trigger: { kind: "quality" } } });
  const report = await run(project, 4);
  expect(report.steps).toEqual(["triggered", "data", "training", "gates", "promotion", "promoted"]);
  expect(report.past[0]).toMatchObject({ number: 1, outcome: "promoted", candidate: { version: 2 }, trigger: { kind: "quality" } });
  const gates = report.past[0]!.evidence.gates!.gates as unknown as { set: string; passed: boolean; difference: number }[];
  expect(gates.map(g => [g.set, g.passed])).toEqual([
    ["frozen", true],
    ["recent", true],
  ]);
  expect(gates[1]!.difference).toBeLessThan(-0.1);
  expect(report.past[0]!.coreSeconds).toBeGreaterThan(0);
  expect(await moves(project)).toEqual([1, 2]);
  // the new documents are not new again, and the cool-down holds
  expect(await run(project, 4.5)).toMatchObject({ phase: "idle", steps: [], look: { newDocuments: 0 } });
  expect((await stepsIn(project)).map(e => e.step)).toEqual(report.steps);
  expect(await verify(await project.store())).toMatchObject({ ok: true });
  await project.close();
});

test("an update of flipped labels is never promoted, though its own recent test set praises it", async () => {
  const { fixture, project } = await opened({ every: "2d" });
  await run(project, 1);
  const poison = sentences("old", 200, dayAt(3), "poison").map((row, i) => (i % 10 < 6 ? flipped(row) : row));
  fixture.arrive(poison);
  const report = await run(project, 4);
  expect(report.past[0]).toMatchObject({ outcome: "rejected", why: expect.stringContaining("frozen test set") });
  expect(await moves(project)).toEqual([1]);
  await project.close();
});

test("conditions and approvals of the release hold: the loop waits for them, and promotes when they are there", async () => {
  const releases = { prod: { requires: ["test.f1 >= 0.6"], approvals: [{ role: "reviewer", unsigned: true }] } };
  const { fixture, project } = await (async () => {
    const fixture = await loopFixture({}, { releases });
    fixtures.push(fixture);
    const project = await openProject(fixture.folder);
    await project.tune("mood");
    await project.releases.approve("mood@1", { for: "prod", role: "reviewer", by: "bob" });
    await project.promote("mood@1", "prod");
    return { fixture, project };
  })();
  fixture.arrive(sentences("new", 200, dayAt(8), "second"));
  const waiting = await run(project, 9, { force: true, by: "ann" });
  expect(waiting).toMatchObject({ phase: "approval", why: "waiting for approval" });
  expect(await run(project, 9.1)).toMatchObject({ phase: "approval", steps: [] });
  await project.releases.approve("mood@2", { for: "prod", role: "reviewer", by: "bob" });
  expect((await run(project, 9.2)).steps).toEqual(["approval", "promotion", "promoted"]);
  expect(await moves(project)).toEqual([1, 2]);
  // taken back by a person: the alias returns, and the log has it
  expect(await project.loop.rollback("mood", { by: "ann", reason: "angry customers" })).toMatchObject({
    changed: true,
    phase: "rolling back",
  });
  expect((await run(project, 9.3)).past[0]).toMatchObject({ outcome: "rolled back", why: "ann: angry customers" });
  expect(await moves(project)).toEqual([1, 2, 1]);
  expect(await project.loop.rollback("mood")).toMatchObject({ changed: false });
  expect(await verify(await project.store())).toMatchObject({ ok: true });
  await project.close();
});

test("three rounds that fail in a row pause the loop and say so; resumed, it goes on", async () => {
  const { fixture, project } = await opened({ budget: { round: 0.001 }, cooldown: "0s", every: "0s" });
  fixture.arrive(sentences("new", 100, dayAt(3), "second"));
  for (const day of [4, 5, 6]) await run(project, day);
  const status = await project.loop.status("mood");
  expect(status.past.map(r => r.outcome)).toEqual(["failed", "failed", "failed"]);
  expect(status.paused).toMatchObject({ by: "loop", why: expect.stringContaining("core-seconds") });
  expect(await run(project, 7)).toMatchObject({ steps: [], why: expect.stringContaining("3 rounds in a row failed") });
  expect(await project.loop.resume("mood")).toMatchObject({ paused: null, changed: true });
  await project.close();
});

test("a second loop on the same record is refused with who runs the first", async () => {
  const { fixture, project } = await opened();
  const other = await openProject(fixture.folder);
  const lease = await takeLease(await project.store(), "mood");
  await expect(other.loop.run("mood")).rejects.toMatchObject({ code: "loop/busy", message: expect.stringContaining(String(process.pid)) });
  if ("release" in lease) await lease.release();
  expect(await other.loop.run("mood", { now: () => dayAt(1) })).toMatchObject({ phase: "idle" });
  await other.close();
  await project.close();
});

test("an alias that a person moves during a round is left where it is", async () => {
  const { fixture, project } = await opened({}, { releases: { prod: { approvals: [] } } });
  fixture.arrive(sentences("new", 200, dayAt(8), "second"));
  const store = await project.store();
  const { readLoop } = await import("./loop-record.ts");
  const { promoteRound } = await import("./release-move.ts");
  const first = await run(project, 9, { force: true });
  expect(first.past[0]!.outcome).toBe("promoted");
  const round = { ...first.past[0]!, candidate: { version: 1, artifact: "x" } };
  const at = {
    store,
    project: (await import("../project-file.ts")).findProject(fixture.folder),
    model: "mood",
    policy: { alias: "prod" },
    watch: { signal: new AbortController().signal, emit: () => {} },
  };
  expect(await promoteRound(at, round)).toMatchObject({ refused: expect.stringContaining("moved since the round began") });
  expect(await readLoop(store, "mood")).toMatchObject({ phase: "idle" });
  // told again, the round's own move is found and not made twice
  expect(await promoteRound(at, first.past[0]!)).toMatchObject({ promoted: { version: 2 } });
  expect(await moves(project)).toEqual([1, 2]);
  await project.close();
});
