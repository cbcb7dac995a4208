/**
 * The record in PostgreSQL, one schema a project, through `pg`. Every transaction takes the schema's advisory lock first, so writers stand
 * in line exactly as they do in SQLite and the two run the same queries. The only file that imports pg.
 */
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
  sql,
} from "kysely";
import pg from "pg";
import { baseErrors, type Clock, fileError, isLoamError, redact, sha256 } from "../../base/index.ts";
import { storeErrors } from "../errors.ts";
import { heldBy } from "./held.ts";
import { migrate, recordVersion, schemaVersion } from "./migrations.ts";
import type { Records } from "./records.ts";
import type { Tables } from "./schema.ts";
import { groupCommit } from "./writes.ts";

/** Longest wait for another writer's transaction; they take milliseconds, so this long means that one hangs. */
const busyMs = 30_000;
/** OID of int8, which `pg` gives as text; ours stay below 2^53. */
const int8 = 20;

function failure(error: unknown, place: string): unknown {
  if (isLoamError(error)) return error;
  const code = String((error as { code?: unknown })?.code ?? "");
  const message = redact((error as Error)?.message || code || String(error));
  if (code === "53100") return fileError(Object.assign(new Error(message), { code: "ENOSPC" }), place);
  if (code === "25006")
    return baseErrors.fail(
      "readOnly",
      { place, expected: "a server that can be written", received: message, hint: "Use the primary." },
      error,
    );
  if (code === "55P03")
    return storeErrors.fail(
      "recordsBusy",
      {
        place,
        expected: `a free record within ${busyMs / 1000} s`,
        received: "another process still writing",
        hint: "Look for a hanging loam process.",
      },
      error,
    );
  if (code === "XX001" || code === "XX002")
    return storeErrors.fail(
      "recordsCorrupt",
      { place, expected: "a sound database", received: message, hint: "Restore it from a copy." },
      error,
    );
  // Class 08 connection, 28 authorisation, 3D no such database, 53 resources, 57P shutdown; E... is the socket's.
  if (/^(08|28|3D|53|57P)/.test(code) || /^E[A-Z]+$/.test(code) || /timeout|terminated|Connection/.test(message))
    return storeErrors.fail(
      "recordsUnreachable",
      {
        place,
        expected: "an answer from PostgreSQL",
        received: message,
        hint: "Check that the server runs and that the URL, user and password are right.",
      },
      error,
    );
  return error;
}

class Connection implements DatabaseConnection {
  readonly client: pg.PoolClient;
  readonly #place: string;

  constructor(client: pg.PoolClient, place: string) {
    this.client = client;
    this.#place = place;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, rowCount } = await this.ask<R>(query.sql, [...query.parameters]);
    return { rows, ...(rowCount === null ? {} : { numAffectedRows: BigInt(rowCount) }) };
  }

  async ask<R>(text: string, values: unknown[] = []): Promise<{ rows: R[]; rowCount: number | null }> {
    try {
      const result = await this.client.query(text, values);
      return { rows: result.rows as R[], rowCount: result.rowCount };
    } catch (error) {
      throw failure(error, this.#place);
    }
  }

  // biome-ignore lint/correctness/useYield: Kysely asks for the method; nothing in this room streams rows.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error("postgres: rows are not streamed here; page through them");
  }
}

class PgDriver implements Driver {
  readonly #pool: pg.Pool;
  readonly #place: string;
  readonly #lock: string;

