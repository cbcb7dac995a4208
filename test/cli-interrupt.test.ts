/** Runs that are stopped, killed, or doubled: what was done is kept, and the result is the one of an undisturbed run. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { random } from "../src/base/index.ts";
import { jsonLines, loam, type Running, startProcess } from "./support/child.ts";
import { rounds } from "./support/deep.ts";
import { modelContent, toyProject, writeToy } from "./support/project.ts";

const toy = { tokens: 50_000, train: "checkpointSeconds: 0.1" };
let undisturbed: Record<string, unknown>;

beforeAll(async () => {
  const cwd = writeToy(mkdtempSync(join(tmpdir(), "loam-undisturbed-")), toy);
  const { code, stderr } = await loam(["run"], { cwd });
  expect(code, stderr).toBe(0);
  undisturbed = await modelContent(cwd);
  return () => rmSync(cwd, { recursive: true, force: true });
});

/** Resolves when training has done some steps. */
const training = (run: Running, step: number) =>
  run.says(new RegExp(`"label":"toy".*"step":(${Array.from({ length: 40 }, (_, i) => step + i).join("|")}),`));

test("Ctrl-C in the middle of training says how to go on; going on gives the model of a run that was never stopped", async () => {
  const cwd = toyProject(toy);
  const run = startProcess(["run", "--json"], { cwd });
  await training(run, 20);
  run.kill("SIGINT");
  const stopped = await run.ended;
  expect(stopped.stderr).toMatch(/loam: stopped\. What is done is kept; run the same command again to go on\./);
  expect(stopped.code).toBe(130);
  expect(jsonLines(stopped.stdout).at(-1)).toMatchObject({ error: { code: "base/interrupted" } });

  const again = await loam(["run", "--json"], { cwd });
  expect(again.code, again.stderr).toBe(0);
  const events = jsonLines(again.stdout);
  const actions = Object.fromEntries(events.filter(e => e.event === "stage").map(e => [e.label, e.action]));
  expect(actions).toMatchObject({ "data/letters": "reused", "shards/letters": "reused", toy: "made" });
  const steps = events.flatMap(e => (e.label === "toy" ? ((e.values as { step?: number } | undefined)?.step ?? []) : []));
  expect(
    steps.every(step => step > 20),
    String(steps),
  ).toBe(true);
  expect(await modelContent(cwd)).toEqual(undisturbed);
});

test("SIGTERM stops in order as well, before anything is trained", async () => {
  const cwd = toyProject(toy);
  const run = startProcess(["run", "--json"], { cwd });
  await run.says(/"event":"stage","label":"source/);
  run.kill("SIGTERM");
  const { code } = await run.ended;
  expect([0, 130]).toContain(code);
  expect((await loam(["trace", "--verify"], { cwd })).code).toBe(0);
});

test("killed with SIGKILL at random moments of training, a run goes on to the very same weights", async () => {
  const seed = process.env.LOAM_TEST_SEED ?? String(Date.now());
  const draw = random(`kill ${seed}`);
  const cwd = toyProject(toy);
  const steps: number[] = [];
  for (let i = 0; i < rounds(3, 1); i++) {
    const run = startProcess(["run", "--json"], { cwd });
    // a run that goes on near its end may have nothing more to say
    await run.says(/"event":"progress","label":"toy".*"step":|"event":"stage","label":"toy"/);
    await new Promise(resolve => setTimeout(resolve, draw.below(700)));
    run.kill("SIGKILL");
    const { signal, stdout } = await run.ended;
    const seen = [...stdout.matchAll(/"step":(\d+),/g)].map(m => Number(m[1]));
    steps.push(seen.at(-1) ?? 0);
    // it was quicker than the kill: nothing is left to disturb
    if (signal !== "SIGKILL") break;
  }
  const { code, stderr } = await loam(["run"], { cwd });
  expect(code, `seed ${seed}, killed after steps ${steps.join(", ")}: ${stderr}`).toBe(0);
  expect(await modelContent(cwd), `seed ${seed}, killed after steps ${steps.join(", ")}`).toEqual(undisturbed);
  expect((await loam(["trace", "--verify"], { cwd })).code).toBe(0);
});

test("two runs at once make every artifact once and end with the same version", async () => {
  const cwd = toyProject(toy);
  const both = [startProcess(["run", "--json"], { cwd }), startProcess(["run", "--json"], { cwd })];
  const ended = await Promise.all(both.map(run => run.ended));
  for (const e of ended) expect(e.code, e.stderr).toBe(0);
  const [a, b] = ended.map(e => jsonLines(e.stdout));
  const stages = (events: Record<string, unknown>[]) => events.filter(e => e.event === "stage");
  const madeTwice = stages(a!).filter(
    e => e.action === "made" && stages(b!).some(other => other.label === e.label && other.action === "made"),
  );
  expect(madeTwice).toEqual([]);
  expect(a!.at(-1)).toMatchObject({ version: "toy@1", artifacts: b!.at(-1)!.artifacts });
  const { stdout } = await loam(["models", "--json"], { cwd });
  expect(jsonLines(stdout)).toMatchObject([{ models: [{ versions: [{ number: 1 }] }] }]);
  expect((await loam(["trace", "--verify"], { cwd })).code).toBe(0);
  expect(await modelContent(cwd)).toEqual(undisturbed);
});
