/**
 * The record in one SQLite file, through libsql (better-sqlite3's API, binaries inside npm). WAL with synchronous=FULL: a commit is on
 * the disk when it returns. Statements run on the calling thread in well under a millisecond; waiting for another process's transaction
 * is done by timer, so the event loop stays free. The only file that imports libsql.
 */
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import Database from "libsql";
import { baseErrors, type Clock, fileError, isLoamError, makePrivateFile } from "../../base/index.ts";
import { storeErrors } from "../errors.ts";
import { heldBy } from "./held.ts";
import { migrate, schemaVersion, statementsOf } from "./migrations.ts";
import type { Records } from "./records.ts";
import type { Tables } from "./schema.ts";
import { groupCommit } from "./writes.ts";

/** Longest wait for another process's transaction; they take milliseconds, so this long means that one hangs. */
const busyMs = 30_000;
/** Longest time that statements keep the event loop. */
const turnMs = 4;
/** Statements kept compiled; the room has fewer than this. */
const keptStatements = 256;

/** How a database without tables answers the question for its version. */
const newRecord = "no such table: loam_schema";

const codeOf = (error: unknown): string => String((error as { code?: unknown })?.code ?? "");
const isBusy = (error: unknown): boolean => codeOf(error).startsWith("SQLITE_BUSY");

function failure(error: unknown, path: string): unknown {
  const code = codeOf(error);
  const message = (error as Error)?.message ?? String(error);
  if (code.startsWith("SQLITE_FULL")) return fileError(Object.assign(new Error(message), { code: "ENOSPC" }), path);
  if (code.startsWith("SQLITE_READONLY") || code.startsWith("SQLITE_PERM"))
    return fileError(Object.assign(new Error(message), { code: "EROFS" }), path);
  // SQLITE_ERROR is a statement that does not fit the tables; ours do, so the tables are not ours any more.
  if (/^SQLITE_(CORRUPT|NOTADB|ERROR)/.test(code) && !message.includes(newRecord))
    return storeErrors.fail(
      "recordsCorrupt",
      {
        place: path,
        expected: "a sound SQLite database",
        received: message,
        hint: code.startsWith("SQLITE_NOTADB")
          ? "If the database is encrypted, name its key under `store.encrypt` of loam.yaml. Else restore the file from a copy."
          : "Restore the file from a copy, or move it aside to begin a new record (the blobs stay, stages run again).",
      },
      error,
    );
  if (code.startsWith("SQLITE_CANTOPEN") || message.includes("ConnectionFailed"))
    return baseErrors.fail(
      "readOnly",
      { place: path, expected: "a file that can be opened and written", received: message, hint: "Check the folder's permissions." },
      error,
    );
  if (code.startsWith("SQLITE_IOERR")) return baseErrors.fail("io", { place: path, message, hint: "Check the disk." }, error);
  return error;
}

/** What SQLite can hold; anything else would end the process inside the native library, so it is refused here. */
function bindable(value: unknown): unknown {
  if (value === undefined) return null;
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "bigint" || value instanceof Uint8Array)
    return value;
  throw new TypeError(`sqlite: expected text, a number, bytes or null as a parameter, got ${typeof value}`);
}

interface Prepared {
  readonly statement: Database.Statement<unknown[]>;
  /** Asking the statement costs as much as running it. */
  readonly isReader: boolean;
  /** Columns that come as bytes and are text. */
  readonly text: readonly string[];
}

/**
 * The native library ends the process when text in the file is not UTF-8 (a bit that flipped on the disk), so every column of a table is
 * cast to what cannot surprise it and text is decoded here, where a wrong byte becomes U+FFFD and is found by whoever checks the content.
 */
function soundly(db: Database.Database, text: string): Prepared {
  const statement = db.prepare(text) as Database.Statement<unknown[]>;
  if (!statement.reader) return { statement, isReader: false, text: [] };
  const columns = statement.columns();
  const cast = columns.map(({ name, type }) => {
    const quoted = `"${name}"`;
    const to = type?.toLowerCase() === "bigint" ? "integer" : type === null ? undefined : "blob";
    return to ? `cast(${quoted} as ${to}) as ${quoted}` : quoted;
  });
  return {
    statement: db.prepare(`select ${cast.join(", ")} from (${text})`) as Database.Statement<unknown[]>,
    isReader: true,
    text: columns.filter(c => c.type?.toLowerCase() === "text").map(c => c.name),
  };
}

