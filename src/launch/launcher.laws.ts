/** What holds of every engine: tests that start real tasks (a shell), written once. A file of tests says how an engine is opened, or why it cannot be. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pause } from "../base/index.ts";
import { isTaskOver, type Launcher, type LaunchJob, type RunningJob, type TaskState } from "./launcher.ts";
import { type LaunchEvent, superviseTasks } from "./supervise-tasks.ts";

export interface LauncherUnderTest {
  readonly launcher: Launcher;
  /** A folder that this process and the tasks see under the same path. */
  readonly folder: string;
  /** Ends a task's process as a crash would: from outside, by the number that the task wrote (`$$`). Default: SIGKILL here. */
  readonly kill?: (pid: number, index: number) => Promise<void>;
  /** A job that the engine refuses, where it has a queue that can. */
  readonly refused?: { readonly change: Partial<LaunchJob>; readonly launcher?: Launcher; readonly sentence: RegExp };
  close(): Promise<void>;
}

/** Long enough for a queue on a busy machine; a test that hangs ends here. */
const longestMs = 300_000;

async function until<T>(get: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (const end = performance.now() + longestMs; performance.now() < end; await pause(50)) {
    const value = await get();
    if (value !== undefined) return value;
  }
  throw new Error("did not come in time");
}

const ended = (running: RunningJob, count: number): Promise<ReadonlyMap<number, TaskState>> =>
  until(async () => {
    const states = await running.tasks();
    return states.size === count && [...states.values()].every(isTaskOver) ? states : undefined;
  });

