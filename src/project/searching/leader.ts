/**
 * Leads a study from this machine: as many worker processes as asked for, started by an engine, each replaced when it is killed (a trial that takes its process
 * with it must not take the search), none left behind. Those of this machine report what they do line by line; of others the record tells.
 */
import type { ProgressEvent } from "../../base/index.ts";
import { pause } from "../../base/index.ts";
import { localLauncher, superviseTasks } from "../../launch/index.ts";
import { type Store, type StoredTrial, trialsOf } from "../../store/index.ts";
import type { Watch } from "../call.ts";
import { superviseWorkers, type Workers, workerJob } from "../launching/workers.ts";
import type { TrialResult } from "./trial.ts";

/** What a worker process says, a JSON line each. */
type WorkerEvent =
  | ({ readonly event: "progress"; readonly label: string } & ProgressEvent)
  | { readonly event: "trial-start"; readonly trial: number; readonly point: unknown }
  | { readonly event: "trial-end"; readonly trial: number; readonly result: TrialResult };

interface Leading {
  readonly store: Store;
  readonly study: string;
  readonly before: readonly StoredTrial[];
  readonly onTrial: (trial: number, point: unknown, result: TrialResult) => void;
}

/** Runs the workers until they have nothing left to do. Errors: launch/task with what a worker ended with, launch/*. */
export const leadWorkers = (workers: Workers, o: Leading, watch: Watch): Promise<void> =>
  workers.engine === "local" ? leadChildren(workers, o, watch) : leadElsewhere(workers, o, watch);

async function leadChildren(workers: Workers, o: Leading, watch: Watch): Promise<void> {
  const points = new Map<number, unknown>(o.before.map(t => [t.number, t.point]));
  const onLine = (_: number, line: string) => {
    if (!line.startsWith("{")) return;
    const e = JSON.parse(line) as WorkerEvent | { readonly event?: undefined };
    if (e.event === "trial-start") points.set(e.trial, e.point);
    else if (e.event === "trial-end") o.onTrial(e.trial, points.get(e.trial), e.result);
    else if (e.event === "progress") watch.emit(e);
  };
  await superviseTasks(localLauncher({ onLine }), workerJob(workers), {
    signal: watch.signal,
    mostReplacements: workers.mostReplacements,
    onEvent(e) {
      if (e.event === "replaced")
        watch.emit({ event: "warning", message: `loam: a worker was lost (${e.reason}); another one goes on with its trial.` });
    },
  });
}

/** Between two looks at the record, ms. */
const lookMs = 500;
const endStates = ["done", "pruned", "failed"];

const resultOf = ({ state, outcome, reason }: StoredTrial): TrialResult =>
  state === "done"
    ? // the record has what a worker wrote as its outcome
      { state, outcome: outcome as never }
    : { state: state as "pruned" | "failed", ...(reason === null ? {} : { reason }) };

async function leadElsewhere(workers: Workers, { store, study, before, onTrial }: Leading, watch: Watch): Promise<void> {
  const told = new Set(before.filter(t => endStates.includes(t.state)).map(t => t.number));
  const look = async () => {
    for (const trial of await trialsOf(store.records.read, study)) {
      if (told.has(trial.number) || !endStates.includes(trial.state)) continue;
      told.add(trial.number);
      onTrial(trial.number, trial.point, resultOf(trial));
    }
  };
  const over = new AbortController();
  const looking = (async () => {
    for (;;) {
      await pause(lookMs, over.signal);
      // a record that is out of reach for a moment is the workers' matter
      await look().catch(() => {});
    }
  })().catch(() => {});
  try {
    await superviseWorkers(workers, watch);
  } finally {
    over.abort();
    await looking;
  }
  await look();
}
