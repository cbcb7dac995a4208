/** Runs of stages as they are recorded: what is going on, what ended how. */
import { parseColumn } from "./artifact.ts";
import { type LockInfo, liveLocks } from "./locks.ts";
import type { StoreOwner } from "./owner.ts";
import type { Writing } from "./records/records.ts";
import type { RunState } from "./records/schema.ts";
import type { Store } from "./store.ts";

/** Ends a run's row; `artifact` or `error` says how. */
export const endRun = (t: Writing, id: string, state: RunState, endedMs: number, more: { artifact?: string; error?: string }) =>
  t
    .updateTable("runs")
    .set({ state, ended_ms: endedMs, ...more })
    .where("id", "=", id)
    .execute();

/** Marks the runs whose locks were taken over from dead owners. */
export async function endLost(t: Writing, takenOver: readonly LockInfo[], nowMs: number): Promise<void> {
  for (const lock of takenOver) await endRun(t, lock.token, "lost", nowMs, { error: "the process ended without a word" });
}

export interface RunInfo {
  readonly id: string;
  readonly recipe: string;
  readonly stage: string;
  readonly stageVersion: number;
  /** "lost" as soon as its process is gone, even where nobody has taken its lock over yet. */
  readonly state: RunState;
  readonly owner: StoreOwner;
  readonly startedMs: number;
  readonly endedMs: number | null;
  readonly artifact: string | null;
  readonly error: string | null;
}

/** The newest runs first. */
export async function listRuns(store: Store, filter: { readonly limit?: number; readonly recipe?: string } = {}): Promise<RunInfo[]> {
  const live = new Set((await liveLocks(store.records.read)).map(lock => lock.token));
  let query = store.records.read
    .selectFrom("runs")
    .selectAll()
    .orderBy("started_ms", "desc")
    .limit(filter.limit ?? 100);
  if (filter.recipe !== undefined) query = query.where("recipe", "=", filter.recipe);
  return (await query.execute()).map(r => ({
    id: r.id,
    recipe: r.recipe,
    stage: r.stage,
    stageVersion: r.stage_version,
    state: r.state === "running" && !live.has(r.id) ? "lost" : r.state,
    owner: parseColumn<StoreOwner>(r.owner, `runs.${r.id}.owner`),
    startedMs: r.started_ms,
    endedMs: r.ended_ms,
    artifact: r.artifact,
    error: r.error,
  }));
}
