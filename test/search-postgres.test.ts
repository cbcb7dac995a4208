/** A study in PostgreSQL, searched by worker processes of the built command line: one is killed in a trial, and another goes on inside it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { random } from "../src/base/index.ts";
import { listStudies, openStore, type StoredTrial, trialBoard } from "../src/store/index.ts";
import { findPostgres, type RunningServer, startPostgres } from "../src/store/servers.laws.ts";
import { jsonLines, loam, start, startProcess } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { temporaryFolder } from "./support/project.ts";

const found = findPostgres();
const words = "harbour tide sail anchor wind boat shore wave island captain the a of and it was on to for".split(" ");

function project(records?: string): string {
  const folder = temporaryFolder("study");
  const draw = random("study");
  mkdirSync(join(folder, "texts"));
  for (let i = 0; i < 60; i++)
    writeFileSync(join(folder, "texts", `${i}.txt`), Array.from({ length: 50 }, () => words[draw.below(words.length)]).join(" "));
  writeFileSync(
    join(folder, "loam.yaml"),
    `data:
  texts: { source: { folder: texts, reader: text }, steps: [clean], split: { heldOut: 0.3, by: near-duplicate } }
tokenizer: { vocab: 280, from: texts }
models:
  tiny:
    layers: 1
    width: 16
    heads: 2
    context: 32
    train: { on: texts, rows: 4, rate: 0.01, evaluateBatches: 2, tokens: 250k, checkpointSeconds: 0.1 }
searches:
  small:
    model: tiny
    sampler: halton
    pruner: none
    space: { train.rate: { from: 0.001, to: 0.1, log: true } }
    trials: 4
    parallel: 2
device: { threads: 1 }
${records === undefined ? "" : `store: { records: "${records}" }\n`}`,
  );
  return folder;
}

interface Result {
  readonly trials: readonly StoredTrial[];
  readonly winner: number;
  readonly verdict: { readonly winner: { readonly value: number }; readonly documents: number };
}
const resultOf = (stdout: string): Result => jsonLines(stdout).at(-1) as unknown as Result;
const valuesOf = ({ trials }: Result) =>
  trials.map(t => [t.number, t.state, t.point, (t.outcome as { values: number[] }).values, t.reports]);

describe.skipIf(found.reason)(`PostgreSQL${found.reason ? ` (skipped: ${found.reason})` : ""}`, () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startPostgres(found.program!);
  });
  afterAll(() => server?.stop());

  deepTest(
    "a worker that is killed in a trial is replaced, the trial goes on inside, and all values are those of an undisturbed search",
    async () => {
      const records = server.url("study");
      const cwd = project(records);
      const leader = start(["tune", "search", "--json"], { cwd });
      // lines come by time: which steps they tell of is the machine's business
      await leader.says(/"label":"trial 1".*"step":1?\d\d\d\D/);
      const store = await openStore({ root: cwd, records });
      const [study] = await listStudies(store.records.read);
      const board = trialBoard(store, study!.id);
      const held = (await board.trials()).filter(t => t.state === "running");
      expect(new Set(held.map(t => t.owner!.pid)).size).toBe(2);
      const { number, owner } = held.at(-1)!;
      expect(number).toBe(1);
      process.kill(owner!.pid, "SIGKILL");
      await leader.says(/a worker was lost \(killed by SIGKILL\); another one goes on with its trial/);
      const takenOver = async (): Promise<StoredTrial> => {
        for (;;) {
          const now = (await board.trials())[number]!;
          if (now.state !== "running" || (now.owner && now.owner.pid !== owner!.pid)) return now;
          await new Promise(next => setTimeout(next, 20));
        }
      };
      expect((await takenOver()).state).toBe("running");
      const told = jsonLines(leader.said.replace(/[^\n]*$/, "")).length;
      const { code, stdout, stderr } = await leader.ended;
      expect(code, stderr).toBe(0);
      const after = jsonLines(stdout)
        .slice(told)
        .filter(e => e.event === "progress" && e.label === `trial ${number}`)
        .flatMap(e => (e.values as { step?: number } | undefined)?.step ?? []);
      expect(after[0]).toBeGreaterThan(20);
      await store.close();

      const whole = await loam(["tune", "search", "--workers", "0", "--json"], { cwd: project() });
      expect(whole.code, whole.stderr).toBe(0);
      expect(valuesOf(resultOf(stdout))).toEqual(valuesOf(resultOf(whole.stdout)));
      expect(resultOf(stdout)).toMatchObject({ winner: resultOf(whole.stdout).winner });
      expect(resultOf(stdout).verdict.winner.value).toBe(resultOf(whole.stdout).verdict.winner.value);

      // what is in the database is all there is to know: another process finds it, and tries nothing again
      const shown = await loam(["tune", "show", "small", "--json"], { cwd });
      expect(shown.code, shown.stderr).toBe(0);
      const again = await loam(["tune", "search", "--json"], { cwd });
      expect(resultOf(again.stdout).trials).toEqual(resultOf(stdout).trials);
    },
  );

  test("two commands on one study: each trial is made once, by one of them, and both come to the same", async () => {
    const cwd = project(server.url("two"));
    const both = [1, 2].map(() => startProcess(["tune", "search", "--workers", "0", "--json"], { cwd }));
    await Promise.all(both.map(one => one.says(/"label":"trial \d"/)));
    const ended = await Promise.all(both.map(one => one.ended));
    for (const { code, stderr } of ended) expect(code, stderr).toBe(0);
    const made = ended.flatMap(({ stdout }) => [
      ...new Set(jsonLines(stdout).flatMap(e => (e.event === "progress" && /^trial \d$/.test(String(e.label)) ? [e.label] : []))),
    ]);
    expect(made.toSorted()).toEqual(["trial 0", "trial 1", "trial 2", "trial 3"]);
    const [first, second] = ended.map(({ stdout }) => resultOf(stdout)) as [Result, Result];
    expect(first.trials.map(t => [t.number, t.state])).toEqual([0, 1, 2, 3].map(number => [number, "done"]));
    expect(second.trials).toEqual(first.trials);
    expect(second.winner).toBe(first.winner);
  });
});
