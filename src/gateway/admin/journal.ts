/**
 * The requests of the last days in the state, so that one can be looked up by the id that its client was given: who asked, which model, which
 * target, how each attempt ended, what it came to. No prompt, no answer, no address of a client. Written in batches beside the requests and
 * without waiting for the disk; bounded by days and by number.
 */
import type { Journal, JournalConfig, JournalEntry, JournalFilter } from "../contract.ts";
import { textWithoutAddress } from "../http/exchange.ts";
import type { RequestRecord } from "../http/request-record.ts";
import type { Sql, SqlValue } from "../state/sql.ts";

const flushMs = 100;
const forgetMs = 60_000;
/** Rows in one statement: SQLite writes them on the thread that answers, and a hundred would hold up who is served by some milliseconds. */
const atOnce = 20;
/** Rows that wait for a state that does not answer: about 10 MB. */
const mostWaiting = 10_000;
export const mostListed = 1_000;

const columns = ["id", "at_ms", "key_id", "subject", "model", "status", "record"];

const valuesOf = (record: RequestRecord, atMs: number): SqlValue[] => [
  record.id,
  atMs,
  record.key,
  record.subject,
  record.model,
  record.status,
  textWithoutAddress(record),
];

function whereOf({ key, subject, model, sinceMs, status }: JournalFilter): { readonly text: string; readonly values: SqlValue[] } {
  const parts: [string, ...SqlValue[]][] = [];
  if (key !== undefined) parts.push(["key_id = ?", key]);
  if (subject !== undefined) parts.push(["subject = ?", subject]);
  if (model !== undefined) parts.push(["model = ?", model]);
  if (sinceMs !== undefined) parts.push(["at_ms >= ?", sinceMs]);
  if (status === "error") parts.push(["status >= ?", 400]);
  else if (status?.endsWith("xx")) parts.push(["status >= ? and status < ?", Number(status[0]) * 100, Number(status[0]) * 100 + 100]);
  else if (status !== undefined) parts.push(["status = ?", Number(status)]);
  return { text: parts.length === 0 ? "" : `where ${parts.map(p => p[0]).join(" and ")}`, values: parts.flatMap(p => p.slice(1)) };
}

export function openJournal(sql: Sql, now: () => number, random: () => number = Math.random): Journal {
  let how: JournalConfig | undefined;
  let waiting: SqlValue[][] = [];
  let dropped = 0;
  let writing: Promise<void> | undefined;
  let timers: NodeJS.Timeout[] = [];

  const write = async (): Promise<void> => {
    while (waiting.length > 0) {
      const rows = waiting.splice(0, atOnce);
      const marks = rows.map(() => `(${columns.map(() => "?").join(", ")})`).join(", ");
      try {
        await sql.all(`insert into gateway_requests (${columns.join(", ")}) values ${marks}`, rows.flat());
      } catch {
        // the state is lost: kept for the next time, within bounds
        waiting = [...rows, ...waiting];
        return;
      }
      // who is served comes between two statements
      if (waiting.length > 0) await new Promise(resolve => setImmediate(resolve));
    }
  };
  const flush = (): Promise<void> => {
    writing ??= write().finally(() => {
      writing = undefined;
    });
    return writing;
  };
  const forget = async (): Promise<void> => {
    if (!how) return;
    await sql.all("delete from gateway_requests where at_ms < ?", [now() - how.keepMs]);
    await sql.all("delete from gateway_requests where at_ms < (select at_ms from gateway_requests order by at_ms desc limit 1 offset ?)", [
      how.most - 1,
    ]);
  };
  const noted = (): Promise<void> => {
    journal.beforeLook?.();
    return flush();
  };
  const rowsOf = (rows: readonly { readonly record: string }[]) => rows.map(r => JSON.parse(r.record) as JournalEntry);

  const journal: Journal = {
    beforeLook: undefined,
    keep(next) {
      how = next;
      for (const timer of timers.splice(0)) clearInterval(timer);
      if (!next) return;
      timers = [setInterval(() => void flush(), flushMs), setInterval(() => void forget().catch(() => {}), forgetMs)];
      for (const timer of timers) timer.unref();
      void forget().catch(() => {});
    },
    note(record) {
      if (!how || (record.status < 400 && how.sample < 1 && random() >= how.sample)) return;
      if (waiting.length >= mostWaiting) dropped++;
      else waiting.push(valuesOf(record, now()));
    },
    async find(id) {
      await noted();
      return rowsOf(
        await sql.all<{ record: string }>("select record from gateway_requests where id = ? order by at_ms desc limit 10", [id]),
      );
    },
    async list(filter = {}) {
      await noted();
      const { text, values } = whereOf(filter);
      const most = Math.min(filter.most ?? 100, mostListed);
      return rowsOf(
        await sql.all<{ record: string }>(`select record from gateway_requests ${text} order by at_ms desc limit ?`, [...values, most]),
      );
    },
    get dropped() {
      return dropped;
    },
    async close() {
      for (const timer of timers.splice(0)) clearInterval(timer);
      await flush();
    },
  };
  return journal;
}
