/**
 * A board on which processes share the tasks of a job: who offers writes them down, whoever can takes one, does it, and writes what came of it
 * in one statement that only the holder's token passes. A dead holder's task is given to the next: death is certain on this machine, and a
 * heartbeat that stands still tells of another one, as with locks (`locks.ts`). A task may thus be done twice, and is recorded once.
 */
import { randomBytes } from "node:crypto";
import type { Json } from "../base/index.ts";
import { deathWatch } from "./deaths.ts";
import { thisOwner } from "./owner.ts";
import type { Store } from "./store.ts";

const beatMs = 5_000;
/** Tasks of others that are looked at for a dead owner, an attempt. */
const looked = 64;

export interface SharedJob {
  readonly id: string;
  /** What a worker needs to know. */
  readonly spec: Json;
  readonly createdMs: number;
}

export interface HeldTask {
  readonly task: number;
  /** Aborts when the task was given to another. */
  readonly lost: AbortSignal;
  /** Whether it was this process that recorded it; false where another did so before. */
  finish(output: Json): Promise<boolean>;
  /** Gives it back undone. */
  release(): Promise<void>;
}

export interface TaskBoard {
  readonly job: string;
  /** Writes down tasks 0 to `count` - 1 of a wave of an open job; those that are there stay as they are. */
  offer(wave: number, count: number): Promise<void>;
  /** What was recorded, by task. */
  outputs(wave: number): Promise<Map<number, Json>>;
  /** A task that nobody living holds, or undefined where there is none at the moment. */
  take(wave: number): Promise<HeldTask | undefined>;
  isOpen(): Promise<boolean>;
}

/** Opens a job to other processes; the same id and spec may be opened again. */
export async function openTaskBoard(store: Store, id: string, spec: Json): Promise<TaskBoard> {
  await store.records.write(t =>
    t
      .insertInto("jobs")
      .values({ id, spec: JSON.stringify(spec), created_ms: store.clock.now() })
      .onConflict(c => c.column("id").doUpdateSet({ spec: JSON.stringify(spec) }))
      .execute(),
  );
  return taskBoard(store, id);
}

export async function listJobs(store: Store): Promise<SharedJob[]> {
  const rows = await store.records.read.selectFrom("jobs").selectAll().orderBy("created_ms").orderBy("id").execute();
  return rows.map(r => ({ id: r.id, spec: JSON.parse(r.spec) as Json, createdMs: r.created_ms }));
}

/** Takes the job and its tasks off the board. */
export async function closeJob(store: Store, id: string): Promise<void> {
  await store.records.write(async t => {
    await t.deleteFrom("tasks").where("job", "=", id).execute();
    await t.deleteFrom("jobs").where("id", "=", id).execute();
  });
}

export function taskBoard(store: Store, job: string): TaskBoard {
  const { records } = store;
  const isDead = deathWatch();

  return {
    job,
    isOpen: async () => (await records.read.selectFrom("jobs").select("id").where("id", "=", job).executeTakeFirst()) !== undefined,
    async offer(wave, count) {
      const rows = Array.from({ length: count }, (_, task) => ({ job, wave, task, token: null, owner: null, beats: 0, output: null }));
      await records.write(
        async t => {
          // A worker that comes late must not bring back what was closed.
          if (!(await t.selectFrom("jobs").select("id").where("id", "=", job).executeTakeFirst())) return;
          for (let at = 0; at < rows.length; at += 100)
            await t
              .insertInto("tasks")
              .values(rows.slice(at, at + 100))
              .onConflict(c => c.doNothing())
              .execute();
        },
        { durable: false },
      );
    },
    async outputs(wave) {
      const rows = await records.read
        .selectFrom("tasks")
        .select(["task", "output"])
        .where("job", "=", job)
        .where("wave", "=", wave)
        .where("output", "is not", null)
        .execute();
      return new Map(rows.map(r => [r.task, JSON.parse(r.output!) as Json]));
    },
    async take(wave) {
      const token = randomBytes(8).toString("hex");
      const taken = await records.write(
        async t => {
          const open = t.selectFrom("tasks").selectAll().where("job", "=", job).where("wave", "=", wave).where("output", "is", null);
          const free = await open.where("token", "is", null).orderBy("task").limit(1).execute();
          const found =
            free[0] ??
            (await open.orderBy("task").limit(looked).execute()).find(
              r => r.token !== null && isDead({ token: r.token, owner: r.owner!, beats: r.beats }),
            );
          if (!found) return undefined;
          await t
            .updateTable("tasks")
            .set({ token, owner: JSON.stringify(thisOwner()), beats: 0 })
            .where("job", "=", job)
            .where("wave", "=", wave)
            .where("task", "=", found.task)
            .execute();
          return found.task;
        },
        { durable: false },
      );
      if (taken === undefined) return undefined;
      const mine = { job, wave, task: taken, token };
      const lost = new AbortController();
      const beat = setInterval(() => {
        records
          .write(
            t =>
              t
                .updateTable("tasks")
                .set(e => ({ beats: e("beats", "+", 1) }))
                .where("job", "=", mine.job)
                .where("wave", "=", mine.wave)
                .where("task", "=", mine.task)
                .where("token", "=", mine.token)
                .executeTakeFirst(),
            { durable: false },
          )
          .then(r => {
            if (Number(r.numUpdatedRows) === 0) lost.abort(new Error("the task was given to another process"));
          })
          // A database that is away for a moment is no reason to stop: `finish` decides.
          .catch(() => {});
      }, beatMs);
      beat.unref();
      return {
        task: taken,
        lost: lost.signal,
        async finish(output) {
          clearInterval(beat);
          const result = await records.write(t =>
            t
              .updateTable("tasks")
              .set({ output: JSON.stringify(output) })
              .where("job", "=", job)
              .where("wave", "=", wave)
              .where("task", "=", taken)
              .where("token", "=", token)
              .where("output", "is", null)
              .executeTakeFirst(),
          );
          return Number(result.numUpdatedRows) === 1;
        },
        async release() {
          clearInterval(beat);
          await records.write(
            t =>
              t
                .updateTable("tasks")
                .set({ token: null, owner: null })
                .where("job", "=", job)
                .where("wave", "=", wave)
                .where("task", "=", taken)
                .where("token", "=", token)
                .where("output", "is", null)
                .execute(),
            { durable: false },
          );
        },
      };
    },
  };
}
