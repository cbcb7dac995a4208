/** `loam train --mesh ... --launch ENGINE`: ranks come to the bytes of ranks of this machine, whichever engine starts them; what is lost is named; nothing is left. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jsonLines, loamProcess, startProcess } from "./support/child.ts";
import { installed } from "./support/installed.ts";
import { copyProject, modelContent, type Toy, temporaryFolder, toyYaml, trainingOf, writeToy } from "./support/project.ts";
import { noRay, openRay } from "./support/ray.ts";
import { noSlurm, openSlurm } from "./support/slurm.ts";
import { until } from "./support/until.ts";

const onMesh = ["train", "toy", "--mesh", "data=2", "--json"];
const toy = { tokens: 12_000, train: "dropout: 0.1\n      checkpointSeconds: 0" };

const base = mkdtempSync(join(tmpdir(), "loam-launch-training-"));
beforeAll(async () => {
  writeToy(base, toy);
  const { code, stderr } = await loamProcess(["run", "shards", "--model", "toy"], { cwd: base });
  expect(code, stderr).toBe(0);
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** The toy with its data and shards made, so that what is watched is the training. */
function prepared(changed: Toy = {}): string {
  const folder = temporaryFolder("ranks");
  copyProject(base, folder);
  writeFileSync(join(folder, "loam.yaml"), toyYaml({ ...toy, ...changed }));
  return folder;
}

/** Processes of ranks of a project by the number that the engine gave them; shells that start one have its words in theirs. */
function rankProcesses(folder: string): Map<number, number> {
  const found = new Map<number, number>();
  for (const entry of readdirSync("/proc").filter(name => /^\d+$/.test(name)))
    try {
      const args = readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0");
      if (!/node$/.test(args[0]!) || !args.includes("rank") || !args.includes(folder)) continue;
      const rank = /(?:^|\0)LOAM_TASK=(\d+)/.exec(readFileSync(`/proc/${entry}/environ`, "utf8"))?.[1];
      if (rank !== undefined) found.set(Number(rank), Number(entry));
    } catch {
      // it has ended
    }
  return found;
}

/** Folders of starts that are left in the scratch of a project. */
const meetings = (folder: string): string[] =>
  readdirSync(join(folder, ".loam"), { recursive: true, encoding: "utf8" }).filter(path =>
    /run-[0-9a-f]{24}$|launch\/loam-train/.test(path),
  );

/** Steps enough to be stopped between them: a rank looks for a stop once a second, in which it takes dozens. */
const long: Toy = { tokens: 80_000 };

const stepSaid = (least: number) => new RegExp(`"step":(?:${Array.from({ length: 60 }, (_, i) => least + i).join("|")}),`);

interface Engine {
  readonly name: string;
  readonly reason: string | undefined;
  open(): Promise<{ readonly env: Readonly<Record<string, string>>; close(): Promise<void> }>;
}
const nothing = async () => ({ env: {}, close: async () => {} });
const noMpirun = installed("mpirun", "LOAM_MPIRUN") === undefined ? "no mpirun: apt-get install openmpi-bin" : undefined;
const engines: readonly Engine[] = [
  { name: "mpirun", reason: noMpirun, open: nothing },
  { name: "slurm", reason: noSlurm(), open: openSlurm },
  { name: "ray", reason: noRay(), open: openRay },
];

