/** Training on several ranks, end to end: `loam train --mesh` starts processes, which come to what one comes to, are named when they end, and go on. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { jsonLines, loamProcess, startProcess } from "./support/child.ts";
import { copyProject, modelContent, type Toy, temporaryFolder, toyProject, trainingOf } from "./support/project.ts";
import { until } from "./support/until.ts";

const onMesh = ["train", "toy", "--mesh", "data=2", "--json"];
const toy = { tokens: 12_000, train: "dropout: 0.1\n      checkpointSeconds: 0" };

/** The toy with its data and shards made, so that what is watched is the training. */
async function prepared(changed: Toy = {}): Promise<string> {
  const folder = toyProject({ ...toy, ...changed });
  const { code } = await loamProcess(["run", "shards", "--model", "toy"], { cwd: folder });
  expect(code).toBe(0);
  return folder;
}

/** Processes of ranks of a project, by rank. */
function rankProcesses(folder: string): Map<number, number> {
  const found = new Map<number, number>();
  for (const entry of readdirSync("/proc").filter(name => /^\d+$/.test(name)))
    try {
      const args = readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0");
      if (!args.includes("rank") || !args.includes(folder)) continue;
      const rank = /(?:^|\0)LOAM_RANK=(\d+)/.exec(readFileSync(`/proc/${entry}/environ`, "utf8"))?.[1];
      if (rank !== undefined) found.set(Number(rank), Number(entry));
    } catch {
      // it has ended
    }
  return found;
}

const stepSaid = (least: number) => new RegExp(`"step":(?:${Array.from({ length: 60 }, (_, i) => least + i).join("|")}),`);

test("two ranks train what one trains, the first writes one artifact, and nothing is stale afterwards", async () => {
  const folder = await prepared();
  const alone = temporaryFolder("alone");
  copyProject(folder, alone);
  const ended = await loamProcess(onMesh, { cwd: folder });
  expect(ended).toMatchObject({ code: 0 });
  const events = jsonLines(ended.stdout);
  expect(events.at(-1)).toMatchObject({ event: "result", version: "toy@1", ran: expect.any(Number) });
  expect(events.filter(e => e.event === "stage" && e.stage === "train")).toHaveLength(1);
  expect((await loamProcess(["train", "toy", "--json"], { cwd: alone })).code).toBe(0);
  const [two, one] = [await trainingOf(folder), await trainingOf(alone)];
  expect(two).toMatchObject({ recipe: { mesh: { data: 2 } }, steps: one.steps, ranks: [{ from: 0, size: 2 }] });
  expect(one.ranks).toBeUndefined();
  expect(Math.abs(two.heldOut - one.heldOut)).toBeLessThan(5e-3);
  const again = jsonLines((await loamProcess(onMesh, { cwd: folder })).stdout);
  expect(again.at(-1)).toMatchObject({ event: "result", version: "toy@1", ran: 0 });
  // the same ranks as tasks of one process give the same bytes
  const verified = await loamProcess(["models", "verify", "toy@1", "--rebuild", "--json"], { cwd: folder });
  expect(verified.code).toBe(0);
  const rebuilt = jsonLines(verified.stdout).find(e => JSON.stringify(e).includes('"train@'));
  expect(JSON.stringify(rebuilt)).toContain('"outcome":"same"');
});

test.runIf(process.platform === "linux")(
  "a rank that is killed is named, the command fails, and the next one goes on to the bytes of a run that was left alone",
  async () => {
    const folder = await prepared();
    const undisturbed = temporaryFolder("undisturbed");
    copyProject(folder, undisturbed);
    for (const [rank, least] of [
      [1, 5],
      [0, 15],
    ] as const) {
      const run = startProcess(onMesh, { cwd: folder });
      await run.says(stepSaid(least));
      process.kill(rankProcesses(folder).get(rank)!, "SIGKILL");
      const { code, stderr } = await run.ended;
      expect(code).toBe(1);
      expect(stderr).toContain(`loam: rank ${rank}: expected exit code 0, got an end by SIGKILL`);
      expect(stderr).toContain("Run the same command again to go on from the newest checkpoint.");
      expect(rankProcesses(folder).size).toBe(0);
    }
    const last = startProcess(onMesh, { cwd: folder });
    // not from the start
    expect(Number((await last.says(/"step":(\d+),/))[1])).toBeGreaterThan(10);
    expect((await last.ended).code).toBe(0);
    expect((await loamProcess(onMesh, { cwd: undisturbed })).code).toBe(0);
    expect(await modelContent(folder)).toEqual(await modelContent(undisturbed));
  },
);

