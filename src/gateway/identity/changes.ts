/**
 * The list of changes to keys and configuration, which shows tampering: each entry's head hashes the entry and the head before, so whoever
 * alters or removes one must alter all that follow; a head noted elsewhere then no longer fits. Appended in the transaction of the change.
 */
import { canonicalJson, hashOf, type Json } from "../../base/index.ts";
import type { Sql } from "../state/sql.ts";

/** One entry of the tamper-evident list of changes. */
export interface ChangeEntry {
  readonly position: number;
  readonly atMs: number;
  /** Who changed it, as they said. */
  readonly by: string;
  readonly what: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly head: string;
}

interface Row {
  readonly position: number;
  readonly at_ms: number;
  readonly author: string;
  readonly what: string;
  readonly detail: string;
  readonly head: string;
}

/** Of no entries. */
const emptyHead = hashOf({ gateway: "changes" });
const headOf = (previous: string, e: Omit<Row, "head">): string =>
  hashOf({ previous, position: e.position, atMs: e.at_ms, author: e.author, what: e.what, detail: e.detail });

/** Entries read at a time. */
const page = 500;

/** In the caller's transaction, alone among all writers. Gives the entry's position. */
export async function appendChange(
  sql: Sql,
  atMs: number,
  author: string,
  what: string,
  detail: Readonly<Record<string, Json>>,
): Promise<number> {
  const [last] = await sql.all<Row>("select * from gateway_changes order by position desc limit 1");
  const entry = { position: (last?.position ?? -1) + 1, at_ms: atMs, author, what, detail: canonicalJson(detail) };
  await sql.all("insert into gateway_changes (position, at_ms, author, what, detail, head) values (?, ?, ?, ?, ?, ?)", [
    entry.position,
    entry.at_ms,
    entry.author,
    entry.what,
    entry.detail,
    headOf(last?.head ?? emptyHead, entry),
  ]);
  return entry.position;
}

/** The newest entry of a kind. */
export async function lastChange(sql: Sql, what: string): Promise<Record<string, unknown> | undefined> {
  const [row] = await sql.all<Row>("select * from gateway_changes where what = ? order by position desc limit 1", [what]);
  return row && (JSON.parse(row.detail) as Record<string, unknown>);
}

async function* rowsOf(sql: Sql, first = 0): AsyncGenerator<Row> {
  for (let from = first; ; ) {
    const rows = await sql.all<Row>("select * from gateway_changes where position >= ? order by position limit ?", [from, page]);
    yield* rows;
    if (rows.length < page) return;
    from = rows.at(-1)!.position + 1;
  }
}

/** The newest entry's position and head; null where there is none. */
export async function headOfChanges(sql: Sql): Promise<{ readonly position: number; readonly head: string } | null> {
  const [row] = await sql.all<Row>("select * from gateway_changes order by position desc limit 1");
  return row ? { position: row.position, head: row.head } : null;
}

/** From a position on, the oldest first. */
export async function* changesIn(sql: Sql, from = 0): AsyncGenerator<ChangeEntry> {
  for await (const r of rowsOf(sql, from)) {
    let detail: Record<string, unknown>;
    try {
      detail = JSON.parse(r.detail) as Record<string, unknown>;
    } catch {
      // altered from outside: `verifyChanges` names it, and a list must still be readable
      detail = { unreadable: r.detail };
    }
    yield { position: r.position, atMs: r.at_ms, by: r.author, what: r.what, detail, head: r.head };
  }
}

/**
 * Holds entries that stood elsewhere (an export) against each other, from the first on, without the state; and the newest against a head that was
 * noted. The sentence of the first that does not fit, or null.
 */
export function verifyEntries(entries: readonly ChangeEntry[], notedHead?: string): string | null {
  let previous = emptyHead;
  for (const [position, e] of entries.entries()) {
    if (e.position !== position) return `changes: expected an entry at position ${position}, got the next one at ${e.position}.`;
    const row = { position, at_ms: e.atMs, author: e.by, what: e.what, detail: canonicalJson(e.detail as Json) };
    const head = headOf(previous, row);
    if (e.head !== head) return `change ${position}: expected the head ${head}, got ${e.head}. This entry or one before it was altered.`;
    previous = head;
  }
  if (notedHead === undefined || entries.some(e => e.head === notedHead)) return null;
  return `changes: expected an entry with the head ${notedHead} that was noted, got none. The end was cut off, or everything was rewritten.`;
}

/** The sentence of the first entry that does not fit, or null. */
export async function verifyChanges(sql: Sql): Promise<string | null> {
  let previous = emptyHead;
  let position = 0;
  for await (const row of rowsOf(sql)) {
    if (row.position !== position) return `changes: expected an entry at position ${position}, got the next one at ${row.position}.`;
    const head = headOf(previous, row);
    if (row.head !== head)
      return `change ${position}: expected the head ${head}, got ${row.head}. This entry or one before it was altered.`;
    previous = head;
    position++;
  }
  return null;
}
