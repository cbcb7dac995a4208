/** `loam train --mesh ... --launch ENGINE`: ranks come to the bytes of ranks of this machine, whichever engine starts them; what is lost is named; nothing is left. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jsonLines, loam, loamProcess, start, startProcess } from "./support/child.ts";
import { installed } from "./support/installed.ts";
import { copyProject, modelContent, type Toy, temporaryFolder, toyYaml, trainingOf, writeToy } from "./support/project.ts";
import { noRay, openRay } from "./support/ray.ts";
import { noSlurm, openSlurm } from "./support/slurm.ts";
import { until } from "./support/until.ts";

const onMesh = ["train", "toy", "--mesh", "data=2", "--json"];
const toy = { tokens: 12_000, train: "dropout: 0.1\n      checkpointSeconds: 0" };

const base = mkdtempSync(join(tmpdir(), "loam-launch-training-"));
/** What 2 ranks of this machine come to. */
let local: Awaited<ReturnType<typeof modelContent>>;
beforeAll(async () => {
  writeToy(base, toy);
  const { code, stderr } = await loamProcess(["run", "shards", "--model", "toy"], { cwd: base });
  expect(code, stderr).toBe(0);
  const folder = mkdtempSync(join(tmpdir(), "loam-launch-local-"));
  try {
    copyProject(base, folder);
    const ended = await loam([...onMesh, "--launch", "local"], { cwd: folder });
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    local = await modelContent(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
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

/** Steps enough for a rank to be killed between them, each with its checkpoint. */
const long: Toy = { tokens: 50_000 };
/** Without checkpoints, and enough for Ctrl-C: a rank looks for a stop once a second, in which it takes hundreds. */
const withoutCheckpoints: Toy = { tokens: 160_000, train: "checkpointSeconds: 600" };

const stepSaid = (least: number) => new RegExp(`"step":(?:${Array.from({ length: 60 }, (_, i) => least + i).join("|")}),`);

interface Opened {
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}
interface Engine {
  readonly name: string;
  readonly reason: string | undefined;
  open(): Promise<Opened>;
  /** Laws of this engine beside those of all. */
  readonly more?: (opened: () => Opened) => void;
}
const nothing = async () => ({ env: {}, close: async () => {} });
const noMpirun = installed("mpirun", "LOAM_MPIRUN") === undefined ? "no mpirun: apt-get install openmpi-bin" : undefined;
const engines: readonly Engine[] = [
  { name: "mpirun", reason: noMpirun, open: nothing },
  { name: "slurm", reason: noSlurm(), open: openSlurm },
  { name: "ray", reason: noRay(), open: openRay, more: lawsOfRay },
];

const steps = (said: string): number[] => [...said.matchAll(/"step":(\d+),/g)].map(([, step]) => Number(step));
const lost = "loam: rank 1 was lost (an end by SIGKILL). Training goes on from the newest checkpoint";

for (const { name, reason, open, more } of engines)
  describe.skipIf(reason !== undefined)(`ranks by ${name}${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
    let opened: Opened;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(async () => opened?.close());
    const at = (cwd: string) => ({ cwd, env: opened.env });
    const launched = [...onMesh, "--launch", name];
    /** Sets other rules of the training that change no result, as an editor would. */
    const set = (folder: string, changed: Toy) => writeFileSync(join(folder, "loam.yaml"), toyYaml({ ...toy, ...changed }));
    const killRank1 = (folder: string) => process.kill(rankProcesses(folder).get(1)!, "SIGKILL");

    test("2 ranks come to the bytes of 2 local ranks, with their progress, and nothing is left", async () => {
      const folder = prepared();
      const ended = await loam(launched, at(folder));
      expect(ended, ended.stderr).toMatchObject({ code: 0 });
      const events = jsonLines(ended.stdout);
      expect(events.some(e => e.event === "progress" && String(e.message).startsWith(`starting 2 ranks (${name}: `))).toBe(true);
      expect(ended.stdout).toMatch(stepSaid(1));
      expect(events.at(-1)).toMatchObject({ event: "result", version: "toy@1" });
      expect(await modelContent(folder)).toEqual(local);
      expect((await trainingOf(folder)).ranks).toEqual([{ from: 0, size: 2 }]);
      expect(rankProcesses(folder).size).toBe(0);
      expect(meetings(folder)).toEqual([]);
    });

    test("a killed rank is named, the others end; the same command goes on from the newest checkpoint, with onLost: shrink on fewer ranks", async () => {
      const folder = prepared(long);
      const run = start(launched, at(folder));
      await run.says(stepSaid(5));
      killRank1(folder);
      const { code, stderr } = await run.ended;
      expect(code, stderr).toBe(1);
      expect(stderr).toContain("loam: rank 1: expected exit code 0, got an end by SIGKILL");
      expect(stderr).toContain("Run the same command again to go on from the newest checkpoint.");
      expect(rankProcesses(folder).size).toBe(0);
      expect(meetings(folder)).toEqual([]);
      set(folder, { ...long, train: `${toy.train}\n      onLost: shrink` });
      const again = start(launched, at(folder));
      // not from the start: what was killed may have said a step whose checkpoint it had not written
      expect(Number((await again.says(/"step":(\d+),/))[1])).toBeGreaterThan(2);
      killRank1(folder);
      const ended = await again.ended;
      expect(ended.code, ended.stderr).toBe(0);
      expect(ended.stderr).toContain(`${lost} on 1 of 2 ranks.`);
      expect((await trainingOf(folder)).ranks).toEqual([
        { from: 0, size: 2 },
        { from: expect.any(Number), size: 1 },
      ]);
    });

    test("Ctrl-C saves on all ranks and ends them; the same command goes on from there, with onLost: restart beyond a lost rank", async () => {
      const folder = prepared(withoutCheckpoints);
      const run = startProcess(launched, at(folder));
      await run.says(stepSaid(5));
      run.kill("SIGINT");
      const { code, stderr } = await run.ended;
      expect(code, stderr).toBe(130);
      expect(rankProcesses(folder).size).toBe(0);
      expect(meetings(folder)).toEqual([]);
      set(folder, { ...withoutCheckpoints, train: `${withoutCheckpoints.train}\n      onLost: restart` });
      const again = start(launched, at(folder));
      await again.says(/"step":(\d+),/);
      killRank1(folder);
      const ended = await again.ended;
      expect(ended.code, ended.stderr).toBe(0);
      expect(ended.stderr).toContain(`${lost} with 2 new ranks.`);
      // both went on from what Ctrl-C saved, the only checkpoint there was
      expect(Math.min(...steps(ended.stdout))).toBeGreaterThan(5);
      expect((await trainingOf(folder)).ranks).toEqual([{ from: 0, size: 2 }]);
    });

    test("an error of a rank's own is the command's error, with the rank's sentence", async () => {
      const folder = prepared({ train: `${toy.train}\n      memory: 20KB` });
      const { code, stderr } = await loam(launched, at(folder));
      expect(code).toBe(2);
      expect(stderr).toMatch(/loam: .*memory.*expected/);
      expect(rankProcesses(folder).size).toBe(0);
    });

    more?.(() => opened);
  });

function lawsOfRay(ray: () => Opened): void {
  test("a queue that gives only some of the ranks ends the command after launch.startSeconds, which names the ranks that wait", async () => {
    // 4 processors are there
    const folder = prepared({ more: "launch: { engine: ray, cpus: 3, startSeconds: 3 }\n" });
    const { code, stderr } = await loam(onMesh, { cwd: folder, env: ray().env });
    expect(code, stderr).toBe(3);
    expect(stderr).toMatch(
      /loam-train \(ray\): expected all 2 tasks to run at the same time, 3 s after the first, got 1 that still waits: task [01]/,
    );
    expect(rankProcesses(folder).size).toBe(0);
  });

  test("one rank without a mesh trains there too, to the bytes of this process", async () => {
    const folder = prepared();
    const here = temporaryFolder("here");
    copyProject(folder, here);
    const ended = await loam(["train", "toy", "--json", "--launch", "ray"], { cwd: folder, env: ray().env });
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stdout).toContain("starting 1 rank (ray: ");
    expect((await loam(["train", "toy", "--json"], { cwd: here })).code).toBe(0);
    expect(await modelContent(folder)).toEqual(await modelContent(here));
  });

  test("a rank whose command was killed by SIGKILL ends by itself when another start takes its place", async () => {
    const folder = prepared({ tokens: 400_000 });
    const run = startProcess([...onMesh, "--launch", "ray"], { cwd: folder, env: ray().env });
    await run.says(stepSaid(5));
    const orphans = [...rankProcesses(folder).values()];
    expect(orphans).toHaveLength(2);
    run.kill("SIGKILL");
    await run.ended;
    const next = startProcess([...onMesh, "--launch", "ray"], { cwd: folder, env: ray().env });
    await next.says(stepSaid(5));
    await until(() => orphans.every(pid => ![...rankProcesses(folder).values()].includes(pid)));
    next.kill("SIGTERM");
    expect((await next.ended).code).toBe(130);
    await until(() => rankProcesses(folder).size === 0);
  });
}

test("an engine of another name is refused with the names of those there are", async () => {
  const folder = prepared();
  expect((await loam([...onMesh, "--launch", "pbs"], { cwd: folder })).stderr).toMatch(/local, mpirun, slurm, ray, kubernetes/);
});
