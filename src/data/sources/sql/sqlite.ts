/**
 * Rows of a SQLite file (libsql), read only, row by row in one reading transaction. Texts are asked for as bytes: the native library ends
 * the process when one is not UTF-8.
 */
import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import Database from "libsql";
import { dataErrors } from "../../errors.ts";
import type { OpenQuery, SqlCellValue } from "./rows.ts";

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** Errors: `data/sourceMissing`, `data/query`. */
export function querySqlite(path: string, shown: string, statement: string): OpenQuery {
  if (!existsSync(path))
    throw dataErrors.fail("sourceMissing", {
      place: "source.sql.sqlite",
      expected: "a SQLite file",
      received: `"${shown}"`,
      hint: "Check the path; it is taken from the project's folder.",
    });
  const failure = (error: unknown) =>
    dataErrors.fail("query", { place: `source.query (${shown})`, expected: "rows", received: (error as Error).message }, error);
  let db: Database.Database;
  let select: Database.Statement<unknown[]>;
  let columns: string[];
  try {
    db = new Database(`${pathToFileURL(path).href}?mode=ro`);
  } catch (error) {
    throw failure(error);
  }
  try {
    db.exec("pragma query_only = on");
    db.exec("begin");
    columns = (db.prepare(statement) as Database.Statement<unknown[]>).columns().map(c => c.name);
    const cells = columns.map(name => {
      const c = quoted(name);
      return `typeof(${c}), case typeof(${c}) when 'text' then cast(${c} as blob) else ${c} end`;
    });
    // In brackets, so that nothing but a query fits.
    select = db.prepare(`select ${cells.join(", ")} from (${statement}\n)`) as Database.Statement<unknown[]>;
    select.raw(true);
    select.safeIntegers(true);
  } catch (error) {
    db.close();
    throw failure(error);
  }
  return {
    columns,
    async *rows() {
      try {
        for (const cells of select.iterate() as IterableIterator<unknown[]>) {
          const row: SqlCellValue[] = [];
          for (let i = 0; i < cells.length; i += 2) {
            const value = cells[i + 1];
            const bytes = value instanceof ArrayBuffer ? Buffer.from(value) : Buffer.isBuffer(value) ? value : undefined;
            if (bytes) row.push(cells[i] === "text" ? { text: bytes } : bytes);
            else row.push(value as SqlCellValue);
          }
          yield row;
        }
      } catch (error) {
        throw failure(error);
      }
    },
    async close() {
      // Closing alone would leave the lock to whoever collects the statement.
      try {
        db.exec("rollback");
      } finally {
        db.close();
      }
    },
  };
}
