/** Ranks that mpirun starts: the contract of all transports, and what becomes of the run when one is killed. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { type ChildRank, childRanks, rankChild } from "./children.laws.ts";
import { honestElements, lies } from "./links/lies.laws.ts";
import { groupContract } from "./process-group.laws.ts";

const rankLiar = fileURLToPath(new URL("../../test/support/rank-liar.js", import.meta.url));
const hasMpi = spawnSync("mpirun", ["--version"], { encoding: "utf8" }).stdout?.includes("Open MPI") ?? false;
const options = [...(process.getuid?.() === 0 ? ["--allow-run-as-root"] : []), "--oversubscribe"];

interface Started {
  readonly ranks: readonly ChildRank[];
  readonly mpirun: ChildProcess;
  readonly said: () => string;
}

interface Run {
  readonly timeoutMs?: number | undefined;
  readonly more?: readonly string[];
  /** Frames that rank 1 sends instead of what a rank does. */
  readonly lie?: readonly Uint8Array[];
}

/** Frames in a file, which is there until the test is over. */
function written(frames: readonly Uint8Array[]): string {
  const folder = mkdtempSync(join(tmpdir(), "loam-lie-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "frames");
  writeFileSync(path, JSON.stringify(frames.map(f => Buffer.from(f).toString("base64"))));
  return path;
}

async function start(size: number, { timeoutMs, more = [], lie }: Run = {}): Promise<Started> {
  let mpirun: ChildProcess | undefined;
  let said = "";
  const ranks = await childRanks(lie ? size - 1 : size, { timeoutMs }, async own => {
    const env = { ...own, ...(lie ? { LOAM_TEST_LIE: written(lie) } : {}) };
    const args = [...options, ...more, "-n", String(size), process.execPath, lie ? rankLiar : rankChild];
    const child = spawn("mpirun", args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (text: Buffer) => {
        said += text.toString();
      });
    mpirun = child;
  });
  onTestFinished(() => void mpirun!.kill("SIGTERM"));
  return { ranks, mpirun: mpirun!, said: () => said };
}

if (hasMpi) {
  groupContract("MPI", async (size, timeoutMs) => (await start(size, { timeoutMs, more: ["--enable-recovery"] })).ranks, {
    crash: rank => rank.kill("SIGKILL"),
  });

  test("mpirun ends the run when a rank is killed, and says which", async () => {
    const { ranks, mpirun, said } = await start(3);
    const ended = new Promise<number | null>(resolve => mpirun.once("exit", code => resolve(code)));
    const waiting = ranks.slice(0, 2).map(r => r.allReduce(new Float32Array(3_000_000)).catch(() => {}));
    ranks[2]!.kill("SIGKILL");
    await Promise.all(waiting);
    expect(await ended).not.toBe(0);
    expect(said()).toMatch(/rank 2/);
  });

  test.each(["bytes of another protocol", "a payload above a chunk", "another size than the call's"])(
    "%s: the rank that sends it is named",
    async name => {
      const { ranks } = await start(2, { lie: lies[name]! });
      await expect(ranks[0]!.allReduce(new Float32Array(honestElements))).rejects.toMatchObject({
        code: "ranks/protocol",
        message: expect.stringContaining("rank 1"),
      });
    },
  );

  test("a message longer than any frame is no frame", async () => {
    const { ranks } = await start(2, { lie: [new Uint8Array(1_000_000)] });
    await expect(ranks[0]!.barrier()).rejects.toMatchObject({ code: "ranks/protocol", message: expect.stringContaining("rank 1") });
  });

  test("a rank that is slow is waited for", async () => {
    const { ranks } = await start(2);
    const x = ranks.map(() => new Float32Array(300_000).fill(1));
    const first = ranks[0]!.allReduce(x[0]!);
    await ranks[1]!.block(6000);
    await Promise.all([first, ranks[1]!.allReduce(x[1]!)]);
    expect(x.map(a => a.at(-1))).toEqual([2, 2]);
    await Promise.all(ranks.map(r => r.close()));
  });
} else test.skip("ranks over MPI: Open MPI is not installed here (Debian: openmpi-bin)", () => {});
