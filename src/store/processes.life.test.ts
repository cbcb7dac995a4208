/** Several real processes on one project, some of them killed: the promises of the lock and of the record. */
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rounds } from "../../test/support/deep.ts";
import { isLoamError, random } from "../base/index.ts";
import { bundleScript, listOf, startChild } from "./children.laws.ts";
import { applyGc, planGc } from "./gc.ts";
import { acquireLock, type LockInfo } from "./locks.ts";
import { listArtifacts } from "./names.ts";
import { thisOwner } from "./owner.ts";
import { planStage } from "./plan.ts";
import { runStage } from "./runner.ts";
import { listRuns } from "./runs.ts";
import { scratchFolder } from "./scratch.laws.ts";
import { findPostgres, type RunningServer, startPostgres } from "./servers.laws.ts";
import { collect } from "./stages.laws.ts";
import { openStore, type Store, type StoreOptions } from "./store.ts";
import { verify } from "./verify.ts";

const scratch = scratchFolder("processes");

/** `slow` waits for a line on its input after it has written a file; `many` records as fast as it can and says each one it was told is recorded. */
const script = `
  import { appendFileSync, readdirSync, writeFileSync } from "node:fs";
  import { once } from "node:events";
  import { join } from "node:path";
  import { z } from "zod";
  import { openStore } from "./store.ts";
  import { runStage } from "./runner.ts";
  import { stage } from "./stage.ts";
  const [what, options, marks] = [process.argv[2], JSON.parse(process.argv[3]!), process.argv[4]!];
  const store = await openStore(options);
  const slow = stage({
    name: "slow", version: 1, inputs: {}, options: z.strictObject({ name: z.string() }), output: "thing",
    async run({ output, scratch, signal }) {
      appendFileSync(marks, process.pid + " " + readdirSync(scratch).join() + "\\n");
      writeFileSync(join(scratch, "checkpoint"), "half way");
      await output.write("big", "x".repeat(100_000));
      console.log("running");
      await Promise.race([once(process.stdin, "data"), once(signal, "abort")]);
      signal.throwIfAborted();
      return {};
    },
  });
  const tiny = stage({
    name: "tiny", version: 1, inputs: {}, options: z.strictObject({ n: z.string() }), output: "tiny",
    async run({ output, options }) {
      await output.write("small", "small " + options.n);
      await output.write("large", ("large " + options.n + " ").repeat(2000));
      return {};
    },
  });
  if (what === "slow") {
    const result = await runStage(store, slow, { inputs: {}, options: { name: "x" }, progress: e => console.log("progress " + e.message) });
    console.log("done " + result.action + " " + result.artifact.id);
  }
  for (let i = 0; what === "many"; i++) {
    const { artifact } = await runStage(store, tiny, { inputs: {}, options: { n: process.pid + "-" + i } });
    console.log("recorded " + artifact.id);
  }
  await store.close();
  process.exit(0);
`;

