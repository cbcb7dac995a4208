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

/** What `changeStates` gives: reads see what was put before them in the same change. */
export interface StatesChange {
  read(scope: string, key: string): Promise<Json | undefined>;
  /** The states of a scope, by key. */
  range(scope: string, range?: StateRange): Promise<StoredState[]>;
  /** Those that there are of some keys. */
  readAll(scope: string, keys: readonly string[]): Promise<Map<string, Json>>;
  put(scope: string, key: string, value: Json): Promise<void>;
  putAll(scope: string, values: ReadonlyMap<string, Json>): Promise<void>;
  remove(scope: string, key: string): Promise<void>;
  /** Removes those whose keys begin so; answers how many. */
  removeAll(scope: string, prefix: string): Promise<number>;
}

/** Rows of one statement: PostgreSQL and SQLite take some ten thousand parameters. */
const rowsAtOnce = 500;

async function readAll(db: ReadingDb, scope: string, keys: readonly string[]): Promise<Map<string, Json>> {
  const found = new Map<string, Json>();
  for (let at = 0; at < keys.length; at += rowsAtOnce) {
    const some = keys.slice(at, at + rowsAtOnce);
    const rows = await db.selectFrom("states").select(["key", "value"]).where("scope", "=", scope).where("key", "in", some).execute();
    for (const r of rows) found.set(r.key, parseColumn<Json>(r.value, `states.${scope}.${r.key}`));
  }
  return found;
}

async function putAll(t: Writing, scope: string, values: ReadonlyMap<string, Json>, atMs: number): Promise<void> {
  const rows = [...values].map(([key, value]) => ({ scope, key, value: canonicalJson(value), at_ms: atMs }));
  for (let at = 0; at < rows.length; at += rowsAtOnce)
    await t
      .insertInto("states")
      .values(rows.slice(at, at + rowsAtOnce))
      .onConflict(c => c.columns(["scope", "key"]).doUpdateSet({ value: b => b.ref("excluded.value"), at_ms: atMs }))
      .execute();
}

/** The first key behind all that begin with `prefix`, in the order of UTF-8 bytes: prefixes end in an ASCII character. */
const behind = (prefix: string): string => prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);

/** As `changeState`, of any number of states: all that `change` writes is kept or nothing is. */
export const changeStates = <T>(store: Store, change: (states: StatesChange) => Promise<T>): Promise<T> =>
  store.records.write(t =>
    change({
      read: (scope, key) => readState(t, scope, key),
      range: (scope, range) => statesOf(t, scope, range),
      readAll: (scope, keys) => readAll(t, scope, keys),
      put: (scope, key, value) => put(t, scope, key, value, store.clock.now()),
      putAll: (scope, values) => putAll(t, scope, values, store.clock.now()),
      removeAll: async (scope, prefix) => {
        const { numDeletedRows } = await t
          .deleteFrom("states")
          .where("scope", "=", scope)
          .where("key", ">=", prefix)
          .where("key", "<", behind(prefix))
          .executeTakeFirst();
        return Number(numDeletedRows);
      },
      remove: async (scope, key) => void (await t.deleteFrom("states").where("scope", "=", scope).where("key", "=", key).execute()),
    }),
  );

/** Removes the states of a scope that were last changed before a time, and of the rest the oldest beyond `most`; answers how many. */
export const pruneStates = (
  store: Store,
  scope: string,
  { beforeMs, most }: { readonly beforeMs: number; readonly most: number },
): Promise<number> =>
  store.records.write(async t => {
    const old = await t.deleteFrom("states").where("scope", "=", scope).where("at_ms", "<", beforeMs).executeTakeFirst();
    const newest = t.selectFrom("states").select("key").where("scope", "=", scope).orderBy("at_ms", "desc").orderBy("key", "desc");
    const kept = await newest.offset(most).limit(1).executeTakeFirst();
    if (!kept) return Number(old.numDeletedRows);
    const beyond = await t.deleteFrom("states").where("scope", "=", scope).where("key", "not in", newest.limit(most)).executeTakeFirst();
    return Number(old.numDeletedRows) + Number(beyond.numDeletedRows);
  });
