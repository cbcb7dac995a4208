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

class NotWanted extends Error {}
/** Of the input that is judged: not 0 when it is not wanted any more. */
let flag: Int32Array = new Int32Array(new SharedArrayBuffer(4));

/** Errors: NotWanted. */
function checkWanted(): void {
  if (Atomics.load(flag, 0) !== 0) throw new NotWanted();
}

const judges = new Map<number, Promise<OpenJudge>>();
const say = (message: FromThread): void => parentPort!.postMessage(message);

/** Undefined where it is not wanted any more. */
function judged({ judge }: OpenJudge, input: JudgeInput): JudgeResult | undefined {
  const judging = judge(input);
  try {
    for (;;) {
      checkWanted();
      const step = judging.next();
      if (step.done) return step.value;
    }
  } catch (error) {
    if (error instanceof NotWanted) return undefined;
    throw error;
  }
}

parentPort!.on("message", async (message: ToThread) => {
  if (message.kind === "forget") {
    judges.delete(message.handle);
    return;
  }
  const { handle, spec, input } = message;
  try {
    if (spec) judges.set(handle, openJudge(spec, checkWanted));
    const open = await judges.get(handle);
    if (!open) throw new Error("its guard was closed");
    flag = message.flag;
    say({ kind: "done", result: judged(open, input) });
  } catch (error) {
    say({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
});