/** Bytes come as an ArrayBuffer; text columns become text, the others what `pg` and the tables' types say, a Uint8Array. */
function decoded(row: Record<string, unknown>, text: readonly string[]): Record<string, unknown> {
  for (const column in row) {
    const value = row[column];
    if (value instanceof ArrayBuffer) row[column] = text.includes(column) ? Buffer.from(value).toString("utf8") : Buffer.from(value);
  }
  return row;
}

class Connection implements DatabaseConnection {
  readonly #db: Database.Database;
  readonly #path: string;
  readonly #statements = new Map<string, Prepared>();

  #turnMs = performance.now();
  readonly #givesWay: boolean;

  /** `givesWay`: between any two statements, which a connection that holds the write lock should not. */
  constructor(db: Database.Database, path: string, givesWay: boolean) {
    this.#db = db;
    this.#path = path;
    this.#givesWay = givesWay;
  }

  /** Statements take no turn of the event loop, so a long row of them would keep everyone else waiting: now and then one is given. */
  async giveWay(): Promise<void> {
    if (performance.now() - this.#turnMs < turnMs) return;
    await new Promise(next => setImmediate(next));
    this.#turnMs = performance.now();
  }

  /** Runs until the database is not busy, giving the thread away between attempts. */
  async retried<T>(work: () => T): Promise<T> {
    const end = performance.now() + busyMs;
    for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, 50)) {
      try {
        return work();
      } catch (error) {
        if (!isBusy(error)) throw failure(error, this.#path);
        if (performance.now() > end)
          throw storeErrors.fail(
            "recordsBusy",
            {
              place: this.#path,
              expected: `a free database within ${busyMs / 1000} s`,
              received: "another process still writing",
              hint: "Look for a stopped or hanging loam process.",
            },
            error,
          );
      }
      await new Promise(next => setTimeout(next, waitMs * (0.5 + Math.random())));
    }
  }

  /** A statement without parameters and rows, compiled once. */
  exec(text: string): Promise<void> {
    return this.retried(() => {
      this.#statement(text).statement.run();
    });
  }

  /** The native library ends the process when it is asked this of a database that is closed. */
  get inTransaction(): boolean {
    return this.#db.open && this.#db.inTransaction;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const parameters = query.parameters.map(bindable);
    if (this.#givesWay) await this.giveWay();
    return this.retried(() => {
      const { statement, isReader, text } = this.#statement(query.sql);
      if (isReader) return { rows: (statement.all(parameters) as Record<string, unknown>[]).map(row => decoded(row, text)) as R[] };
      return { rows: [], numAffectedRows: BigInt(statement.run(parameters).changes) };
    });
  }

  // biome-ignore lint/correctness/useYield: Kysely asks for the method; nothing in this room streams rows.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error("sqlite: rows are not streamed here; page through them");
  }

  #statement(text: string): Prepared {
    const kept = this.#statements.get(text);
    if (kept) return kept;
    const prepared = soundly(this.#db, text);
    if (this.#statements.size >= keptStatements) this.#statements.clear();
    this.#statements.set(text, prepared);
    return prepared;
  }
}

/** One connection; whoever wants it stands in line. */
class LibsqlDriver implements Driver {
  readonly connection: Connection;
  readonly #db: Database.Database;
  #last: Promise<void> = Promise.resolve();
  #release: () => void = () => {};

