/**
 * The gateway's state in one SQLite file that several processes share, through libsql. Two connections: one for keys, changes and usage, one
 * for buckets, whose transactions are synchronous from begin to commit, so nothing comes between. WAL; what limits write is not flushed (a
 * power cut may forget the last moments of a window), what people change is. Waiting for another process is done by timer.
 */
import { dirname } from "node:path";
import Sqlite from "libsql";
import { fileError, isLoamError, makePrivateFile } from "../../base/index.ts";
import { gatewayErrors } from "../errors.ts";
import type { Database, Sql, SqlValue } from "./sql.ts";
import { plainVersion, stateVersion, tables } from "./tables.ts";

/** SQLite's own wait holds the thread, so it is short. */
const heldMs = 2;

const isBusy = (error: unknown): boolean => String((error as { code?: unknown })?.code ?? "").startsWith("SQLITE_BUSY");

const lost = (place: string, received: string, cause?: unknown) =>
  gatewayErrors.fail(
    "stateLost",
    { place, expected: "a database that answers", received, hint: "Check the disk, and that no other process hangs in a transaction." },
    cause,
  );

export class SqliteFile {
  readonly path: string;
  readonly #db: Sqlite.Database;
  readonly #timeoutMs: number;
  readonly #statements = new Map<string, Sqlite.Statement<unknown[]>>();

  /** `flushes`: whether a commit is on the disk when it returns. `:memory:` is a database of this connection's own. */
  constructor(path: string, timeoutMs: number, flushes: boolean) {
    this.path = path;
    this.#timeoutMs = timeoutMs;
    try {
      if (path !== ":memory:") makePrivateFile(path);
      this.#db = new Sqlite(path);
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code?.startsWith("E")
        ? fileError(error, dirname(path))
        : lost(path, (error as Error).message, error);
    }
    for (const pragma of [
      `busy_timeout = ${heldMs}`,
      `synchronous = ${flushes ? "full" : "normal"}`,
      "secure_delete = on",
      "cache_size = -16384",
    ])
      this.#db.prepare(`pragma ${pragma}`).all();
  }

  get isOpen(): boolean {
    return this.#db.open;
  }

  /** Rows of a statement; each text is compiled once. */
  run<R extends object>(text: string, parameters: readonly SqlValue[] = []): R[] {
    let statement = this.#statements.get(text);
    if (!statement) {
      statement = this.#db.prepare(text) as Sqlite.Statement<unknown[]>;
      this.#statements.set(text, statement);
    }
    if (statement.reader) return statement.all([...parameters]) as R[];
    statement.run([...parameters]);
    return [];
  }

  /** Repeats `work` while another process holds the database, giving the thread away between attempts. Errors: stateLost. */
  async retried<T>(work: () => T): Promise<T> {
    const end = performance.now() + this.#timeoutMs;
    for (let waitMs = 0.5; ; waitMs = Math.min(waitMs * 2, 16)) {
      // the native library ends the process when a closed database is asked
      if (!this.#db.open) throw lost(this.path, "a database that was closed");
      try {
        return work();
      } catch (error) {
        if (isLoamError(error)) throw error;
        if (!isBusy(error)) throw lost(this.path, (error as Error).message, error);
        if (performance.now() > end) throw lost(this.path, `another process in a transaction for more than ${this.#timeoutMs} ms`, error);
      }
      await new Promise(next => setTimeout(next, waitMs * (0.5 + Math.random())));
    }
  }

  /** A transaction whose work takes no turn of the event loop. */
  transaction<T>(work: () => T): Promise<T> {
    return this.retried(() => {
      this.run("begin immediate");
      try {
        const value = work();
        this.run("commit");
        return value;
      } catch (error) {
        this.rollback();
        throw error;
      }
    });
  }

  rollback(): void {
    if (this.#db.open && this.#db.inTransaction) this.run("rollback");
  }

  close(): void {
    if (this.#db.open) this.#db.close();
  }
}

function bringUp(file: SqliteFile): Promise<void> {
  return file.transaction(() => {
    for (const statement of tables) file.run(statement);
    // not in PostgreSQL, where an index on what every decision changes would make each a new row in all indexes
    file.run("create index if not exists gateway_buckets_empty on gateway_buckets (empty_ms)");
    const [row] = file.run<{ version: number | null }>("select max(version) as version from gateway_schema");
    if (row?.version === null || row === undefined) file.run("insert into gateway_schema (version) values (?)", [plainVersion]);
    else if (row.version > stateVersion)
      throw gatewayErrors.fail("stateNewer", {
        place: file.path,
        expected: `a state of version ${stateVersion}`,
        received: `version ${row.version}`,
        hint: "It was written by a newer Loam: install that one, or keep this gateway's state apart.",
      });
  });
}

/** Keys, changes and usage over a file of its own connection; whoever wants it stands in line. */
export async function sqliteDatabase(file: SqliteFile): Promise<Database> {
  if (file.path !== ":memory:") await file.retried(() => file.run("pragma journal_mode = wal"));
  await bringUp(file);
  let last: Promise<unknown> = Promise.resolve();
  const inLine = <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work, work);
    last = next.catch(() => {});
    return next;
  };
  const direct: Sql = { all: async (text, parameters) => file.run(text, parameters) };
  return {
    all: (text, parameters) => inLine(() => file.retried(() => file.run(text, parameters))),
    write: work =>
      inLine(async () => {
        await file.retried(() => file.run("begin immediate"));
        try {
          const value = await work(direct);
          await file.retried(() => file.run("commit"));
          return value;
        } catch (error) {
          file.rollback();
          throw error;
        }
      }),
    close: () => inLine(async () => file.close()),
  };
}
