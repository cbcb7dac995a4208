/** The heavy work of a round in a process of its own, which yields to what serves: `loam loop work` again, with a channel whose end tells it to stop. */
import { spawn } from "node:child_process";
import { setPriority } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { environment } from "../../base/index.ts";
import { FailedLoopWork, loopErrors } from "../../loop/index.ts";
import { isCodeOfMachine } from "../of-machine.ts";
import { packageFolder } from "../package.ts";
import type { HeavyWork } from "./loop-ports.ts";

/** Requests come before training. */
const niceness = 10;
/** Characters of its last words that are kept. */
const lastWords = 2000;

export const heavyWorks = ["assemble", "train", "judge"] as const;
export type HeavyWorkName = (typeof heavyWorks)[number];

/** What a line of the child's output may be. */
interface ToldLine {
  readonly event?: string;
  readonly result?: unknown;
  readonly failed?: { readonly why: string; readonly coreSeconds: number; readonly money: number; readonly isOfMachine: boolean };
  readonly error?: { readonly sentence?: string; readonly code?: string };
}

/** One piece of work. Errors: what the child says when it fails; the signal's reason. */
function workInChild(folder: string, model: string, work: HeavyWorkName, signal: AbortSignal): Promise<unknown> {
  signal.throwIfAborted();
  const args = ["loop", "work", model, "--only", work, "--project", folder, "--json"];
  const child = spawn(process.execPath, [join(packageFolder, "bin", "loam.js"), ...args], {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    cwd: folder,
    env: environment(),
  });
  try {
    if (child.pid !== undefined) setPriority(child.pid, niceness);
  } catch {
    // it has ended already, or the system has no priorities
  }
  let said = "";
  let came: ToldLine | undefined;
  let error: ToldLine["error"];
  const fail = (isOfMachine: boolean, why: string) =>
    loopErrors.fail(isOfMachine ? "machine" : "state", { place: `loop.${model}`, message: why.replace(/^loam: /, "") });
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-lastWords);
  });
  createInterface({ input: child.stdout! }).on("line", line => {
    if (!line.startsWith("{")) return;
    const told = JSON.parse(line) as ToldLine;
    if (told.error) error = told.error;
    else if (told.event === "loop-work") came = told;
  });
  const stop = () => void child.kill("SIGTERM");
  signal.addEventListener("abort", stop, { once: true });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, killedBy) => {
      signal.removeEventListener("abort", stop);
      if (signal.aborted) reject(signal.reason);
      else if (came?.failed) {
        const { why, isOfMachine } = came.failed;
        reject(new FailedLoopWork(why, came.failed, fail(isOfMachine, why)));
      } else if (came && code === 0) resolve(came.result);
      else {
        const last = said.trim().split("\n").at(-1);
        const why =
          error?.sentence ??
          (killedBy ? `the process of ${work} was ended by ${killedBy}` : last || `the process of ${work} ended with code ${code}`);
        reject(fail(isCodeOfMachine(error?.code ?? ""), why));
      }
    });
  });
}

/** The child prints what these methods give. */
export function childWork(folder: string, model: string): HeavyWork {
  const run = (work: HeavyWorkName, signal: AbortSignal) => workInChild(folder, model, work, signal);
  return {
    assemble: (_, signal) => run("assemble", signal) as ReturnType<HeavyWork["assemble"]>,
    train: (_, signal) => run("train", signal) as ReturnType<HeavyWork["train"]>,
    judge: (_, signal) => run("judge", signal) as ReturnType<HeavyWork["judge"]>,
  };
}