test.runIf(process.platform === "linux")(
  "with onLost: shrink the training goes on without the rank that was killed, and the version says so",
  async () => {
    const folder = await prepared({ train: `${toy.train}\n      onLost: shrink` });
    const run = startProcess(onMesh, { cwd: folder });
    await run.says(stepSaid(5));
    process.kill(rankProcesses(folder).get(1)!, "SIGKILL");
    const { code, stderr } = await run.ended;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toContain("loam: rank 1 was lost (an end by SIGKILL). Training goes on from the newest checkpoint on 1 of 2 ranks.");
    const { ranks } = await trainingOf(folder);
    expect(ranks).toEqual([
      { from: 0, size: 2 },
      { from: expect.any(Number), size: 1 },
    ]);
  },
);

test("Ctrl-C saves on all ranks and ends them; the same command goes on from there", async () => {
  const folder = await prepared({ train: "checkpointSeconds: 600" });
  const run = startProcess(onMesh, { cwd: folder });
  await run.says(stepSaid(5));
  run.kill("SIGINT");
  const { code, stderr } = await run.ended;
  expect(code).toBe(130);
  expect(stderr).toContain("What is done is kept; run the same command again to go on.");
  if (process.platform === "linux") await until(() => rankProcesses(folder).size === 0);
  const again = startProcess(onMesh, { cwd: folder });
  expect(Number((await again.says(/"step":(\d+),/))[1])).toBeGreaterThan(5);
  expect((await again.ended).code).toBe(0);
});

test("ranks that part the model train what one trains, are named when they end, and go on", async () => {
  const folder = await prepared({ layers: 2, train: `${toy.train}\n      vocabMultiple: 2` });
  const alone = temporaryFolder("alone");
  copyProject(folder, alone);
  expect((await loamProcess(["train", "toy", "--json"], { cwd: alone })).code).toBe(0);
  const one = await trainingOf(alone);
  for (const [i, [mesh, ...more]] of [["tensor=2"], ["pipeline=2"], ["sequence=2"], ["data=2", "--zero", "3"]].entries()) {
    const own = temporaryFolder(`mesh-${i}`);
    copyProject(folder, own);
    expect(await loamProcess(["train", "toy", "--mesh", mesh!, ...more, "--json"], { cwd: own })).toMatchObject({ code: 0 });
    const found = await trainingOf(own);
    expect(found).toMatchObject({ steps: one.steps, ranks: [{ from: 0, size: 2 }] });
    expect(Math.abs(found.heldOut - one.heldOut)).toBeLessThan(5e-3);
    if (mesh !== "tensor=2") continue;
    const verified = await loamProcess(["models", "verify", "toy@1", "--rebuild", "--json"], { cwd: own });
    expect(JSON.stringify(jsonLines(verified.stdout).find(e => JSON.stringify(e).includes('"train@')))).toContain('"outcome":"same"');
  }
  if (process.platform !== "linux") return;
  const run = startProcess(["train", "toy", "--mesh", "pipeline=2", "--json"], { cwd: folder });
  await run.says(stepSaid(5));
  process.kill(rankProcesses(folder).get(1)!, "SIGKILL");
  const { code, stderr } = await run.ended;
  expect(code).toBe(1);
  expect(stderr).toContain("loam: rank 1: expected exit code 0, got an end by SIGKILL");
  const last = startProcess(["train", "toy", "--mesh", "pipeline=2", "--json"], { cwd: folder });
  expect(Number((await last.says(/"step":(\d+),/))[1])).toBeGreaterThan(3);
  expect((await last.ended).code).toBe(0);
  expect(Math.abs((await trainingOf(folder)).heldOut - one.heldOut)).toBeLessThan(5e-3);
});

test("a mesh that does not divide the model, a level without meaning and a text that is no mesh are refused by name", async () => {
  const folder = toyProject(toy);
  const said = async (...args: string[]) => (await loamProcess(["train", "toy", ...args], { cwd: folder })).stderr;
  expect(await said("--mesh", "tensor=3")).toMatch(
    /train\.mesh\.tensor: expected a divisor of model\.heads \(\d+\), got 3\. Use tensor: 1, 2/,
  );
  expect(await said("--mesh", "rows=2")).toContain('expected one of data, tensor, sequence, pipeline, got "rows"');
  expect(await said("--mesh", "2")).toContain('--mesh: expected axes with ranks, such as data=2, got "2"');
  expect(await said("--mesh", "data=2", "--zero", "7")).toContain("--zero");
  writeFileSync(
    join(folder, "loam.yaml"),
    readFileSync(join(folder, "loam.yaml"), "utf8").replace("rows: 8", "rows: 8\n      mesh: { pipeline: 9 }"),
  );
  expect(await said()).toMatch(/train\.mesh\.pipeline: expected at most model\.layers \(\d+\), got 9/);
});
