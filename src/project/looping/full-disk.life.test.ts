/** A disk that is really full while a loop runs, at whatever byte it runs out: a named error, nothing half-written, and one promotion once there is room. */
import { readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { noDisks, smallDisk } from "../../../test/support/mount.ts";
import { isLoamError, type LoamError } from "../../base/index.ts";
import { releasesOf, verify } from "../../store/index.ts";
import { openProject } from "../open-project.ts";
import { dayAt, firstVersion, loopFixture, sentences } from "./fixture.laws.ts";
import type { LoopRunReport } from "./loop-runs.ts";

const disk = noDisks ? undefined : smallDisk("64m");
afterAll(() => disk?.remove());

/** Leaves so many bytes free. */
function leave(folder: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(folder);
  writeFileSync(join(folder, "filler"), Buffer.alloc(Math.max(0, bavail * bsize - bytes)));
}

test.skipIf(noDisks !== undefined)(
  `a disk that is full at any moment of a round holds it up: with room it goes on and promotes once, and the log is verified${noDisks ? ` (skipped: ${noDisks})` : ""}`,
  async () => {
    const { folder } = disk!;
    const fixture = await loopFixture({}, {}, folder);
    const project = await openProject(fixture.folder);
    await firstVersion(project);
    const store = await project.store();
    fixture.arrive(sentences("new", 200, dayAt(8), "second"));
    const write = store.records.write.bind(store.records);
    /** A run whose disk is full but for so many bytes once that many writes are done. */
    const attempt = async (room: number, writes: number): Promise<LoopRunReport | undefined> => {
      const { rounds, phase } = await project.loop.status("mood");
      let left = writes;
      store.records.write = (change, options) => {
        if (left-- === 0) leave(folder, room);
        return write(change, options);
      };
      try {
        // documents are made in a process of its own, as a server does it
        const options = { force: rounds === 0, child: phase === "data" && writes === 0, by: "ann", now: () => dayAt(9) };
        return (await project.loop.run("mood", options)) as LoopRunReport;
      } catch (error) {
        expect(String(error)).toContain("the disk is full");
        expect(isLoamError(error, "base/diskFull") || isLoamError(error, "loop/machine"), String(error)).toBe(true);
        codes.push((error as LoamError).code);
        return undefined;
      } finally {
        store.records.write = write;
        rmSync(join(folder, "filler"), { force: true });
        expect(await verify(store, { content: true })).toMatchObject({ ok: true, findings: [] });
        expect(readdirSync(fixture.folder, { recursive: true }).filter(f => String(f).endsWith(".part"))).toEqual([]);
      }
    };
    const codes: string[] = [];
    const heldIn = new Set<string>();
    let report: LoopRunReport | undefined;
    let [room, writes] = [0, 0];
    while (!report && codes.length < 100) {
      report = await attempt(room, writes);
      if (report) break;
      const { phase, past, paused } = await project.loop.status("mood");
      expect({ past, paused }).toEqual({ past: [], paused: null });
      heldIn.add(phase);
      // before the round, less and less of the disk is missing; in it, a whole one fills up later and later
      if (phase === "idle") room += 98_304;
      else if (codes.includes("loop/machine")) [room, writes] = [0, writes + 1];
      else room = (room + 24_576) % 98_304;
    }
    expect(report!.past[0]).toMatchObject({ number: 1, outcome: "promoted", candidate: { version: 2 } });
    expect(heldIn.size, [...heldIn].join()).toBeGreaterThan(3);
    expect(new Set(codes)).toEqual(new Set(["base/diskFull", "loop/machine"]));
    expect((await releasesOf(store.records.read, "mood", "prod")).map(r => r.number)).toEqual([1, 2]);
    await project.close();
  },
);
