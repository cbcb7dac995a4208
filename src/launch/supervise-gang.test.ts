/** Tasks that need each other: all run or none, the one whose end was the reason is named, and nothing is left. */
import { expect, test } from "vitest";
import type { Launcher, LaunchJob, TaskState } from "./launcher.ts";
import { localLauncher } from "./local.ts";
import { type GangSupervision, superviseGang } from "./supervise-gang.ts";

const never = new AbortController().signal;
const options: GangSupervision = { signal: never, startMs: 60_000, graceMs: 5_000 };
const jobOf = (script: string, tasks = 3): LaunchJob => ({
  name: "gang",
  indexes: Array.from({ length: tasks }, (_, i) => i),
  tasks,
  program: "/bin/sh",
  args: ["-c", script],
  env: {},
  cwd: "/",
  cpus: 1,
});

/** An engine whose tasks are in given states, look after look; the last ones stay until it is cancelled. */
function scripted(looks: readonly (readonly TaskState[])[]): Launcher & { readonly calls: string[] } {
  const calls: string[] = [];
  let look = 0;
  return {
    engine: "scripted",
    lookMs: 10,
    calls,
    submit: async () => ({
      id: "1",
      tasks: async () => new Map(looks[Math.min(look++, looks.length - 1)]!.map((state, i) => [i, state])),
      logs: async () => "loam: the disk is full\n",
      cancel: async () => void calls.push("cancel"),
      close: async () => void calls.push("close"),
    }),
    close: async () => {},
  };
}
const running: TaskState = { state: "running" };
const done: TaskState = { state: "succeeded" };
const waits: TaskState = { state: "pending", reason: "Slurm: Resources" };

test("tasks that all succeed are no loss", async () => {
  expect(await superviseGang(localLauncher(), jobOf("exit 0"), options)).toBeUndefined();
});

test("a killed task is the loss, though the others fail of it first", async () => {
  const loss = await superviseGang(
    localLauncher(),
    jobOf('if [ "$LOAM_TASK" = 1 ]; then sleep 0.3; kill -KILL $$; else exit 1; fi'),
    options,
  );
  expect(loss).toMatchObject({ index: 1, state: { state: "killed", reason: "killed by SIGKILL" }, error: undefined });
});

test("a task that fails is the loss with the last sentence of its log, and those that still run get SIGTERM after the grace", async () => {
  const script = 'if [ "$LOAM_TASK" = 2 ]; then echo "loam: no memory" >&2; exit 3; else exec sleep 600; fi';
  const loss = await superviseGang(localLauncher(), jobOf(script), { ...options, graceMs: 300 });
  expect(loss).toMatchObject({
    index: 2,
    state: { state: "failed", exitCode: 3 },
    error: { code: "launch/task", message: expect.stringContaining("no memory") },
  });
});

test("while no task runs the queue is waited for; from the first on, those that do not come in time are named with the engine's reason", async () => {
  const launcher = scripted([...Array.from({ length: 30 }, () => [waits, waits, waits]), [running, waits, { state: "pending" }]]);
  let asked = 0;
  const run = superviseGang(launcher, jobOf(""), { ...options, startMs: 100, askToEnd: () => void asked++ });
  await expect(run).rejects.toMatchObject({
    code: "launch/gang",
    message: expect.stringMatching(
      /^gang \(scripted\): expected all 3 tasks to run at the same time, 0 s after the first, got 2 that still wait: task 1 \(Slurm: Resources\), 2\. .*launch\.startSeconds/,
    ),
  });
  expect(launcher.calls).toEqual(["cancel", "close"]);
  expect(asked).toBe(1);
});

test("tasks that begin one after the other within the time are one gang", async () => {
  const launcher = scripted([
    [running, waits],
    [running, waits],
    [running, running],
    [done, running],
    [done, done],
  ]);
  expect(await superviseGang(launcher, jobOf("", 2), { ...options, startMs: 10_000 })).toBeUndefined();
});

test("a task that fails while others wait is not waited out", async () => {
  const launcher = scripted([[{ state: "failed", exitCode: 1, reason: "exit code 1" }, waits]]);
  const loss = await superviseGang(launcher, jobOf("", 2), { ...options, graceMs: 600_000 });
  expect(loss).toMatchObject({ index: 0, error: { message: expect.stringContaining("the disk is full") } });
});

test("an abort asks the tasks to end by themselves, waits for them, and ends with the signal's reason", async () => {
  const stop = new AbortController();
  const looks: TaskState[][] = [[running, running]];
  const launcher = scripted(looks);
  const run = superviseGang(launcher, jobOf("", 2), {
    ...options,
    signal: stop.signal,
    askToEnd: () => void looks.push([done, done]),
    onEvent: e => {
      if (e.event === "task") stop.abort(new Error("enough"));
    },
  });
  await expect(run).rejects.toThrow("enough");
  expect(looks).toHaveLength(2);
  expect(launcher.calls).toEqual(["cancel", "close"]);
});
