/** Ranks on two hosts, as far as one machine can have two: network namespaces joined by a cable that can be cut. */
import { spawn, spawnSync } from "node:child_process";
import { expect, onTestFinished, test } from "vitest";
import { type ChildRank, childRanks, rankChild } from "../children.laws.ts";

const ip = (...args: string[]): { readonly isDone: boolean; readonly said: string } => {
  const { status, stderr, error } = spawnSync("ip", args, {
    encoding: "utf8",
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  });
  return { isDone: status === 0, said: error?.message ?? stderr };
};
const probe = `loam-probe-${process.pid}`;
const tried = process.platform === "linux" ? ip("netns", "add", probe) : { isDone: false, said: "Linux alone has them" };
if (tried.isDone) ip("netns", "del", probe);
const reason = tried.said.trim().slice(0, 80);

interface Hosts {
  readonly ranks: readonly ChildRank[];
  /** Pulls the cable: no word reaches the other side any more. */
  cut(): void;
}

/** Two ranks in two namespaces; the numbers of processes and links are of this test process, others may run beside it. */
async function twoHosts(): Promise<Hosts> {
  const [a, b] = ["a", "b"].map(h => `loam${process.pid}${h}`) as [string, string];
  const net = `10.${200 + (process.pid % 50)}.${(process.pid >> 6) % 250}`;
  onTestFinished(() => {
    for (const n of [a, b]) ip("netns", "del", n);
  });
  for (const n of [a, b]) expect(ip("netns", "add", n).said).toBe("");
  expect(ip("link", "add", a, "netns", a, "type", "veth", "peer", "name", b, "netns", b).said).toBe("");
  for (const [i, n] of [a, b].entries()) {
    expect(ip("-n", n, "addr", "add", `${net}.${i + 1}/24`, "dev", n).said).toBe("");
    ip("-n", n, "link", "set", n, "up");
    ip("-n", n, "link", "set", "lo", "up");
  }
  const ranks = await childRanks(2, {}, async env => {
    const place = {
      LOAM_RANKS: "2",
      LOAM_RANKS_TRANSPORT: "tcp",
      LOAM_RANKS_ADDRESS: `${net}.1:29500`,
      LOAM_RANKS_SECRET: "a secret of these tests",
    };
    for (const [rank, n] of [a, b].entries()) {
      const child = spawn("ip", ["netns", "exec", n, process.execPath, rankChild], {
        env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin`, ...env, ...place, LOAM_RANK: String(rank) },
        stdio: "ignore",
      });
      onTestFinished(() => void child.kill("SIGKILL"));
    }
  });
  return { ranks, cut: () => void ip("-n", a, "link", "set", a, "down") };
}

if (tried.isDone) {
  test("ranks of two hosts add up to the same bytes, encrypted", async () => {
    const { ranks } = await twoHosts();
    const parts = [0, 1].map(r => Float32Array.from({ length: 1_000_003 }, (_, i) => Math.fround(Math.sin(i + r) * 10 ** (i % 7))));
    const want = parts[0]!.map((x, i) => x + parts[1]![i]!);
    await Promise.all(ranks.map((r, i) => r.allReduce(parts[i]!)));
    for (const p of parts) expect(Buffer.from(p.buffer).equals(Buffer.from(want.buffer))).toBe(true);
    await Promise.all(ranks.map(r => r.close()));
  });

  test("a host that is gone without a word is named by the other", async () => {
    const { ranks, cut } = await twoHosts();
    const waiting = ranks[0]!.barrier();
    waiting.catch(() => {});
    cut();
    await expect(waiting).rejects.toMatchObject({ code: "ranks/lost", message: expect.stringContaining("rank 1") });
  });
} else test.skip(`ranks of two hosts: network namespaces cannot be made here (${reason})`, () => {});
