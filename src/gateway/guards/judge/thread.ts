/** A thread that judges large inputs, one after the other, behind everything else that the process does. */
import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { openJudge } from "./judge.ts";
import type { JudgeInput, JudgeResult, OpenJudge } from "./judge-types.ts";
import type { FromThread, ToThread } from "./pool.ts";

/** Of Linux, from -20 to 19: a third of the processor time that the event loop gets where both want one core. */
const niceness = 5;
try {
  // the link is resolved by this thread: PID/task/TID; a thread's id is a process's for the scheduler
  setPriority(Number(readlinkSync("/proc/thread-self").split("/").at(-1)), niceness);
} catch {
  // another system, or one that does not allow it: the threads have the priority of the process
}

const judges = new Map<number, Promise<OpenJudge>>();
const say = (message: FromThread): void => parentPort!.postMessage(message);

/** Undefined where it is not wanted any more. */
function judged({ judge }: OpenJudge, input: JudgeInput, flag: Int32Array): JudgeResult | undefined {
  const judging = judge(input);
  while (Atomics.load(flag, 0) === 0) {
    const step = judging.next();
    if (step.done) return step.value;
  }
  return undefined;
}

parentPort!.on("message", async (message: ToThread) => {
  if (message.kind === "forget") {
    judges.delete(message.handle);
    return;
  }
  const { handle, spec, input, flag } = message;
  try {
    if (spec) judges.set(handle, openJudge(spec));
    const open = await judges.get(handle);
    if (!open) throw new Error("its guard was closed");
    say({ kind: "done", result: judged(open, input, flag) });
  } catch (error) {
    say({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
});