  constructor(db: Database.Database, path: string) {
    this.#db = db;
    this.connection = new Connection(db, path, false);
  }
  async init(): Promise<void> {}
  async acquireConnection(): Promise<Connection> {
    const before = this.#last;
    let release = () => {};
    this.#last = new Promise(resolve => {
      release = resolve;
    });
    await before;
    await this.connection.giveWay();
    this.#release = release;
    return this.connection;
  }
  async releaseConnection(): Promise<void> {
    this.#release();
  }
  /** IMMEDIATE: a writer waits at its beginning and never fails at its end for another's sake. */
  beginTransaction = (c: Connection): Promise<void> => c.exec("begin immediate");
  commitTransaction = (c: Connection): Promise<void> => c.exec("commit");
  async rollbackTransaction(c: Connection): Promise<void> {
    // A full disk makes SQLite roll back by itself.
    if (c.inTransaction) await c.exec("rollback");
  }
  /** Whoever stands in line comes first; who comes later finds the database closed. */
  async destroy(): Promise<void> {
    await this.acquireConnection();
    try {
      this.#db.exec("pragma wal_checkpoint(truncate)");
    } catch {
      // Another process is reading: the next one to close does it.
    }
    this.#db.close();
    await this.releaseConnection();
  }
}

const tablesOf = (db: Database.Database): string[] =>
  (
    db.prepare("select cast(type || ' ' || name || ' ' || coalesce(sql, '') as blob) as line from sqlite_master").all() as {
      line: ArrayBuffer;
    }[]
  )
    .map(row => Buffer.from(row.line).toString("utf8"))
    .sort();

/** Compares the tables' definitions with those the migrations make, so that a changed name is found here and not by whoever needs it. */
function checkTables(db: Database.Database, path: string): void {
  const fresh = new Database(":memory:");
  for (const text of statementsOf("sqlite")) fresh.exec(text);
  const want = tablesOf(fresh);
  fresh.close();
  const got = tablesOf(db);
  const wrong = got.find(line => !want.includes(line)) ?? want.find(line => !got.includes(line));
  if (wrong !== undefined)
    throw failure(Object.assign(new Error(`a definition that Loam did not make: ${wrong.slice(0, 80)}`), { code: "SQLITE_CORRUPT" }), path);
}

/** Opens or makes the database at `path`. */
export async function openSqlite(path: string, clock: Clock, key?: string): Promise<Records> {
  let db: Database.Database;
  try {
    makePrivateFile(path);
    db = opened(path, key);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code?.startsWith("E") ? fileError(error, dirname(path)) : failure(error, path);
  }
  return recordsOf(db, path, clock, { at: path, isImmutable: false, key });
}

/** A database, whose pages and log are encrypted where a key of 64 hex digits is given. */
const opened = (path: string, key: string | undefined): Database.Database =>
  key === undefined ? new Database(path) : new Database(path, encrypting(key));
// the package's types lack the two options that its own README names
const encrypting = (key: string): Database.Options => ({ encryptionCipher: "aes256cbc", encryptionKey: key }) as Database.Options;

/** Encrypts a database in place. No other process may have it open. */
export function encryptSqlite(path: string, key: string): void {
  const db = new Database(path);
  try {
    // what the log holds goes into the file first, and the log away
    db.prepare("pragma journal_mode = delete").all();
    db.prepare("pragma secure_delete = on").all();
    db.prepare(`pragma rekey = '${key}'`).all();
  } catch (error) {
    throw isBusy(error)
      ? storeErrors.fail(
          "recordsBusy",
          { place: path, expected: "no other process", received: "one that has the database open", hint: "Stop it and try again." },
          error,
        )
      : failure(error, path);
  } finally {
    db.close();
  }
}

/**
 * Opens a database that cannot be written. One that was closed is read where it lies, as immutable: SQLite then makes no file beside it. What was copied
 * while it was open has its last commits in the log beside it, and one of an earlier version lacks tables: both are read as a temporary copy.
 */
