/** Ranks that share memory with what they should not. */
import { randomUUID } from "node:crypto";
import { chmodSync, closeSync, mkdtempSync, openSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { basename, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { frameHeaderBytes } from "../links/frame.ts";
import { honestElements, lies } from "../links/lies.laws.ts";
import { sharedMemoryGroup } from "./index.ts";
import { openSegment, ringAt, slotAt } from "./segment.ts";

/** A folder in memory of this test alone. */
function ownFolder(): string {
  const folder = mkdtempSync("/dev/shm/loam-test-");
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
const secret = "for tests";
type Options = Parameters<typeof sharedMemoryGroup>[0];
const open = (rank: number, size: number, more: Partial<Options> & Pick<Options, "run" | "folder">) =>
  sharedMemoryGroup({ rank, size, secret, joinTimeoutMs: 60_000, ...more });

test.each(Object.entries(lies))("%s: the rank that writes it is named, and the run ends", async (_, frames) => {
  const [folder, run] = [ownFolder(), randomUUID()];
  const first = open(0, 2, { run, folder });
  let name: string | undefined;
  while (name === undefined) {
    name = readdirSync(folder)[0];
    await new Promise(resolve => setTimeout(resolve, 1));
  }
  const liar = await openSegment({ rank: 1, size: 2, path: join(folder, name), secret, joinTimeoutMs: 60_000 });
  const group = await first;
  const at = ringAt(2, 1, 0);
  const written = new Int32Array(liar.buffer, at, 1);
  const ring = new Uint8Array(liar.buffer);
  const failed = group.allReduce(new Float32Array(honestElements));
  failed.catch(() => {});
  // a ring takes sixteen at a time
  for (const [n, frame] of frames.entries()) {
    while (group.failure === undefined && n - Atomics.load(new Int32Array(liar.buffer, at + 64, 1), 0) >= 16)
      await new Promise(resolve => setImmediate(resolve));
    ring.set(frame.subarray(0, frameHeaderBytes + 8192), at + slotAt(n % 16));
    Atomics.store(written, 0, n + 1);
  }
  await expect(failed).rejects.toMatchObject({ code: "ranks/protocol", message: expect.stringContaining("rank 1") });
  liar.close();
  await group.close();
  expect(readdirSync(folder)).toEqual([]);
});

test("a ring that says more than it holds is a lie, too", async () => {
  const [folder, run] = [ownFolder(), randomUUID()];
  const first = open(0, 2, { run, folder });
  while (readdirSync(folder).length === 0) await new Promise(resolve => setTimeout(resolve, 1));
  const liar = await openSegment({ rank: 1, size: 2, path: join(folder, readdirSync(folder)[0]!), secret, joinTimeoutMs: 60_000 });
  const group = await first;
  Atomics.store(new Int32Array(liar.buffer, ringAt(2, 1, 0), 1), 0, 1_000_000);
  await expect(group.barrier()).rejects.toMatchObject({ code: "ranks/protocol", message: expect.stringContaining("overrun") });
  liar.close();
  await group.close();
});

test("another secret, another number of ranks, and the same rank twice are refused", async () => {
  const [folder, run] = [ownFolder(), randomUUID()];
  const first = open(0, 2, { run, folder, joinTimeoutMs: 2000 });
  first.catch(() => {});
  await expect(open(1, 2, { run, folder, secret: "another" })).rejects.toMatchObject({
    message: expect.stringContaining("secret of rank 0"),
  });
  await expect(open(1, 3, { run, folder })).rejects.toMatchObject({ message: expect.stringContaining("3 ranks, got 2") });
  await expect(open(0, 2, { run, folder })).rejects.toMatchObject({ message: expect.stringContaining("no other run of this name") });
  await expect(first).rejects.toMatchObject({ code: "ranks/stuck", message: expect.stringContaining("rank 1") });
  expect(readdirSync(folder)).toEqual([]);
});

test("what a killed run left is replaced, and a file that others may write is refused", async () => {
  const [folder, run] = [ownFolder(), randomUUID()];
  const early = open(0, 2, { run, folder, joinTimeoutMs: 100 });
  early.catch(() => {});
  while (readdirSync(folder).length === 0) await new Promise(resolve => setTimeout(resolve, 1));
  const path = join(folder, readdirSync(folder)[0]!);
  await expect(early).rejects.toMatchObject({ code: "ranks/stuck" });
  writeFileSync(path, new Uint8Array(100_000), { mode: 0o600 });
  const groups = await Promise.all([open(0, 2, { run, folder }), open(1, 2, { run, folder })]);
  await Promise.all(groups.map(g => g.barrier()));
  await Promise.all(groups.map(g => g.close()));

  writeFileSync(path, new Uint8Array(100_000));
  chmodSync(path, 0o666);
  closeSync(openSync(path, "r"));
  await expect(open(1, 2, { run, folder, joinTimeoutMs: 300 })).rejects.toMatchObject({ message: expect.stringContaining("mode 666") });
});

test("old files of runs that were killed at their start go with the next run, new ones and other files stay", async () => {
  const [folder, run] = [ownFolder(), randomUUID()];
  const prefix = join(folder, `loam-ranks-${userInfo().uid}-`);
  for (const name of [`${prefix}old`, `${prefix}new`, join(folder, "other")]) writeFileSync(name, "", { mode: 0o600 });
  for (const name of [`${prefix}old`, join(folder, "other")]) utimesSync(name, 1, 1);
  await (await open(0, 1, { run, folder })).close();
  expect(readdirSync(folder).sort()).toEqual([basename(`${prefix}new`), "other"]);
});

test("too many ranks, and a folder that is none, are refused before anything is made", async () => {
  const folder = ownFolder();
  await expect(open(0, 65, { run: "x", folder })).rejects.toMatchObject({ code: "ranks/transport" });
  await expect(open(0, 2, { run: "x", folder: join(folder, "none") })).rejects.toMatchObject({ code: "ranks/transport" });
});
