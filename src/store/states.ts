/**
 * What monitors and loops know, as JSON by scope and key: windows of counters, sketches, steps of a loop. A change reads and writes in one transaction of the
 * record, whose writers take turns, so several servers add to one state and nothing is counted twice. Nothing that the log proves; a step that has to be proved
 * gives its log entry along, written in the same transaction or not at all.
 */
import { canonicalJson, type Json } from "../base/index.ts";
import { parseColumn } from "./artifact.ts";
import type { LogEntry } from "./log/entries.ts";
import type { ReadingDb, Writing } from "./records/records.ts";
import { commit, type Store } from "./store.ts";

export interface StoredState {
  readonly key: string;
  readonly value: Json;
  /** When it was last changed, in ms since 1970. */
  readonly atMs: number;
}

export interface StateRange {
  /** Keys from this one on, and before that one, in the order of their UTF-8 bytes. */
  readonly from?: string;
  readonly before?: string;
  /** The first so many; with `isNewestFirst` the last. */
  readonly limit?: number;
  readonly isNewestFirst?: boolean;
}

export interface StateChange<T> {
  /** What is kept from now on; undefined leaves it as it was, null removes it. */
  readonly value: Json | undefined;
  readonly answer: T;
  /** Written to the log in the same transaction. */
  readonly entries?: readonly LogEntry[];
}

/** The states of a scope, by key. */
export async function statesOf(db: ReadingDb, scope: string, range: StateRange = {}): Promise<StoredState[]> {
  const { from, before, limit, isNewestFirst = false } = range;
  const rows = await db
    .selectFrom("states")
    .select(["key", "value", "at_ms"])
    .where("scope", "=", scope)
    .$if(from !== undefined, q => q.where("key", ">=", from!))
    .$if(before !== undefined, q => q.where("key", "<", before!))
    .orderBy("key", isNewestFirst ? "desc" : "asc")
    .$if(limit !== undefined, q => q.limit(limit!))
    .execute();
  return rows.map(r => ({ key: r.key, value: parseColumn<Json>(r.value, `states.${scope}.${r.key}`), atMs: r.at_ms }));
}

/** Undefined where there is none. */
export async function readState(db: ReadingDb, scope: string, key: string): Promise<Json | undefined> {
  const row = await db.selectFrom("states").select("value").where("scope", "=", scope).where("key", "=", key).executeTakeFirst();
  return row && parseColumn<Json>(row.value, `states.${scope}.${key}`);
}

async function put(t: Writing, scope: string, key: string, value: Json, atMs: number): Promise<void> {
  const row = { value: canonicalJson(value), at_ms: atMs };
  await t
    .insertInto("states")
    .values({ scope, key, ...row })
    .onConflict(c => c.columns(["scope", "key"]).doUpdateSet(row))
    .execute();
}

/**
 * Reads a state and writes what `change` makes of it, as one step: whoever changes the same state meanwhile comes before or after, in another process too.
 * `change` may be called again and does nothing else. Errors: those of `change`, after which nothing is written.
 */
export const changeState = <T>(store: Store, scope: string, key: string, change: (value: Json | undefined) => StateChange<T>): Promise<T> =>
  commit(store, async (t, append) => {
    const { value, answer, entries = [] } = change(await readState(t, scope, key));
    if (value === null) await t.deleteFrom("states").where("scope", "=", scope).where("key", "=", key).execute();
    else if (value !== undefined) await put(t, scope, key, value, store.clock.now());
    for (const entry of entries) await append(entry);
    return answer;
  });

/** Removes the states of a scope whose keys come before this one; answers how many. */
export const dropStates = (store: Store, scope: string, before: string): Promise<number> =>
  store.records.write(async t => {
    const { numDeletedRows } = await t.deleteFrom("states").where("scope", "=", scope).where("key", "<", before).executeTakeFirst();
    return Number(numDeletedRows);
  });
