/**
 * What nothing needs, first as a plan, then carried out. Needed is whatever the kept model versions, the aliases and the given roots were
 * made from, and what the caller says of them. An artifact that is not needed gives up its files; its record and its list of documents stay,
 * so an answer served by an old model can still be traced to documents. Carrying out takes the record's one exclusive lock: no stage runs meanwhile and none starts, so
 * nothing that another process is writing or relying on is removed.
 */
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type ArtifactInfo, completeArtifacts, newestOfRecipe } from "./artifact.ts";
import { storeErrors } from "./errors.ts";
import { acquireLock, gcLock, type LockInfo, liveLocks, lockSentence } from "./locks.ts";
import { isList } from "./members.ts";
import type { ReadingDb } from "./records/records.ts";
import type { Tables } from "./records/schema.ts";
import { rollbackTarget } from "./releases.ts";
import { deleteRunData } from "./run-data.ts";
import { endLost } from "./runs.ts";
import { hasFailed, scratchFolders } from "./scratch.ts";
import { commit, type Store } from "./store.ts";

/** A version whose files stay. */
export type KeptVersion = Pick<Tables["versions"], "model" | "number" | "artifact" | "digest">;

/** What is needed beside versions and aliases. */
export interface Needs {
  /** Ids of artifacts to keep with what they were made from. */
  readonly roots: readonly string[];
  /** Ids of artifacts that are read as they are: what they were made from may go. */
  readonly alone: readonly string[];
}

export interface GcOptions {
  /** Ids of artifacts to keep besides, with what they were made from: those of the current project. */
  readonly roots: readonly string[];
  /**
   * Further ones, told which versions are kept. What is carried out asks under the lock, so that nothing begun meanwhile is missed. Ids that are
   * not recorded are let pass.
   */
  readonly needs?: ((kept: readonly KeptVersion[]) => Promise<Needs>) | undefined;
  /** Newest versions kept of each model; versions with an alias are always kept. */
  readonly keepVersions?: number | undefined;
  /** Age in days after which the scratch of an interrupted run is given up. */
  readonly scratchDays?: number | undefined;
}

export interface GcPlan {
  /** Artifacts whose files would go. */
  readonly artifacts: readonly { readonly id: string; readonly kind: string; readonly createdMs: number; readonly sizeBytes: number }[];
  readonly blobs: readonly { readonly digest: string; readonly sizeBytes: number; readonly why: "not needed" | "no artifact" }[];
  readonly scratch: readonly {
    readonly recipe: string;
    readonly path: string;
    readonly sizeBytes: number;
    readonly why: "recorded" | "failed" | "old";
  }[];
  readonly freedBytes: number;
  readonly keptArtifacts: number;
  /** Stages that are running: until they end nothing can be removed, and some of the blobs may be theirs. */
  readonly running: readonly LockInfo[];
}

/** Ids of everything that is kept. */
async function neededIds(store: Store, all: ReadonlyMap<string, ArtifactInfo>, o: GcOptions): Promise<Set<string>> {
  const db = store.records.read;
  const versions = await db.selectFrom("versions").selectAll().orderBy("number", "desc").execute();
  const aliases: { readonly model: string; readonly number: number }[] = await db.selectFrom("aliases").selectAll().execute();
  // a rollback must find the files of where it goes
  for (const { model, alias } of await db.selectFrom("releases").select(["model", "alias"]).distinct().execute()) {
    const number = await rollbackTarget(db, model, alias);
    if (number !== undefined) aliases.push({ model, number });
  }
  const rank = new Map<string, number>();
  const kept = versions.filter(v => {
    const n = rank.get(v.model) ?? 0;
    rank.set(v.model, n + 1);
    return n < (o.keepVersions ?? 1) || aliases.some(a => a.model === v.model && a.number === v.number);
  });
  const more = await o.needs?.(kept);
  const needed = new Set<string>();
  for (let open = [...o.roots, ...(more?.roots ?? []), ...kept.map(v => v.artifact)]; open.length > 0; ) {
    const next: string[] = [];
    for (const id of open)
      if (!needed.has(id)) {
        needed.add(id);
        next.push(...(all.get(id)?.inputs.map(e => e.artifact) ?? []));
      }
    open = next;
  }
  for (const id of more?.alone ?? []) needed.add(id);
  return needed;
}

async function folderBytes(path: string): Promise<{ sizeBytes: number; newestMs: number }> {
  let sizeBytes = 0;
  let newestMs = (await stat(path)).mtimeMs;
  for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) {
    const s = await stat(join(entry.parentPath, entry.name)).catch(() => undefined);
    if (!s) continue;
    if (s.isFile()) sizeBytes += s.size;
    newestMs = Math.max(newestMs, s.mtimeMs);
  }
  return { sizeBytes, newestMs };
}

