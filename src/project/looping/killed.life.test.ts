/** A loop whose process is killed at any moment: the next start goes on, the alias moves once, and the log is whole. `--deep` kills more often. */
import { fork } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { releasesOf, verify } from "../../store/index.ts";
import { openProject } from "../open-project.ts";
import { dayAt, firstVersion, type LoopFixture, loopFixture, sentences } from "./fixture.laws.ts";

const kills = process.env.LOAM_DEEP ? 100 : 20;
const fixtures: LoopFixture[] = [];
afterAll(() => {
  for (const f of fixtures) f.remove();
});

const program = fileURLToPath(new URL("../../../test/support/loop-child.js", import.meta.url));

/** Runs the loop in a process; killed after so many milliseconds. Its exit code, or null where it was killed. */
async function child(folder: string, day: number, killAfterMs?: number): Promise<number | null> {
  const running = fork(program, [folder, String(dayAt(day))], { stdio: "ignore" });
  const ended = new Promise<number | null>(resolve => running.once("exit", code => resolve(code)));
  if (killAfterMs !== undefined) void sleep(killAfterMs).then(() => running.kill("SIGKILL"));
  return ended;
}

test(`killed ${kills} times at random moments, rounds end as if nobody had, no alias moves twice, and the log is verified`, async () => {
  const fixture = await loopFixture({ every: "0s", cooldown: "0s" });
  fixtures.push(fixture);
  const project = await openProject(fixture.folder);
  await firstVersion(project);
  fixture.arrive(sentences("new", 200, dayAt(3), "second"));
  await project.close();
  const r = random("kills");
  // how long a whole run takes here now
  let [killed, wholeMs] = [0, 4_000];
  for (let i = 0; killed < kills; i++) {
    const began = performance.now();
    const code = await child(fixture.folder, 4 + i / 100, r.uniform() * wholeMs);
    if (code === null) killed++;
    else {
      expect(code).toBe(0);
      wholeMs = Math.max(1_000, performance.now() - began);
    }
    // a round that is over is followed by another one
    const again = await openProject(fixture.folder);
    const { past, phase } = await again.loop.status("mood");
    if (phase === "idle" && past.length > 0)
      fixture.arrive(sentences(past.length % 2 ? "old" : "new", 120, dayAt(4 + i / 100), `more-${i}`));
    await again.close();
  }
  expect(await child(fixture.folder, 9)).toBe(0);
  const after = await openProject(fixture.folder);
  const store = await after.store();
  const { past, rounds } = await after.loop.status("mood");
  expect(past.length).toBeGreaterThan(0);
  expect(past.every(p => p.outcome !== "failed")).toBe(true);
  expect(past[past.length - 1]).toMatchObject({ number: 1, outcome: "promoted", candidate: { version: 2 } });
  const moved = (await releasesOf(store.records.read, "mood", "prod")).filter(m => m.by === "loam loop").map(m => m.reason);
  expect(moved).toEqual([...new Set(moved)]);
  const promotions = past.filter(p => p.outcome === "promoted").length;
  if (rounds <= 20) expect(moved).toHaveLength(promotions);
  expect(await verify(store)).toMatchObject({ ok: true });
  await after.close();
});
