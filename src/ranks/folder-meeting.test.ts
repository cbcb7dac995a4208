/** Ranks that share a folder find each other, whatever host each is on; one that does not come is named. */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { withEnvironment } from "../base/index.ts";
import { commonTransport, meetInFolder, missingRanks, type RankPlacement } from "./folder-meeting.ts";

const root = mkdtempSync(join(tmpdir(), "loam-meeting-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const folderOf = (name: string) => mkdtempSync(join(root, name));
const common = { run: `meeting ${process.pid}`, secret: "a secret of these tests" };

test.each(["shared memory", "tcp"])("3 ranks that know a folder alone join by %s and add up", async transport => {
  if (transport === "shared memory" && process.platform !== "linux") return;
  const folder = folderOf("join");
  const variables = { ...process.env, LOAM_RANKS_TRANSPORT: transport };
  const sums = await Promise.all(
    [2, 0, 1].map(rank =>
      withEnvironment(variables, async () => {
        const group = await meetInFolder({ ...common, run: `${common.run} ${transport}`, folder, rank, size: 3, joinTimeoutMs: 20_000 });
        const x = Float32Array.of(rank + 1);
        await group.allReduce(x);
        await group.close();
        return [group.transport, x[0]];
      }),
    ),
  );
  expect(sums).toEqual([1, 2, 3].map(() => [transport, 6]));
  // for the owner alone
  for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o077).toBe(0);
});

test("ranks that do not come are named by those that did", async () => {
  const folder = folderOf("late");
  const ended = await Promise.allSettled([0, 2].map(rank => meetInFolder({ ...common, folder, rank, size: 4, joinTimeoutMs: 400 })));
  for (const end of ended)
    expect(end).toMatchObject({
      status: "rejected",
      reason: {
        code: "ranks/stuck",
        message: expect.stringMatching(/^start of the ranks: expected all 4 ranks within 0 s, got nothing of rank 1, 3/),
      },
    });
  expect(missingRanks(folder, 4)).toEqual([1, 3]);
  expect(missingRanks(join(folder, "gone"), 2)).toEqual([0, 1]);
});

test("a rank that waits leaves when it is asked to", async () => {
  const stop = new AbortController();
  const waiting = meetInFolder({ ...common, folder: folderOf("stop"), rank: 0, size: 2, joinTimeoutMs: 60_000, signal: stop.signal });
  stop.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
});

const on = (rank: number, host: string, addresses: readonly string[], more: Partial<RankPlacement> = {}): RankPlacement => ({
  rank,
  host,
  memory: host,
  network: host,
  addresses,
  port: 4000 + rank,
  ...more,
});

test("one host shares memory; several meet at an address of rank 0 that no other host has, in whatever order they are read", () => {
  expect(commonTransport([on(1, "a", []), on(0, "a", [])])).toEqual({ transport: "shared memory" });
  const docker = "172.17.0.1";
  const hosts = [on(2, "c", [docker, "10.0.0.3"]), on(0, "a", [docker, "10.0.0.1", "fd00::1"]), on(1, "a", [docker, "10.0.0.1"])];
  expect(commonTransport(hosts)).toEqual({ address: "10.0.0.1:4000" });
  expect(commonTransport(hosts.toReversed())).toEqual({ address: "10.0.0.1:4000" });
  expect(commonTransport([on(0, "a", ["fd00::1"]), on(1, "b", ["fd00::2"])])).toEqual({ address: "[fd00::1]:4000" });
  // containers of one host: neither memory nor network is shared
  expect(commonTransport([on(0, "p", ["10.1.0.1"]), on(1, "q", ["10.1.0.2"], { memory: "q" })])).toEqual({ address: "10.1.0.1:4000" });
  // one network, memory apart
  expect(commonTransport([on(0, "p", ["10.1.0.1"]), on(1, "p", ["10.1.0.1"], { memory: null })])).toEqual({ address: "127.0.0.1:4000" });
  // more ranks than shared memory takes
  expect(commonTransport(Array.from({ length: 65 }, (_, rank) => on(rank, "a", [])))).toEqual({ address: "127.0.0.1:4000" });
});

test("rank 0 without an address that others reach is named with what to do", () => {
  for (const addresses of [[], ["172.17.0.1"]])
    expect(() => commonTransport([on(0, "a", addresses), on(1, "b", ["172.17.0.1"])])).toThrow(
      expect.objectContaining({ code: "ranks/transport", message: expect.stringMatching(/^rank 0 on a: .*LOAM_RANKS_INTERFACE/) }),
    );
});