export async function readSqlite(path: string, clock: Clock, key?: string): Promise<Records> {
  const { copy, remove } = temporaryCopy(path);
  try {
    const walBytes = existsSync(`${path}-wal`) ? statSync(`${path}-wal`).size : 0;
    // an encrypted one cannot be opened as immutable
    const isWhole = key === undefined && walBytes === 0 && (await isCurrent(path));
    if (!isWhole) {
      copyFileSync(path, copy);
      if (walBytes > 0) copyFileSync(`${path}-wal`, `${copy}-wal`);
      chmodSync(copy, 0o600);
    }
    const at = isWhole ? `${pathToFileURL(path).href}?immutable=1` : copy;
    const records = await recordsOf(opened(at, key), path, clock, { at, isImmutable: isWhole, key });
    return {
      ...records,
      isReadOnly: true,
      write: async () => {
        throw baseErrors.fail("readOnly", {
          place: path,
          expected: "a record that can be written",
          received: "a read-only file or folder",
          hint: "It can be listed, traced and verified here. Copy the project to write.",
        });
      },
      async close() {
        await records.close();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw isLoamError(error) ? error : failure(error, path);
  }
}

function temporaryCopy(path: string): { readonly copy: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "loam-record-"));
  return { copy: join(folder, basename(path)), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Has it had all migrations? A newer one has too: opening it says so. */
async function isCurrent(path: string): Promise<boolean> {
  const db = new Database(`${pathToFileURL(path).href}?immutable=1`);
  try {
    const [row] = db.prepare("select max(version) as version from loam_schema").all() as { version: number | null }[];
    return (row?.version ?? 0) >= schemaVersion;
  } finally {
    db.close();
  }
}

/** `at` is what is opened, where it is not `path` itself. */
async function recordsOf(
  db: Database.Database,
  path: string,
  clock: Clock,
  { at, isImmutable, key }: { readonly at: string; readonly isImmutable: boolean; readonly key: string | undefined },
): Promise<Records> {
  const driver = new LibsqlDriver(db, path);
  const dialect: Dialect = {
    createDriver: () => driver,
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: () => new SqliteAdapter(),
    createIntrospector: k => new SqliteIntrospector(k),
  };
  const read = new Kysely<Tables>({ dialect });
  const rows = async (text: string): Promise<Record<string, unknown>[]> => {
    const connection = await driver.acquireConnection();
    try {
      return await connection.retried(() => db.prepare(text).all() as Record<string, unknown>[]);
    } finally {
      await driver.releaseConnection();
    }
  };
  const held = heldBy(driver.connection, dialect);
  let flushing = true;
  const write = groupCommit<Kysely<Tables>>({
    async begin(durable) {
      const c = await driver.acquireConnection();
      try {
        if (durable !== flushing) await c.exec(`pragma synchronous = ${durable ? "full" : "normal"}`);
        flushing = durable;
        await driver.beginTransaction(c);
      } catch (error) {
        await driver.releaseConnection();
        throw error;
      }
      return held;
    },
    exec: (_, statement) => driver.connection.exec(statement),
    commit: () => driver.commitTransaction(driver.connection),
    rollback: () => driver.rollbackTransaction(driver.connection).catch(() => {}),
    end: () => void driver.releaseConnection(),
  });
  try {
    // Short: SQLite's own wait would hold the thread.
    await rows("pragma busy_timeout = 5");
    const [mode] = isImmutable ? [] : await rows("pragma journal_mode = wal");
    if (!isImmutable && mode?.journal_mode !== "wal")
      throw baseErrors.fail("io", {
        place: path,
        expected: "a disk on which SQLite can keep a write-ahead log",
        received: `journal mode "${mode?.journal_mode}"`,
        hint: "Keep the artifact store on a local disk.",
      });
    await rows("pragma synchronous = full");
    // What is deleted is overwritten: whoever is forgotten must not be found in free pages.
    await rows("pragma secure_delete = on");
    // Checkpoints copy the log back and flush twice: every 16 MB of it, instead of 4, is a quarter of them.
    await rows("pragma wal_autocheckpoint = 4096");
    // 16 MB of pages in memory (negative: in KiB).
    await rows("pragma cache_size = -16384");
    await migrate(read, "sqlite", path, clock);
    checkTables(db, path);
  } catch (error) {
    db.close();
    throw error;
  }
  return {
    kind: "sqlite",
    isReadOnly: false,
    place: path,
    besidePath: path,
    read,
    write: (work, options) => write(work, options?.durable ?? true),
    async snapshot(work) {
      // A connection of its own: in WAL its reading transaction holds up nobody.
      const own = opened(at, key);
      try {
        const connection = new Connection(own, path, true);
        await connection.exec("begin");
        return await work(heldBy(connection, dialect));
      } finally {
        own.close();
      }
    },
    integrity: async () => (await rows("pragma integrity_check")).map(row => String(row.integrity_check)).filter(line => line !== "ok"),
    close: () => read.destroy(),
  };
}
