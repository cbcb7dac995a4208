/** Runs of stages as they are recorded: what is going on, what ended how. */
import { type RunLedger, readRunLedger } from "../ledger/index.ts";
import { parseColumn } from "./artifact.ts";
import { type LockInfo, liveLocks } from "./locks.ts";
import type { StoreOwner } from "./owner.ts";
import type { Writing } from "./records/records.ts";
import type { RunState, Tables } from "./records/schema.ts";
import { deleteRunOptions } from "./run-data.ts";
import type { Store } from "./store.ts";

/** Ends a run's row; `artifact` or `error` says how, `ledger` what it used. */
export async function endRun(
  t: Writing,
  id: string,
  state: RunState,
  endedMs: number,
  more: { artifact?: string; error?: string; ledger?: string },
): Promise<void> {
  await t
    .updateTable("runs")
    .set({ state, ended_ms: endedMs, ...more })
    .where("id", "=", id)
    .execute();
  // the artifact has them
  if (more.artifact !== undefined) await deleteRunOptions(t, id);
}

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
  /** What it used; undefined of runs of versions that kept none, and of those that ended before their first heartbeat. */
  readonly ledger: RunLedger | undefined;
}

const runInfo = (r: Tables["runs"], live: ReadonlySet<string>): RunInfo => ({
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
  ledger: readRunLedger(r.ledger),
});

const liveRuns = async (store: Store): Promise<Set<string>> => new Set((await liveLocks(store.records.read)).map(lock => lock.token));

/** The newest runs first. */
export async function listRuns(
  store: Store,
  filter: { readonly limit?: number; readonly recipe?: string; readonly id?: string } = {},
): Promise<RunInfo[]> {
  const live = await liveRuns(store);
  let query = store.records.read
    .selectFrom("runs")
    .selectAll()
    .orderBy("started_ms", "desc")
    .limit(filter.limit ?? 100);
  if (filter.recipe !== undefined) query = query.where("recipe", "=", filter.recipe);
  if (filter.id !== undefined) query = query.where("id", "=", filter.id);
  return (await query.execute()).map(r => runInfo(r, live));
}

/**
 * Attempts by recipe, the oldest first: every run of these recipes, however it ended. A recipe whose artifact was found has a row where a process waited for
 * another one to make it.
 */
export async function attemptsOf(store: Store, recipes: readonly string[]): Promise<ReadonlyMap<string, readonly RunInfo[]>> {
  const live = await liveRuns(store);
  const found = new Map<string, RunInfo[]>(recipes.map(r => [r, []]));
  for (let i = 0; i < recipes.length; i += 1000) {
    const some = recipes.slice(i, i + 1000);
    const rows = await store.records.read
      .selectFrom("runs")
      .selectAll()
      .where("recipe", "in", some)
      .orderBy("started_ms")
      .orderBy("id")
      .execute();
    for (const row of rows) found.get(row.recipe)!.push(runInfo(row, live));
  }
  return found;
}

/** Runs that a search made, by whatever process, the oldest first. */
export async function runsOfStudy(store: Store, study: string): Promise<readonly RunInfo[]> {
  const live = await liveRuns(store);
  const rows = await store.records.read
    .selectFrom("runs")
    .selectAll()
    .where("ledger", "like", `%"study":${JSON.stringify(study)}%`)
    .orderBy("started_ms")
    .orderBy("id")
    .execute();
  return rows.map(row => runInfo(row, live)).filter(run => run.ledger?.study === study);
}
