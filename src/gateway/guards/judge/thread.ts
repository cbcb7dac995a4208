/** A thread that judges large inputs, one after the other. */
import { parentPort } from "node:worker_threads";
import { type JudgeInput, type JudgeResult, type OpenJudge, openJudge } from "./judge.ts";
import type { FromThread, ToThread } from "./pool.ts";

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