  constructor(pool: pg.Pool, place: string, schema: string) {
    this.#pool = pool;
    this.#place = place;
    // The key of an advisory lock is a signed 64-bit number; half of it marks the lock as Loam's.
    this.#lock = BigInt.asIntN(64, BigInt(`0x${sha256(`loam record ${schema}`).slice(0, 16)}`)).toString();
  }
  async init(): Promise<void> {}
  async acquireConnection(): Promise<Connection> {
    try {
      return new Connection(await this.#pool.connect(), this.#place);
    } catch (error) {
      throw failure(error, this.#place);
    }
  }
  async releaseConnection(c: Connection): Promise<void> {
    c.client.release();
  }
  async begin(c: Connection, durable: boolean): Promise<void> {
    await c.ask("begin");
    if (!durable) await c.ask("set local synchronous_commit = off");
    await c.ask(`set local lock_timeout = ${busyMs}`);
    await c.ask("select pg_advisory_xact_lock($1::bigint)", [this.#lock]);
  }
  beginTransaction = (c: Connection): Promise<void> => this.begin(c, true);
  async commitTransaction(c: Connection): Promise<void> {
    await c.ask("commit");
  }
  async rollbackTransaction(c: Connection): Promise<void> {
    await c.ask("rollback");
  }
  async destroy(): Promise<void> {
    await this.#pool.end();
  }
}

/** Connections of one record. `isReadOnly`: the server refuses every write of theirs, whatever the role may do. */
function poolOf(url: string, schema: string, isReadOnly: boolean): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: 4,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 10_000,
    allowExitOnIdle: true,
    options: `-c search_path=${schema} -c synchronous_commit=on -c client_min_messages=warning${isReadOnly ? " -c default_transaction_read_only=on" : ""}`,
    application_name: "loam",
    types: {
      getTypeParser: (oid: number, format?: "text" | "binary") => (oid === int8 ? Number : pg.types.getTypeParser(oid, format ?? "text")),
    } as pg.CustomTypesConfig,
  });
  // A server that goes away while a connection idles must not end the process; the next query reports it.
  pool.on("error", () => {});
  return pool;
}

/**
 * Whether the record is there and cannot be written: by a role that may only read its tables, at a standby, in a database that is set to be read. A
 * record that is not there is made, so for that it is no.
 */
async function isSnapshot(pool: pg.Pool, place: string, schema: string): Promise<boolean> {
  try {
    const { rows } = await pool.query<{ is_there: boolean; is_read_only: boolean }>(
      `select count(*) > 0 as is_there,
        current_setting('transaction_read_only') = 'on' or coalesce(bool_or(not has_table_privilege(c.oid, 'insert')), false) as is_read_only
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = $1 and c.relkind in ('r', 'p') and c.relname in ('loam_schema', 'log', 'artifacts')`,
      [schema],
    );
    return rows[0]!.is_there && rows[0]!.is_read_only;
  } catch (error) {
    throw failure(error, place);
  }
}

/**
 * Opens the record in `schema` of the database at `url`; makes the schema where it is new. One that cannot be written is read as it is, in
 * transactions that are read-only. Errors: recordsUnreachable, recordsNewer; readOnly (base) where it needs migrations first.
 */
export async function openPostgres(url: string, schema: string, clock: Clock): Promise<Records> {
  const parsed = new URL(url);
  const place = `postgres://${parsed.host}${parsed.pathname}?schema=${schema}`;
  let pool = poolOf(url, schema, false);
  const isReadOnly = await isSnapshot(pool, place, schema).catch(async error => {
    await pool.end();
    throw error;
  });
  if (isReadOnly) {
    await pool.end();
    pool = poolOf(url, schema, true);
  }
  const readOnly = (received: string, hint: string) =>
    baseErrors.fail("readOnly", { place, expected: "a record that can be written", received, hint });
  const driver = new PgDriver(pool, place, schema);
  const dialect: Dialect = {
    createDriver: () => driver,
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createAdapter: () => new PostgresAdapter(),
    createIntrospector: k => new PostgresIntrospector(k),
  };
  const read = new Kysely<Tables>({ dialect });
  const write = groupCommit<{ connection: Connection; queries: Kysely<Tables> }>({
    async begin(durable) {
      const connection = await driver.acquireConnection();
      try {
        await driver.begin(connection, durable);
      } catch (error) {
        await driver.rollbackTransaction(connection).catch(() => {});
        await driver.releaseConnection(connection);
        throw error;
      }
      return { connection, queries: heldBy(connection, dialect) };
    },
    exec: async ({ connection }, statement) => void (await connection.ask(statement)),
    commit: ({ connection }) => driver.commitTransaction(connection),
    rollback: ({ connection }) => driver.rollbackTransaction(connection).catch(() => {}),
    end: ({ connection }) => void driver.releaseConnection(connection),
  });
  try {
    if (isReadOnly && (await recordVersion(read)) < schemaVersion)
      throw readOnly(
        "an older one, which this role or server cannot bring forward",
        "Open it once with a role that may write: loam models.",
      );
    if (!isReadOnly) await read.transaction().execute(t => sql`create schema if not exists ${sql.id(schema)}`.execute(t));
    await migrate(read, "postgres", place, clock);
  } catch (error) {
    await pool.end();
    throw error;
  }
  return {
    kind: "postgres",
    place,
    besidePath: undefined,
    isReadOnly,
    read,
    write: isReadOnly
      ? async () => {
          throw readOnly(
            "a role or a server that may only read",
            "It can be listed, traced and verified. Use the primary and a role that may write.",
          );
        }
      : (work, options) => write(({ queries }) => work(queries), options?.durable ?? true),
    async snapshot(work) {
      const connection = await driver.acquireConnection();
      try {
        await connection.ask("begin isolation level repeatable read, read only");
        return await work(heldBy(connection, dialect));
      } finally {
        await driver.rollbackTransaction(connection).catch(() => {});
        await driver.releaseConnection(connection);
      }
    },
    integrity: async () => [],
    close: () => read.destroy(),
  };
}
