/**
 * Locks that processes hold while they make an artifact: rows of the record, taken and given back in short transactions, so they work the
 * same on SQLite and PostgreSQL. A row names its owner; a dead owner's row is taken over. On this machine death is certain (the process is
 * gone, or another one has its number); of another machine only a heartbeat that stands still tells, measured on the waiter's own clock so
 * that clocks need not agree. Whoever records checks in the same transaction that the lock is still its own (a fence), so a takeover that
 * was wrong costs work, never truth. Idea: leases with fencing (Kleppmann, Designing Data-Intensive Applications, chapter 8).
 */
import { randomBytes } from "node:crypto";
import { type Clock, formatDuration } from "../base/index.ts";
import { storeErrors } from "./errors.ts";
import { ownerName, ownerState, type StoreOwner, thisOwner } from "./owner.ts";
import type { ReadingDb, Records, Writing } from "./records/records.ts";
import type { Tables } from "./records/schema.ts";

/** Between heartbeats. */
const beatMs = 5_000;
/** A heartbeat that stands still this long ends the lock of an owner whom we cannot see; long enough for a busy event loop. */
const staleMs = 60_000;
/** Between two looks at a lock that someone holds. */
const lookMs = 200;

/** The name under which gc locks; recipes are 64 hex digits, so it is none of them. */
export const gcLock = "gc";

export interface LockInfo {
  readonly name: string;
  readonly token: string;
  readonly owner: StoreOwner;
  /** What it is held for, in words: `tokenize@3`. */
  readonly what: string;
  readonly acquiredMs: number;
  readonly beats: number;
}

export interface HeldLock {
  readonly name: string;
  readonly token: string;
  /** Aborts when the lock was taken over. */
  readonly lost: AbortSignal;
  /** One transaction: fails with lockLost unless the lock is still ours, does the work, gives the lock back. */
  finish<T>(work: (t: Writing) => Promise<T>): Promise<T>;
  /** Gives the lock back; does nothing after `finish` or where it is no longer ours. */
  release(): Promise<void>;
}

/** Tokens that this thread holds. A row of this thread that is not among them could not be given back (a full disk, a server away). */
const heldHere = new Set<string>();

const stateOf = (lock: LockInfo): "alive" | "dead" | "unknown" => {
  const me = thisOwner();
  const isMine = lock.owner.space === me.space && lock.owner.pid === me.pid && lock.owner.started === me.started;
  if (isMine && lock.owner.thread === me.thread) return heldHere.has(lock.token) ? "alive" : "dead";
  return ownerState(lock.owner);
};

const infoOf = (row: Tables["locks"]): LockInfo => ({
  name: row.name,
  token: row.token,
  owner: JSON.parse(row.owner),
  what: row.what,
  acquiredMs: row.acquired_ms,
  beats: row.beats,
});

/** All locks of living or unknown owners. */
export async function liveLocks(db: ReadingDb): Promise<LockInfo[]> {
  return (await db.selectFrom("locks").selectAll().orderBy("name").execute()).map(infoOf).filter(lock => stateOf(lock) !== "dead");
}

/** `tokenize@3 by pid 4711 on vega for 12 s`: for sentences. */
export const lockSentence = (lock: LockInfo, clock: Clock): string =>
  `${lock.what} by ${ownerName(lock.owner)} for ${formatDuration(Math.max(0, clock.now() - lock.acquiredMs))}`;

interface AcquireOptions {
  readonly records: Records;
  readonly clock: Clock;
  readonly name: string;
  readonly what: string;
  /** How long to wait for a living owner; 0 does not wait. */
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
  /** How long an unseen owner's heartbeat may stand still; `staleMs` where it is not said. */
  readonly staleMs?: number | undefined;
  /** Other locks that must be free as well: gc asks for all, everyone else for gc's. */
  readonly alsoFree: "all" | readonly string[];
  /** Runs in the transaction that takes the lock. `takenOver` are the dead owners' locks that were removed. */
  readonly onAcquire?: (t: Writing, token: string, takenOver: readonly LockInfo[]) => Promise<void>;
  /** Runs in the transaction of each heartbeat while the lock is held. */
  readonly onBeat?: (t: Writing, token: string) => Promise<void>;
  /** Called once when there is someone to wait for. */
  readonly onWait?: (lock: LockInfo) => void;
  /** The error when waiting ends. */
  readonly refused: (lock: LockInfo) => Error;
}

