/**
 * The record's database behind one small interface: Kysely for the queries, `write` for short exclusive transactions. Writers of one
 * record stand in line (SQLite: BEGIN IMMEDIATE; PostgreSQL: an advisory lock), so the log has one order and numbering is atomic.
 */
import type { Kysely } from "kysely";
import type { Clock } from "../../base/index.ts";
import type { RecordsPlace } from "../url.ts";
import type { Tables } from "./schema.ts";

export type ReadingDb = Kysely<Tables>;
/** Queries inside a transaction of `write`. */
export type Writing = Kysely<Tables>;

export interface Records {
  readonly kind: "sqlite" | "postgres";
  /** For sentences, without credentials. */
  readonly place: string;
  /** Where the small file of tree heads belongs: beside a database file, or undefined where the database is not a file here. */
  readonly besidePath: string | undefined;
  /** It cannot be written by whoever opened it: a copy, a mounted snapshot; a role with no rights but to read, a standby. */
  readonly isReadOnly: boolean;
  readonly read: ReadingDb;
  /**
   * Runs `work` alone among all writers and commits, or leaves nothing. Works asked for at once share a commit (`writes.ts`). Keep it short
   * and use only the given transaction. `durable: false` is for rows that mean nothing after a power cut (locks): it does not flush.
   * Errors: recordsBusy, recordsCorrupt, recordsUnreachable; readOnly, diskFull (base).
   */
  write<T>(work: (t: Writing) => Promise<T>, options?: { readonly durable?: boolean }): Promise<T>;
  /** Runs queries on the record as it is at one moment, while others go on writing. */
  snapshot<T>(work: (db: ReadingDb) => Promise<T>): Promise<T>;
  /** What the database says of its own pages and indexes; empty where all is well. */
  integrity(): Promise<string[]>;
  close(): Promise<void>;
}

/** Opens the database and brings its tables up to date. The adapter is loaded only when it is the one asked for. `key` encrypts a SQLite file. */
export async function openRecords(at: RecordsPlace, clock: Clock, isReadOnly = false, key?: string): Promise<Records> {
  if (at.kind === "sqlite") {
    const { openSqlite, readSqlite } = await import("./sqlite.ts");
    return isReadOnly ? readSqlite(at.path, clock, key) : openSqlite(at.path, clock, key);
  }
  return (await import("./postgres.ts")).openPostgres(at.url, at.schema, clock);
}
