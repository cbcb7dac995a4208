/** The loops of a project whose server runs: each is directed from here, or followed where another process has its lease. Training has a process of its own. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Fleet, ResponseObserver } from "../../serve/index.ts";
import type { Store } from "../../store/index.ts";
import type { ProjectFile } from "../project-file.ts";
import { takeLease } from "./lease.ts";
import { loopProject } from "./loop-project.ts";
import { loopRunnerOf } from "./loop-runs.ts";
import { observeTraffic } from "./observe-traffic.ts";
import { runLoopForEver } from "./run-loop.ts";
import { fleetTraffic } from "./traffic.ts";

/** Between two tries for a lease that another process has. */
const followMs = 5_000;

interface LoopsGiven {
  readonly project: ProjectFile;
  readonly store: Store;
  readonly fleet: Fleet;
  readonly tell: (message: string) => void;
  readonly warn: (message: string) => void;
}

export interface RunningLoops {
  /** Hears of the server's responses. */
  readonly observer: ResponseObserver;
  /** Once the models are loaded. */
  start(): void;
  close(): Promise<void>;
}

export function openLoops({ project, store, fleet, tell, warn }: LoopsGiven): RunningLoops {
  const stop = new AbortController();
  const said = new Set<string>();
  /** A problem that lasts is said once. */
  const warnOnce = (model: string) => (error: unknown) => {
    const message = `loam: loop of ${model}: ${(error as Error).message}`;
    if (!said.has(message)) warn(message);
    said.add(message);
    if (said.size > 100) said.clear();
  };
  const served = () => fleet.list().map(v => v.name);
  const observer = observeTraffic(store, warnOnce("responses"));
  const running: Promise<void>[] = [];

  /** Directs a loop for as long as its lease is held. */
  async function direct(model: string): Promise<void> {
    const lease = await takeLease(store, model);
    if ("heldBy" in lease) return;
    const signal = AbortSignal.any([stop.signal, lease.lost]);
    const watch = { signal, emit: () => {} };
    const at = { ...loopProject(project, model), store, watch };
    const onReport = ({ steps, why }: { readonly steps: readonly string[]; readonly why: string }) => {
      for (const step of steps) tell(`loop of ${model}: ${step} (${why})`);
    };
    try {
      await runLoopForEver(loopRunnerOf(at, fleetTraffic(fleet, model), { child: true }), signal, { onReport, onProblem: warnOnce(model) });
    } finally {
      await lease.release();
    }
  }
  async function keepOn(model: string): Promise<void> {
    while (!stop.signal.aborted) {
      await direct(model).catch(warnOnce(model));
      await sleep(followMs, undefined, { signal: stop.signal, ref: false }).catch(() => {});
    }
  }

  return {
    observer,
    start() {
      // a loop without its model's server here directs nothing here
      const here = new Set(served());
      for (const model of Object.keys(project.config.loop)) if (here.has(model)) running.push(keepOn(model));
    },
    async close() {
      stop.abort();
      await Promise.all(running);
      await observer.close();
    },
  };
}
