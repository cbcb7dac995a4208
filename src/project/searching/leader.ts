/**
 * Leads a study from this machine: as many worker processes as asked for, each replaced when it dies (a trial that takes its process with it
 * must not take the search), none left behind: they end when the leader does. Other machines that share the record may lead it too.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { environment, type ProgressEvent } from "../../base/index.ts";
import { projectErrors } from "../errors.ts";
import { packageFolder } from "../package.ts";
import type { TrialResult } from "./trial.ts";

/** What a worker process says, a JSON line each. */
type WorkerEvent =
  | ({ readonly event: "progress"; readonly label: string } & ProgressEvent)
  | { readonly event: "trial-start"; readonly trial: number; readonly point: unknown }
  | { readonly event: "trial-end"; readonly trial: number; readonly result: TrialResult }
  | { readonly event: "error"; readonly message: string };

interface Leading {
  /** Arguments of the worker's command line. */
  readonly args: readonly string[];
  readonly workers: number;
  /** Times that dead workers are replaced, in all. */
  readonly mostDeaths: number;
  readonly cwd: string;
  readonly signal: AbortSignal;
  readonly onEvent: (event: WorkerEvent) => void;
  readonly onDeath: (how: string) => void;
}

/** Characters of a worker's last words that are kept. */
const lastWords = 2000;

/** Runs the workers until they have nothing left to do. Errors: what a worker ended with, as its own sentence. */
export async function leadWorkers(o: Leading): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([o.signal, stop.signal]);
  let deaths = 0;
  const one = async (): Promise<void> => {
    for (;;) {
      const { code, killedBy, said } = await oneWorker(o, signal);
      if (signal.aborted || code === 0) return;
      if (killedBy === null) {
        const failure = projectErrors.fail("worker", {
          place: "loam tune search",
          message:
            said
              .trim()
              .split("\n")
              .at(-1)
              ?.replace(/^loam: /, "") || `a worker ended with ${code}`,
        });
        stop.abort(failure);
        throw failure;
      }
      o.onDeath(killedBy);
      if (++deaths > o.mostDeaths)
        throw projectErrors.fail("worker", {
          place: "loam tune search",
          expected: "workers that live",
          received: `${deaths} that died, the last by ${killedBy}`,
        });
    }
  };
  const results = await Promise.allSettled(Array.from({ length: o.workers }, one));
  const failed = results.find(r => r.status === "rejected");
  if (failed) throw failed.reason;
  o.signal.throwIfAborted();
}

async function oneWorker(o: Leading, signal: AbortSignal) {
  // An IPC channel closes when the leader is gone, however it went: the worker then saves its trial and ends.
  const child: ChildProcess = spawn(process.execPath, [join(packageFolder, "bin", "loam.js"), ...o.args], {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    cwd: o.cwd,
    env: environment(),
  });
  let said = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-lastWords);
  });
  createInterface({ input: child.stdout! }).on("line", line => {
    const event = line.startsWith("{") ? (JSON.parse(line) as WorkerEvent | { readonly error: { readonly sentence: string } }) : undefined;
    if (!event) return;
    if ("error" in event) said = event.error.sentence;
    else o.onEvent(event);
  });
  const stop = () => child.kill("SIGTERM");
  signal.addEventListener("abort", stop);
  try {
    const [code, killedBy] = await new Promise<[number | null, string | null]>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (c, by) => resolve([c, by]));
    });
    return { code, killedBy, said };
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