/** Waits for its turn without blocking the event loop. */
export async function acquireLock(o: AcquireOptions): Promise<HeldLock> {
  const token = randomBytes(8).toString("hex");
  const end = performance.now() + o.waitMs;
  /** Heartbeats of owners we cannot see, and when they last moved on our clock. */
  const watched = new Map<string, { beats: number; sinceMs: number }>();
  const isDead = (lock: LockInfo): boolean => {
    const state = stateOf(lock);
    if (state !== "unknown") return state === "dead";
    const seen = watched.get(lock.token);
    if (!seen || seen.beats !== lock.beats) {
      watched.set(lock.token, { beats: lock.beats, sinceMs: performance.now() });
      return false;
    }
    return performance.now() - seen.sinceMs > (o.staleMs ?? staleMs);
  };
  const attempt = (): Promise<LockInfo | undefined> =>
    o.records.write(
      async t => {
        const all = t.selectFrom("locks").selectAll();
        const others = (await (o.alsoFree === "all" ? all : all.where("name", "in", [o.name, ...o.alsoFree])).execute()).map(infoOf);
        const dead = others.filter(isDead);
        const living = others.find(lock => !dead.includes(lock));
        if (living) return living;
        for (const lock of dead) await t.deleteFrom("locks").where("name", "=", lock.name).where("token", "=", lock.token).execute();
        const row = { name: o.name, token, owner: JSON.stringify(thisOwner()), what: o.what, acquired_ms: o.clock.now(), beats: 0 };
        await t.insertInto("locks").values(row).execute();
        await o.onAcquire?.(t, token, dead);
        heldHere.add(token);
        return undefined;
      },
      { durable: false },
    );

  for (let first = true; ; first = false) {
    o.signal?.throwIfAborted();
    const holder = await attempt();
    if (!holder) break;
    if (performance.now() >= end) throw o.refused(holder);
    if (first) o.onWait?.(holder);
    await new Promise(next => setTimeout(next, Math.min(lookMs, Math.max(1, end - performance.now()))));
  }

  const lost = new AbortController();
  const lostError = () =>
    storeErrors.fail("lockLost", {
      place: o.what,
      message: "another process took the lock over, because this one gave no sign of life; nothing was recorded",
      hint: "Run it again: what is recorded by then is reused.",
    });
  const beat = setInterval(() => {
    o.records
      .write(
        async t => {
          const result = await t
            .updateTable("locks")
            .set(e => ({ beats: e("beats", "+", 1) }))
            .where("name", "=", o.name)
            .where("token", "=", token)
            .executeTakeFirst();
          if (result.numUpdatedRows > 0n) await o.onBeat?.(t, token);
          return result;
        },
        { durable: false },
      )
      .then(result => {
        if (result.numUpdatedRows === 0n && held) lost.abort(lostError());
      })
      // A database that is away for a moment: the next beat tries again, and the fence decides in the end.
      .catch(() => {});
  }, beatMs);
  beat.unref();
  let held = true;
  const remove = async (t: Writing): Promise<boolean> =>
    (await t.deleteFrom("locks").where("name", "=", o.name).where("token", "=", token).executeTakeFirst()).numDeletedRows > 0n;
  const over = () => {
    held = false;
    heldHere.delete(token);
    clearInterval(beat);
  };
  return {
    name: o.name,
    token,
    lost: lost.signal,
    async finish(work) {
      const result = await o.records.write(async t => {
        if (!(await remove(t))) throw lostError();
        return work(t);
      });
      over();
      return result;
    },
    async release() {
      if (!held) return;
      over();
      await o.records.write(remove, { durable: false });
    },
  };
}