for (const { name, reason, open } of engines)
  describe.skipIf(reason !== undefined)(`ranks by ${name}${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
    let opened: Awaited<ReturnType<Engine["open"]>>;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(async () => opened?.close());
    const at = (cwd: string) => ({ cwd, env: opened.env });
    const launched = [...onMesh, "--launch", name];

    test("2 ranks come to the bytes of 2 local ranks, with their progress, and nothing is left", async () => {
      const folder = prepared();
      const local = temporaryFolder("local");
      copyProject(folder, local);
      const ended = await loamProcess(launched, at(folder));
      expect(ended, ended.stderr).toMatchObject({ code: 0 });
      const events = jsonLines(ended.stdout);
      expect(events.some(e => e.event === "progress" && String(e.message).startsWith(`starting 2 ranks (${name}: `))).toBe(true);
      expect(ended.stdout).toMatch(stepSaid(1));
      expect(events.at(-1)).toMatchObject({ event: "result", version: "toy@1" });
      expect((await loamProcess([...onMesh, "--launch", "local"], { cwd: local })).code).toBe(0);
      expect(await modelContent(folder)).toEqual(await modelContent(local));
      expect((await trainingOf(folder)).ranks).toEqual([{ from: 0, size: 2 }]);
      expect(rankProcesses(folder).size).toBe(0);
      expect(meetings(folder)).toEqual([]);
    });

    test("a killed rank is named, the others end, and the same command goes on from the newest checkpoint", async () => {
      const folder = prepared(long);
      const run = startProcess(launched, at(folder));
      await run.says(stepSaid(5));
      process.kill(rankProcesses(folder).get(1)!, "SIGKILL");
      const { code, stderr } = await run.ended;
      expect(code, stderr).toBe(1);
      expect(stderr).toContain("loam: rank 1: expected exit code 0, got an end by SIGKILL");
      expect(stderr).toContain("Run the same command again to go on from the newest checkpoint.");
      expect(rankProcesses(folder).size).toBe(0);
      expect(meetings(folder)).toEqual([]);
      const again = startProcess(launched, at(folder));
      // not from the start: what was killed may have said a step whose checkpoint it had not written
      expect(Number((await again.says(/"step":(\d+),/))[1])).toBeGreaterThan(2);
      expect((await again.ended).code).toBe(0);
    });

    test.each(["restart", "shrink"] as const)("with onLost: %s the training goes on by itself", async rule => {
      const folder = prepared({ ...long, train: `${toy.train}\n      onLost: ${rule}` });
      const run = startProcess(launched, at(folder));
      await run.says(stepSaid(5));
      process.kill(rankProcesses(folder).get(1)!, "SIGKILL");
      const { code, stderr } = await run.ended;
      expect(code, stderr).toBe(0);
      const how = rule === "restart" ? "with 2 new ranks" : "on 1 of 2 ranks";
      expect(stderr).toContain(`loam: rank 1 was lost (an end by SIGKILL). Training goes on from the newest checkpoint ${how}.`);
      const sizes = rule === "restart" ? [] : [{ from: expect.any(Number), size: 1 }];
      expect((await trainingOf(folder)).ranks).toEqual([{ from: 0, size: 2 }, ...sizes]);
    });

    test("Ctrl-C saves on all ranks and ends them; the same command goes on from there", async () => {
      const folder = prepared({ ...long, train: "checkpointSeconds: 600" });
      const run = startProcess(launched, at(folder));
      await run.says(stepSaid(5));
      run.kill("SIGINT");
      const { code, stderr } = await run.ended;
      expect(code, stderr).toBe(130);
      expect(rankProcesses(folder).size).toBe(0);
      expect(meetings(folder)).toEqual([]);
      const again = startProcess(launched, at(folder));
      expect(Number((await again.says(/"step":(\d+),/))[1])).toBeGreaterThan(5);
      expect((await again.ended).code).toBe(0);
    });

    test("an error of a rank's own is the command's error, with the rank's sentence", async () => {
      const folder = prepared({ train: `${toy.train}\n      memory: 20KB` });
      const { code, stderr } = await loamProcess(launched, at(folder));
      expect(code).toBe(2);
      expect(stderr).toMatch(/loam: .*memory.*expected/);
      expect(rankProcesses(folder).size).toBe(0);
    });
  });

describe.skipIf(noRay() !== undefined)("a queue that gives only some of the ranks", () => {
  let ray: Awaited<ReturnType<typeof openRay>>;
  beforeAll(async () => {
    ray = await openRay(1);
  });
  afterAll(async () => ray?.close());

  test("ends the command after launch.startSeconds, which names the ranks that wait", async () => {
    const folder = prepared({ more: "launch: { engine: ray, startSeconds: 10 }\n" });
    const { code, stderr } = await loamProcess(onMesh, { cwd: folder, env: ray.env });
    expect(code, stderr).toBe(3);
    expect(stderr).toMatch(
      /loam-train \(ray\): expected all 2 tasks to run at the same time, 10 s after the first, got 1 that still waits: task [01]/,
    );
    expect(rankProcesses(folder).size).toBe(0);
  });

  test("one rank without a mesh trains there too, to the bytes of this process", async () => {
    const folder = prepared();
    const here = temporaryFolder("here");
    copyProject(folder, here);
    const ended = await loamProcess(["train", "toy", "--json", "--launch", "ray"], { cwd: folder, env: ray.env });
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stdout).toContain("starting 1 rank (ray: ");
    expect((await loamProcess(["train", "toy", "--json"], { cwd: here })).code).toBe(0);
    expect(await modelContent(folder)).toEqual(await modelContent(here));
  });
});

test.skipIf(noRay() !== undefined)(
  "a rank whose command was killed by SIGKILL ends by itself when another start takes its place",
  async () => {
    const ray = await openRay();
    try {
      const folder = prepared({ tokens: 400_000 });
      const run = startProcess([...onMesh, "--launch", "ray"], { cwd: folder, env: ray.env });
      await run.says(stepSaid(5));
      const orphans = [...rankProcesses(folder).values()];
      expect(orphans).toHaveLength(2);
      run.kill("SIGKILL");
      await run.ended;
      const next = startProcess([...onMesh, "--launch", "ray"], { cwd: folder, env: ray.env });
      await next.says(stepSaid(5));
      await until(() => orphans.every(pid => ![...rankProcesses(folder).values()].includes(pid)));
      next.kill("SIGTERM");
      expect((await next.ended).code).toBe(130);
      await until(() => rankProcesses(folder).size === 0);
    } finally {
      await ray.close();
    }
  },
);

test("an engine of another name is refused with the names of those there are", async () => {
  const folder = prepared();
  expect((await loamProcess([...onMesh, "--launch", "pbs"], { cwd: folder })).stderr).toMatch(/local, mpirun, slurm, ray, kubernetes/);
});
