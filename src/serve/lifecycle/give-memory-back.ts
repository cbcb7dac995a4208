/**
 * What an unloaded version leaves behind goes back to the system now. Its weights lie in memory that JavaScript sees, and a process that is
 * idle, which is when models go to sleep, never collects by itself; what ONNX Runtime freed, C's allocator keeps until it is asked.
 */
import { setTimeout as wait } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { trimNativeMemory } from "../../tensor/index.ts";

let collect: ((how?: { readonly type: "major"; readonly flavor: "last-resort" }) => void) | undefined;

/** The engine's last callbacks, which still hold on to it, and V8's own thread, which frees what a collection found. */
const settleMs = 100;

/** Resolves when it is done. Stops the process for some tens of milliseconds, three times. */
export async function giveMemoryBack(): Promise<void> {
  if (!collect) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as typeof collect;
  }
  await wait(settleMs);
  // the young generation goes back too, which an ordinary collection keeps at the size that loading made it
  collect?.({ type: "major", flavor: "last-resort" });
  // the one of no options is precise: the other keeps what was made while V8 was marking, a version's last megabytes, however often it runs
  collect?.();
  await wait(settleMs);
  trimNativeMemory();
}