function processLaws(fresh: () => StoreOptions): void {
  let path = "";
  beforeAll(async () => {
    path = await bundleScript(script, scratch, `child-${randomBytes(4).toString("hex")}`);
  });
  const using = async (
    work: (store: Store, start: (what: string) => ReturnType<typeof startChild>, marks: () => string[]) => Promise<void>,
  ) => {
    const options = fresh();
    mkdirSync(options.root, { recursive: true });
    const marksFile = join(options.root, "marks");
    writeFileSync(marksFile, "");
    const store = await openStore(options);
    const children: ReturnType<typeof startChild>[] = [];
    const start = (what: string) => {
      const child = startChild(path, [what, JSON.stringify(options), marksFile]);
      children.push(child);
      return child;
    };
    try {
      await work(store, start, () => readFileSync(marksFile, "utf8").split("\n").filter(Boolean));
    } finally {
      for (const child of children) await child.kill();
      await store.close();
    }
  };

  test("two processes that want the same artifact make it once: the second waits, says for whom, and reuses", () =>
    using(async (store, start, marks) => {
      const first = start("slow");
      await first.line("running");
      const second = start("slow");
      expect(await second.line("progress")).toMatch(new RegExp(`waiting for slow@1 by pid ${first.pid} on .* for `));
      first.say("go on");
      const made = await first.line("done made");
      expect(await second.line("done")).toBe(made.replace("made", "reused"));
      expect(await first.ended).toBe(0);
      expect(marks()).toHaveLength(1);
      expect(await listArtifacts(store)).toHaveLength(1);
    }));

  test("a killed owner's lock is taken over at once, its run is marked lost, its scratch is there for the next", () =>
    using(async (store, start, marks) => {
      const first = start("slow");
      await first.line("running");
      expect(await listRuns(store)).toMatchObject([{ state: "running", owner: { pid: first.pid } }]);
      await first.kill();
      expect(await listRuns(store)).toMatchObject([{ state: "lost" }]);
      expect(await listArtifacts(store)).toEqual([]);
      const second = start("slow");
      await second.line("running");
      second.say("go on");
      await second.line("done made");
      await second.ended;
      expect(marks()).toEqual([`${first.pid} `, `${second.pid} checkpoint`]);
      expect((await listRuns(store)).map(r => r.state).sort()).toEqual(["done", "lost"]);
      expect(readdirSync(store.scratchFolder)).toEqual([]);
      expect((await verify(store, { content: true })).findings).toEqual([]);
    }));

  test("gc beside a running process removes nothing and says who runs; when that was killed it takes what was left", () =>
    using(async (store, start) => {
      const child = start("slow");
      await child.line("running");
      const before = await listOf(store.blobs.list());
      expect(before).toHaveLength(1);
      await expect(applyGc(store, { roots: [] })).rejects.toThrow(new RegExp(`got slow@1 by pid ${child.pid} on `));
      expect(await listOf(store.blobs.list())).toEqual(before);
      await child.kill();
      expect((await planGc(store, { roots: [] })).running).toEqual([]);
      expect((await applyGc(store, { roots: [], scratchDays: -1 })).blobs).toMatchObject([{ sizeBytes: 100_000, why: "no artifact" }]);
      expect(await listOf(store.blobs.list())).toEqual([]);
      expect(readdirSync(store.scratchFolder)).toEqual([]);
    }));

  test("of what was acknowledged nothing is lost when writers are killed at random moments, and the record verifies", () =>
    using(async (store, start) => {
      const r = random("kills");
      const acknowledged: string[] = [];
      for (let round = 0; round < rounds(4, 1); round++) {
        const children = [start("many"), start("many")];
        await Promise.all(children.map(child => child.line("recorded")));
        await new Promise(next => setTimeout(next, r.below(120)));
        await Promise.all(children.map(child => child.kill()));
        for (const child of children) acknowledged.push(...child.lines.filter(l => l.startsWith("recorded ")).map(l => l.slice(9)));
      }
      const recorded = new Set((await listArtifacts(store)).map(a => a.id));
      expect(acknowledged.length).toBeGreaterThan(4);
      expect(acknowledged.filter(id => !recorded.has(id))).toEqual([]);
      const found = await verify(store, { content: true });
      expect(found.findings).toEqual([]);
      expect(found.artifacts).toBe(recorded.size);
      // What is not acknowledged is whole or absent as well: after gc only blobs of artifacts are left.
      await applyGc(store, { roots: [...recorded] });
      expect(await listOf(store.blobs.list())).toHaveLength(recorded.size * 2);
    }));

  const asLock = async (store: Store, owner: object, recipe: string) =>
    store.records.write(t =>
      t
        .insertInto("locks")
        .values({
          name: recipe,
          token: "someone",
          owner: JSON.stringify(owner),
          what: "collect@1",
          acquired_ms: Date.now() - 65_000,
          beats: 0,
        })
        .execute(),
    );
  const o = { inputs: {}, options: { ids: ["a"] } };

  test("who does not want to wait is told the living owner and the age of the lock", () =>
    using(async store => {
      const { recipe } = await planStage(store, collect, o);
      // Our parent lives as long as we do.
      const { started } = JSON.parse(JSON.stringify(thisOwner()));
      await asLock(store, { ...thisOwner(), thread: 99, started }, recipe);
      const refused = runStage(store, collect, { ...o, waitMs: 0 });
      await expect(refused).rejects.toMatchObject({ code: "store/locked" });
      await expect(refused).rejects.toThrow(new RegExp(`got collect@1 by pid ${process.pid} on .* for 1:0\\d\\. Wait for it`));
      expect((await planStage(store, collect, o)).running?.owner.pid).toBe(process.pid);
    }));

  test("a process that only has the number of the dead owner does not keep its lock", () =>
    using(async store => {
      const { recipe } = await planStage(store, collect, o);
      await asLock(store, { ...thisOwner(), started: "long ago" }, recipe);
      expect((await runStage(store, collect, { ...o, waitMs: 0 })).action).toBe("made");
    }));

  test("an owner on another machine keeps its lock while its heartbeat moves, and loses it when that stands still", () =>
    using(async store => {
      const elsewhere = { ...thisOwner(), host: "elsewhere", space: "000000000000" };
      await asLock(store, elsewhere, "somewhere");
      const refused = (lock: LockInfo) => new Error(`held by ${lock.owner.host}`);
      const take = (waitMs: number) =>
        acquireLock({
          records: store.records,
          clock: store.clock,
          name: "somewhere",
          what: "test",
          waitMs,
          staleMs: 300,
          alsoFree: [],
          refused,
        });
      const beating = setInterval(
        () =>
          void store.records.write(t =>
            t
              .updateTable("locks")
              .set(e => ({ beats: e("beats", "+", 1) }))
              .execute(),
          ),
        60,
      );
      await expect(take(1_200)).rejects.toThrow("held by elsewhere");
      clearInterval(beating);
      await (await take(20_000)).release();
    }));

  test("who was taken over records nothing", () =>
    using(async store => {
      const robbed = {
        ...collect,
        async run(context: Parameters<typeof collect.run>[0]) {
          await store.records.write(t => t.updateTable("locks").set({ token: "another process" }).execute());
          return collect.run(context);
        },
      };
      await expect(runStage(store, robbed, o)).rejects.toSatisfy(e => isLoamError(e, "store/lockLost"));
      expect(await listArtifacts(store)).toEqual([]);
      expect((await verify(store)).ok).toBe(true);
    }));
}

let projects = 0;
const root = () => join(scratch, `p${projects++}`);

describe("sqlite", () => processLaws(() => ({ root: root() })));

const found = findPostgres();
describe.skipIf(found.reason)(`postgres${found.reason ? ` (skipped: ${found.reason})` : ""}`, () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startPostgres(found.program!);
  });
  afterAll(() => server?.stop());
  processLaws(() => ({ root: root(), records: server.url(`p${projects}`) }));
});
