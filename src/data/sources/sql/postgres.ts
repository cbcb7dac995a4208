/**
 * Rows of a PostgreSQL database (pg) through a cursor: a read-only transaction that sees one moment, batches of bounded size. Values come
 * as the server writes them, in UTC and ISO, so that a result does not depend on where it is read. Who may read and the password come from
 * the environment (a variable that holds the URL, PGPASSWORD, ~/.pgpass), never from the project's file.
 */
import pg from "pg";
import { environment, redact } from "../../../base/index.ts";
import { dataErrors } from "../../errors.ts";
import type { OpenQuery, SqlCellValue } from "./rows.ts";

/** Rows of the first batch, and the most; between them as many as make about so many letters. */
const firstRows = 64;
const maxRows = 8192;
const batchLetters = 2 ** 21;

/** Types that JSON has too (pg_type's oids); all others stay as the server writes them. */
const oids = { bool: 16, bytea: 17, int8: 20, int2: 21, int4: 23, json: 114, float4: 700, float8: 701, jsonb: 3802 } as const;
const parsers: Readonly<Record<number, (text: string) => unknown>> = {
  [oids.bool]: text => text === "t",
  [oids.bytea]: text => Buffer.from(text.slice(2), "hex"),
  [oids.int8]: BigInt,
  [oids.int2]: Number,
  [oids.int4]: Number,
  [oids.float4]: Number,
  [oids.float8]: Number,
  [oids.json]: JSON.parse,
  [oids.jsonb]: JSON.parse,
};

/** The database's URL: itself, or what a variable of the environment says. Errors: `data/sourceMissing`. */
export function postgresUrl(named: string): URL {
  const isUrl = /^postgres(?:ql)?:/i.test(named);
  const place = "source.sql.postgres";
  const url = isUrl ? named : environment()[named];
  if (url === undefined || url === "")
    throw dataErrors.fail("sourceMissing", {
      place,
      expected: "postgres://... or the name of a variable of the environment that holds one",
      received: `"${named}", which is not set`,
    });
  try {
    return new URL(url);
  } catch (error) {
    throw dataErrors.fail(
      "sourceMissing",
      { place, expected: "a URL", received: isUrl ? `"${redact(url)}"` : `what ${named} holds` },
      error,
    );
  }
}

/** Errors: `data/sourceMissing`, `data/sourceUnreachable`, `data/query`. */
export async function queryPostgres(named: string, statement: string): Promise<OpenQuery> {
  const url = postgresUrl(named);
  const place = `postgres://${url.host}${url.pathname}`;
  const refused = (error: unknown) =>
    dataErrors.fail(
      "sourceUnreachable",
      {
        place,
        expected: "a connection",
        received: redact((error as Error).message || String(error)),
        hint: "Check the URL, that the server runs, and PGPASSWORD or ~/.pgpass.",
      },
      error,
    );
  const failure = (error: unknown) => {
    const { code, message } = error as { code?: string; message: string };
    // Classes 08 and 57: the connection broke, the server stopped. A code of five letters is the server's own answer.
    if (code === undefined || !/^[0-9A-Z]{5}$/.test(code) || /^(?:08|57)/.test(code)) return refused(error);
    return dataErrors.fail("query", { place: `source.query (${place})`, expected: "rows", received: redact(message) }, error);
  };
  const client = new pg.Client({
    connectionString: url.href,
    connectionTimeoutMillis: 10_000,
    application_name: "loam",
    options: "-c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=iso_8601 -c bytea_output=hex -c extra_float_digits=1",
    types: { getTypeParser: (oid: number) => parsers[oid] ?? ((text: string) => text) } as pg.CustomTypesConfig,
  });
  // A connection that breaks between two queries is told by the next.
  client.on("error", () => {});
  try {
    await client.connect();
  } catch (error) {
    throw refused(error);
  }
  // In the extended protocol, which takes one statement a request.
  const ask = async (text: string): Promise<pg.QueryArrayResult<unknown[]>> => {
    try {
      return await client.query<unknown[]>({ text, rowMode: "array", values: [], queryMode: "extended" } as pg.QueryArrayConfig);
    } catch (error) {
      throw failure(error);
    }
  };
  let first: pg.QueryArrayResult<unknown[]>;
  try {
    await ask("begin isolation level repeatable read, read only");
    await ask(`declare loam_rows no scroll cursor for ${statement}`);
    first = await ask(`fetch forward ${firstRows} from loam_rows`);
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
  return {
    columns: first.fields.map(f => f.name),
    async *rows() {
      for (let batch = first; batch.rows.length > 0; ) {
        let letters = 0;
        for (const row of batch.rows) {
          for (const value of row) letters += typeof value === "string" ? value.length : 8;
          yield row as SqlCellValue[];
        }
        const next = Math.max(1, Math.min(maxRows, Math.floor((batchLetters * batch.rows.length) / letters)));
        batch = await ask(`fetch forward ${next} from loam_rows`);
      }
    },
    async close() {
      await client.end().catch(() => {});
    },
  };
}