/** Declares the suite for one engine. `reason`: why it cannot be opened here. */
export function launcherLaws(engine: string, reason: string | undefined, open: () => Promise<LauncherUnderTest>): void {
  describe.skipIf(reason !== undefined)(`launcher ${engine}${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
    let given: LauncherUnderTest;
    let base: string;
    beforeAll(async () => {
      given = await open();
      base = mkdtempSync(join(given.folder, "laws-"));
    }, longestMs);
    afterAll(async () => {
      if (base !== undefined) rmSync(base, { recursive: true, force: true });
      await given?.close();
    }, longestMs);

    /** A shell script in a folder of its own. */
    const jobOf = (script: string, tasks: number, more: Partial<LaunchJob> = {}): LaunchJob => {
      const folder = mkdtempSync(join(base, "job-"));
      writeFileSync(join(folder, "script.sh"), script);
      const indexes = Array.from({ length: tasks }, (_, i) => i);
      return {
        name: "laws",
        indexes,
        tasks,
        program: "/bin/sh",
        args: [join(folder, "script.sh")],
        env: {},
        cwd: folder,
        cpus: 1,
        ...more,
      };
    };
    // the first process of a container ends by SIGTERM only where it says so: Kubernetes would wait 30 s and kill it
    const waits =
      "trap 'exit 143' TERM; echo $$ > pid.part; mv pid.part pid; n=0; while [ $n -lt 1200 ]; do sleep 0.5; n=$((n + 1)); done\n";
    const law = (name: string, body: () => Promise<void>) => test(name, body, longestMs);
    const never = new AbortController().signal;
    const kill = async (pid: number, index: number) => (given.kill ? given.kill(pid, index) : void process.kill(pid, "SIGKILL"));

    law("3 tasks each run once, with their number, the variables and arguments of the job, in its folder", async () => {
      const job = jobOf('echo "$LOAM_TASK of $LOAM_TASKS: $WORD, $1, $2, $(pwd)" >> "out-$LOAM_TASK"\n', 3, {
        env: { WORD: "a 'b' \"c\" $d" },
      });
      const args = [...job.args, "two words", "it's"];
      await superviseTasks(given.launcher, { ...job, args }, { signal: never, mostReplacements: 0 });
      const made = readdirSync(job.cwd).filter(f => f.startsWith("out-"));
      expect(made.sort()).toEqual(["out-0", "out-1", "out-2"]);
      for (const n of [0, 1, 2])
        expect(readFileSync(join(job.cwd, `out-${n}`), "utf8")).toBe(`${n} of 3: a 'b' "c" $d, two words, it's, ${job.cwd}\n`);
    });

    law("exit codes are reported by task, with what each wrote to both streams", async () => {
      const job = jobOf('echo "out $LOAM_TASK"; echo "err $LOAM_TASK" >&2; exit $((LOAM_TASK * 3))\n', 3);
      const running = await given.launcher.submit(job);
      const states = await ended(running, 3);
      expect(states.get(0)).toEqual({ state: "succeeded" });
      expect(states.get(1)).toMatchObject({ state: "failed", exitCode: 3, reason: expect.stringContaining("3") });
      expect(states.get(2)).toMatchObject({ state: "failed", exitCode: 6 });
      for (const n of [0, 1, 2]) {
        const log = await until(async () => {
          const text = await running.logs(n);
          return text.includes(`err ${n}`) ? text : undefined;
        });
        expect(log).toContain(`out ${n}`);
        expect(log).not.toContain(`out ${(n + 1) % 3}`);
      }
      await running.cancel();
      await running.close();
    });

    law("a task that fails ends the job with the last sentence of its log, and the others are gone", async () => {
      const job = jobOf(
        `if [ "$LOAM_TASK" = 1 ]; then while [ ! -e pid ]; do sleep 0.05; done; echo "loam: the disk is full" >&2; exit 1; fi\n${waits}`,
        2,
      );
      const failure = superviseTasks(given.launcher, job, { signal: never, mostReplacements: 3 });
      await expect(failure).rejects.toMatchObject({
        problem: { code: "launch/task" },
        message: expect.stringContaining("the disk is full"),
      });
      await gone(job);
    });

    const pidOf = (job: LaunchJob, file = "pid") =>
      until(() => (existsSync(join(job.cwd, file)) ? Number(readFileSync(join(job.cwd, file), "utf8")) : undefined));
    /** The process that wrote its number is no more, wherever it ran: its shell would go on to write a file. */
    const gone = async (job: LaunchJob) => {
      const pid = await pidOf(job);
      if (given.kill === undefined) await until(() => (isAlive(pid) ? undefined : true));
    };

    law("cancel ends tasks that run and takes back what waits; a second one does nothing", async () => {
      const job = jobOf(waits, 1);
      const running = await given.launcher.submit(job);
      await pidOf(job);
      await running.cancel();
      const states = await running.tasks();
      expect(
        [...states.values()].every(s => isTaskOver(s) && s.state !== "succeeded"),
        JSON.stringify([...states]),
      ).toBe(true);
      await running.cancel();
      await running.close();
      await gone(job);
    });

    law("an abort ends the job with the signal's reason", async () => {
      const job = jobOf(waits, 1);
      const stop = new AbortController();
      const run = superviseTasks(given.launcher, job, { signal: stop.signal, mostReplacements: 0 });
      run.catch(() => {});
      await pidOf(job);
      stop.abort(new Error("enough"));
      await expect(run).rejects.toThrow("enough");
      await gone(job);
    });

    law("a killed task is started again, alone, and the job comes to its end", async () => {
      const script = `n=$(ls runs-$LOAM_TASK-* 2>/dev/null | wc -l); : > "runs-$LOAM_TASK-$n"
if [ "$LOAM_TASK-$n" = 1-0 ]; then echo $$ > pid.part; mv pid.part pid; exec sleep 600; fi\n`;
      const job = jobOf(script, 2);
      const events: LaunchEvent[] = [];
      const run = superviseTasks(given.launcher, job, { signal: never, mostReplacements: 1, onEvent: e => void events.push(e) });
      run.catch(() => {});
      await kill(await pidOf(job), 1);
      expect(await run).toEqual({ replaced: 1 });
      expect(
        readdirSync(job.cwd)
          .filter(f => f.startsWith("runs-"))
          .sort(),
      ).toEqual(["runs-0-0", "runs-1-0", "runs-1-1"]);
      expect(events).toContainEqual({ event: "replaced", index: 1, reason: expect.any(String) });
    });

    law("a task that is killed once more than it is replaced ends the job", async () => {
      // the first process of a container does not hear its own signals
      const job = jobOf("kill -KILL $$\nexit 137\n", 1);
      const run = superviseTasks(given.launcher, job, { signal: never, mostReplacements: 1 });
      await expect(run).rejects.toMatchObject({ problem: { code: "launch/lost" } });
    });

    law("a program that a node lacks is named", async () => {
      const program = join(base, "no-such-program");
      const run = superviseTasks(given.launcher, jobOf("", 2, { program }), { signal: never, mostReplacements: 3 });
      await expect(run).rejects.toMatchObject({ problem: { code: "launch/program" }, message: expect.stringContaining("no-such-program") });
    });

    law("a node without a file that the program needs is named, with the file", async () => {
      const files = [join(base, "loam.js")];
      const run = superviseTasks(given.launcher, jobOf("", 1, { files }), { signal: never, mostReplacements: 0 });
      await expect(run).rejects.toMatchObject({ problem: { code: "launch/program" }, message: expect.stringContaining("loam.js") });
    });

    law("0 tasks are done at once", async () => {
      expect(await superviseTasks(given.launcher, jobOf("exit 1\n", 0), { signal: never, mostReplacements: 0 })).toEqual({ replaced: 0 });
    });

    law("a job that is none is not submitted", async () => {
      const job = jobOf("", 1);
      for (const wrong of [
        { name: "Has Capitals" },
        { indexes: [1] },
        { indexes: [0, 0] },
        { cpus: 0 },
        { memoryBytes: 5 },
        { env: { "A B": "" } },
      ])
        await expect(given.launcher.submit({ ...job, ...wrong })).rejects.toMatchObject({ problem: { code: "launch/job" } });
    });

    law("a refused submission has the engine's own sentence, where an engine can refuse", async () => {
      if (given.refused === undefined) return;
      const { change, launcher = given.launcher, sentence } = given.refused;
      const run = superviseTasks(launcher, jobOf("", 1, change), { signal: never, mostReplacements: 0 });
      await expect(run).rejects.toMatchObject({ problem: { code: "launch/refused" }, message: expect.stringMatching(sentence) });
    });
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // a child that nobody has waited for yet is dead
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}
