/**
 * The gateway's state in a schema of a PostgreSQL database that many processes and machines share, through `pg`. Two pools: keys, changes and
 * usage are flushed when a commit returns; what limits write is not (a server that loses power may forget the last moments of a window).
 */
import pg from "pg";
import { defined, isLoamError, redact } from "../../base/index.ts";
import { gatewayErrors } from "../errors.ts";
import { functions } from "../limits/postgres-functions.ts";
import type { Database, Sql, SqlValue } from "./sql.ts";
import { plainVersion, stateVersion, tables } from "./tables.ts";

/** OID of int8, which `pg` gives as text; ours stay below 2^53. */
const int8 = 20;
/** Deadlock and serialisation: nothing happened, and asking again is right. */
const again = new Set(["40P01", "40001"]);
/** Name of the advisory lock that writers of keys and changes stand in line for. */
const writers = 7_226_461_801;
/**
 * Of connections that decide: no flush, and every row by its key. A plan is made while the tables are small and then kept, and one that reads
 * a whole table because it has a few rows would still do so when it has a million.
 */
const decisionSettings = "-c synchronous_commit=off -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off";
/** Attempts at a statement that a deadlock ended. */
const attempts = 4;

export class PostgresPool {
  readonly place: string;
  readonly #pool: pg.Pool;

  constructor(
    url: string,
    schema: string,
    options: { readonly timeoutMs: number; readonly flushes: boolean; readonly connections: number },
  ) {
    const parsed = new URL(url);
    this.place = `postgres://${parsed.host}${parsed.pathname}?schema=${schema}`;
    this.#pool = new pg.Pool({
      connectionString: url,
      max: options.connections,
      connectionTimeoutMillis: options.timeoutMs,
      // the server ends what takes too long, so that nothing is decided after its process has given up
      statement_timeout: options.timeoutMs,
      query_timeout: options.timeoutMs * 2,
      allowExitOnIdle: true,
      options: `-c search_path=${schema} -c client_min_messages=warning ${options.flushes ? "-c synchronous_commit=on" : decisionSettings}`,
      application_name: "loam-gateway",
      types: {
        getTypeParser: (oid: number, format?: "text" | "binary") => (oid === int8 ? Number : pg.types.getTypeParser(oid, format ?? "text")),
      } as pg.CustomTypesConfig,
    });
    // A server that goes away while a connection idles must not end the process; the next query reports it.
    this.#pool.on("error", () => {});
  }

  /** One statement, which `name` keeps prepared. */
  async ask<R extends object>(name: string | undefined, text: string, values: readonly SqlValue[] = []): Promise<R[]> {
    for (let attempt = 1; ; attempt++)
      try {
        return (await this.#pool.query({ ...defined({ name }), text, values: [...values] })).rows as R[];
      } catch (error) {
        if (!again.has(String((error as { code?: unknown }).code)) || attempt >= attempts) throw this.lost(error);
      }
  }

  async transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect().catch(error => Promise.reject(this.lost(error)));
    try {
      await client.query("begin");
      await client.query("select pg_advisory_xact_lock($1)", [writers]);
      const value = await work({
        all: async <R extends object>(text: string, parameters: readonly SqlValue[] = []) =>
          (await client.query(numbered(text), [...parameters])).rows as R[],
      });
      await client.query("commit");
      client.release();
      return value;
    } catch (error) {
      await client.query("rollback").then(
        () => client.release(),
        broken => client.release(broken as Error),
      );
      throw isLoamError(error) ? error : this.lost(error);
    }
  }

  lost(error: unknown): Error {
    const code = String((error as { code?: unknown })?.code ?? "");
    const received = redact((error as Error)?.message || code || String(error));
    return gatewayErrors.fail(
      "stateLost",
      {
        place: this.place,
        expected: "an answer from PostgreSQL",
        received,
        hint: "Check that the server runs and that the URL, user and password are right.",
      },
      error,
    );
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}

/** `?` to `$1`, `$2`, ...; no statement of ours has a question mark in a string. */
export const numbered = (text: string): string => {
  let n = 0;
  return text.replaceAll("?", () => `$${++n}`);
};

/** Keys, changes and usage; makes schema, tables and functions where they are new. Errors: stateLost, stateNewer. */
export async function postgresDatabase(pool: PostgresPool, schema: string): Promise<Database> {
  const found = await pool.ask<{ version: number | null }>(undefined, `select to_regclass('${schema}.gateway_schema')::text as version`);
  const version =
    found[0]?.version === null
      ? null
      : ((await pool.ask<{ version: number }>(undefined, "select max(version) as version from gateway_schema"))[0]?.version ?? null);
  if (version !== null && version > stateVersion)
    throw gatewayErrors.fail("stateNewer", {
      place: pool.place,
      expected: `a state of version ${stateVersion}`,
      received: `version ${version}`,
      hint: "It was written by a newer Loam: install that one, or keep this gateway's state in another schema.",
    });
  await pool.transaction(async sql => {
    await sql.all(`create schema if not exists ${schema}`);
    // a state of before may lack the newest
    for (const statement of tables) await sql.all(statement);
    if (version === null) {
      // room on each page for the next version of a row, so that a change stays on it and touches no index
      for (const table of ["gateway_buckets", "gateway_usage"]) await sql.all(`alter table ${table} set (fillfactor = 50)`);
      await sql.all("insert into gateway_schema (version) values (?) on conflict (version) do nothing", [plainVersion]);
    }
    // the functions are the program's, not the state's
    for (const statement of functions) await sql.all(statement);
  });
  return {
    all: (text, parameters) => pool.ask(undefined, numbered(text), parameters),
    write: work => pool.transaction(work),
    close: () => pool.close(),
  };
}
