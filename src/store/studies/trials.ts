/**
 * The trials of a study, taken one each by processes that share the record: a trial has one holder, who alone may write to it (its token is the
 * fence). A dead holder's trial is given to the next one, who goes on with it; one that was taken several times without getting any further has
 * killed its holders and is given up. Idea as in `tasks.ts`; a number is inserted by whoever computed it first, so no trial is made twice.
 */
import { randomBytes } from "node:crypto";
import type { Json } from "../../base/index.ts";
import { deathWatch } from "../deaths.ts";
import { type StoreOwner, thisOwner } from "../owner.ts";
import type { ReadingDb } from "../records/records.ts";
import type { Tables, TrialOrigin, TrialState } from "../records/schema.ts";
import type { Store } from "../store.ts";

const beatMs = 5_000;
/** Times that a trial may lose its holder without a new report in between. */
const mostAttempts = 3;

export interface StoredReport {
  readonly step: number;
  readonly value: number;
}

export interface StoredTrial {
  /** From 0. */
  readonly number: number;
  readonly origin: TrialOrigin;
  readonly point: Json;
  readonly state: TrialState;
  readonly reports: readonly StoredReport[];
  /** What came of one that is done. */
  readonly outcome: Json;
  readonly reason: string | null;
  readonly owner: StoreOwner | null;
  readonly startedMs: number | null;
  readonly endedMs: number | null;
}

/** The end of a trial. */
export interface TrialEnd {
  readonly state: "done" | "pruned" | "failed";
  readonly outcome?: Json;
  readonly reason?: string;
}

export interface HeldTrial {
  readonly trial: StoredTrial;
  /** Aborts when the trial was given to another process. */
  readonly lost: AbortSignal;
  /** False where it is no longer ours, or a report of that step stands already. */
  report(report: StoredReport): Promise<boolean>;
  /** Whether it was this process that ended it. */
  finish(end: TrialEnd): Promise<boolean>;
  /** Gives it back as it is: the next one goes on with it. */
  release(): Promise<void>;
}

export interface TrialBoard {
  readonly study: string;
  trials(): Promise<StoredTrial[]>;
  /** Writes down a trial that waits; false where its number is taken. */
  offer(number: number, origin: TrialOrigin, point: Json): Promise<boolean>;
  /** The first trial that nobody living holds, or undefined where there is none at the moment. */
  take(): Promise<HeldTrial | undefined>;
}

const trialOf = (row: Tables["trials"]): StoredTrial => ({
  number: row.number,
  origin: row.origin,
  point: JSON.parse(row.point) as Json,
  state: row.state,
  reports: JSON.parse(row.reports) as StoredReport[],
  outcome: row.outcome === null ? null : (JSON.parse(row.outcome) as Json),
  reason: row.reason,
  owner: row.owner === null ? null : (JSON.parse(row.owner) as StoreOwner),
  startedMs: row.started_ms,
  endedMs: row.ended_ms,
});

/** In order of their numbers. */
export async function trialsOf(db: ReadingDb, study: string): Promise<StoredTrial[]> {
  return (await db.selectFrom("trials").selectAll().where("study", "=", study).orderBy("number").execute()).map(trialOf);
}

export function trialBoard(store: Store, study: string): TrialBoard {
  const { records, clock } = store;
  const isDead = deathWatch();

  /** The rows of one trial that this token holds. */
  const held = (number: number, token: string) => {
    const change = (set: Partial<Tables["trials"]>, durable = true) =>
      records.write(
        async t => {
          const result = await t
            .updateTable("trials")
            .set(set)
            .where("study", "=", study)
            .where("number", "=", number)
            .where("token", "=", token)
            .where("state", "=", "running")
            .executeTakeFirst();
          return Number(result.numUpdatedRows) === 1;
        },
        { durable },
      );
    return { change };
  };

  function holding(row: Tables["trials"], token: string): HeldTrial {
    const { change } = held(row.number, token);
    const lost = new AbortController();
    let reports = JSON.parse(row.reports) as StoredReport[];
    let beats = 0;
    const beat = setInterval(() => {
      beats++;
      change({ beats }, false)
        .then(isOurs => {
          if (!isOurs) lost.abort(new Error("the trial was given to another process"));
        })
        // A database that is away for a moment is no reason to stop: `finish` decides.
        .catch(() => {});
    }, beatMs);
    beat.unref();
    return {
      trial: trialOf(row),
      lost: lost.signal,
      async report(report) {
        if (reports.some(r => r.step >= report.step)) return false;
        const next = [...reports, report];
        if (!(await change({ reports: JSON.stringify(next), attempts: 1 }, false))) return false;
        reports = next;
        return true;
      },
      finish({ state, outcome, reason }) {
        clearInterval(beat);
        return change({
          state,
          outcome: outcome === undefined ? null : JSON.stringify(outcome),
          reason: reason ?? null,
          token: null,
          owner: null,
          ended_ms: clock.now(),
        });
      },
      async release() {
        clearInterval(beat);
        await change({ token: null, owner: null, attempts: 0 }, false);
      },
    };
  }

  return {
    study,
    trials: () => trialsOf(records.read, study),
    offer: (number, origin, point) =>
      records.write(async t => {
        const row: Tables["trials"] = {
          study,
          number,
          origin,
          point: JSON.stringify(point),
          state: "waiting",
          reports: "[]",
          outcome: null,
          reason: null,
          token: null,
          owner: null,
          beats: 0,
          attempts: 0,
          started_ms: null,
          ended_ms: null,
        };
        const result = await t
          .insertInto("trials")
          .values(row)
          .onConflict(c => c.doNothing())
          .executeTakeFirst();
        return Number(result.numInsertedOrUpdatedRows ?? 0) === 1;
      }),
    async take() {
      for (;;) {
        const token = randomBytes(8).toString("hex");
        const taken = await records.write(
          async t => {
            const open = await t
              .selectFrom("trials")
              .selectAll()
              .where("study", "=", study)
              .where("state", "in", ["waiting", "running"])
              .orderBy("number")
              .execute();
            const found = open.find(r => r.token === null || isDead({ token: r.token, owner: r.owner!, beats: r.beats }));
            if (!found) return undefined;
            const isSpent = found.attempts >= mostAttempts;
            const set = isSpent
              ? {
                  state: "failed" as const,
                  reason: `its process died ${found.attempts} times without getting any further (out of memory?)`,
                  token: null,
                  owner: null,
                  ended_ms: clock.now(),
                }
              : {
                  state: "running" as const,
                  token,
                  owner: JSON.stringify(thisOwner()),
                  beats: 0,
                  attempts: found.attempts + 1,
                  started_ms: found.started_ms ?? clock.now(),
                };
            await t.updateTable("trials").set(set).where("study", "=", study).where("number", "=", found.number).execute();
            return { row: { ...found, ...set }, isSpent };
          },
          { durable: false },
        );
        if (!taken) return undefined;
        if (!taken.isSpent) return holding(taken.row, token);
      }
    },
  };
}