async function staleScratch(store: Store, o: GcOptions, running: readonly LockInfo[]): Promise<GcPlan["scratch"]> {
  const stale: { recipe: string; path: string; sizeBytes: number; why: "recorded" | "failed" | "old" }[] = [];
  for (const recipe of await scratchFolders(store)) {
    if (running.some(lock => lock.name === recipe)) continue;
    const path = join(store.scratchFolder, recipe);
    const { sizeBytes, newestMs } = await folderBytes(path);
    const recorded = (await newestOfRecipe(store.records.read, recipe)) !== undefined;
    // File times are the system's, so they are compared with the system's clock.
    const isOld = Date.now() - newestMs > (o.scratchDays ?? 7) * 86_400_000;
    const why = recorded ? "recorded" : (await hasFailed(store, recipe)) ? "failed" : isOld ? "old" : undefined;
    if (why) stale.push({ recipe, path, sizeBytes, why });
  }
  return stale;
}

/** Blobs that tasks of jobs begun since then have left: a job whose process died goes on with them. */
async function blobsOfJobs(db: ReadingDb, sinceMs: number): Promise<Set<string>> {
  const rows = await db
    .selectFrom("tasks")
    .innerJoin("jobs", "jobs.id", "tasks.job")
    .select("tasks.output")
    .where("tasks.output", "is not", null)
    .where("jobs.created_ms", ">=", sinceMs)
    .execute();
  return new Set(rows.flatMap(r => Object.values((JSON.parse(r.output!) as { blobs?: Record<string, string> }).blobs ?? {})));
}

/** What would be removed. Changes nothing. Errors: notFound for a root that is not recorded. */
export async function planGc(store: Store, o: GcOptions): Promise<GcPlan> {
  const db = store.records.read;
  // First who is running: an artifact recorded after this look is then at worst reported, never removed.
  const running = (await liveLocks(db)).filter(lock => lock.name !== gcLock);
  const all = new Map((await completeArtifacts(db, await db.selectFrom("artifacts").selectAll().execute())).map(a => [a.id, a]));
  for (const id of o.roots)
    if (!all.has(id)) throw storeErrors.fail("notFound", { place: "gc: roots", expected: "a recorded artifact", received: `"${id}"` });
  const needed = await neededIds(store, all, o);
  const kept = await blobsOfJobs(db, store.clock.now() - (o.scratchDays ?? 7) * 86_400_000);
  const known = new Set<string>();
  for (const a of all.values())
    for (const f of a.files) {
      known.add(f.digest);
      if (needed.has(a.id) || isList(f.name)) kept.add(f.digest);
    }
  const blobs: { digest: string; sizeBytes: number; why: "not needed" | "no artifact" }[] = [];
  for await (const blob of store.blobs.list())
    if (!kept.has(blob.digest)) blobs.push({ ...blob, why: known.has(blob.digest) ? "not needed" : "no artifact" });
  const artifacts = [...all.values()]
    .filter(a => !needed.has(a.id) && a.releasedMs === null)
    .map(a => ({
      id: a.id,
      kind: a.kind,
      createdMs: a.createdMs,
      sizeBytes: a.files.reduce((sum, f) => sum + (kept.has(f.digest) ? 0 : f.sizeBytes), 0),
    }));
  const scratch = await staleScratch(store, o, running);
  const sum = (items: readonly { sizeBytes: number }[]) => items.reduce((total, item) => total + item.sizeBytes, 0);
  return { artifacts, blobs, scratch, freedBytes: sum(blobs) + sum(scratch), keptArtifacts: all.size - artifacts.length, running };
}

/**
 * Removes what `planGc` names, looked up anew under the lock; answers what was removed. Records first, files second, so a kill in between
 * leaves files that the next gc takes. Errors: inUse while a stage runs (after `waitMs`).
 */
export async function applyGc(store: Store, o: GcOptions & { readonly waitMs?: number; readonly signal?: AbortSignal }): Promise<GcPlan> {
  const lock = await acquireLock({
    records: store.records,
    clock: store.clock,
    name: gcLock,
    what: "gc",
    waitMs: o.waitMs ?? 0,
    signal: o.signal,
    alsoFree: "all",
    onAcquire: (t, _, takenOver) => endLost(t, takenOver, store.clock.now()),
    refused: holder =>
      storeErrors.fail("inUse", {
        place: "gc",
        expected: "no stage running",
        received: lockSentence(holder, store.clock),
        hint: "Run it again when that has ended.",
      }),
  });
  try {
    const plan = await planGc(store, o);
    await commit(store, async (t, append) => {
      const atMs = store.clock.now();
      for (const { id } of plan.artifacts) {
        await t.updateTable("artifacts").set({ released_ms: atMs }).where("id", "=", id).execute();
        await deleteRunData(t, id);
        append({ type: "released", atMs, artifact: id });
      }
      const old = t
        .selectFrom("jobs")
        .select("id")
        .where("created_ms", "<", atMs - (o.scratchDays ?? 7) * 86_400_000);
      await t.deleteFrom("tasks").where("job", "in", old).execute();
      await t.deleteFrom("jobs").where("id", "in", old).execute();
    });
    for (let i = 0; i < plan.blobs.length; i += 200) {
      // Whoever waits for the lock may think us dead when we were only slow; then stop.
      lock.lost.throwIfAborted();
      o.signal?.throwIfAborted();
      await store.blobs.delete(plan.blobs.slice(i, i + 200).map(blob => blob.digest));
    }
    for (const { path } of plan.scratch) await rm(path, { recursive: true, force: true });
    await store.blobs.clean();
    return plan;
  } finally {
    await lock.release();
  }
}
