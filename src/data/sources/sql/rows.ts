/**
 * A query as a file of a source: its rows are JSON Lines, so the readers of records read them. Which rows there are is told by a digest that
 * does not depend on their order (the sum of the rows' SHA-256 modulo 2^256), taken in one pass and held against the next; a `version` that
 * the project names spares the pass, and the check.
 */

import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { isLoamError, sha256 } from "../../../base/index.ts";
import { dataErrors } from "../../errors.ts";
import { BadFile } from "../bad-file.ts";
import { inMemory, type ManifestEntry, readWholeRecord, type SourceFile, sourceLines } from "../file.ts";
import type { SourceOptions } from "../options.ts";
import { readingStatement } from "./statement.ts";

/** A value of a row; a text may come as bytes. */
export type SqlCellValue = null | string | number | bigint | boolean | Uint8Array | { readonly text: Buffer } | object;

/** A query under way; its rows can be gone through once. */
export interface OpenQuery {
  readonly columns: readonly string[];
  rows(): AsyncIterable<readonly SqlCellValue[]>;
  close(): Promise<void>;
}

/** Lines are handed over in pieces of about this size. */
const pieceBytes = 2 ** 18;

type SqlOptions = Pick<SourceOptions, "sql" | "query" | "key" | "version">;

/** Where the rows come from, without credentials. */
export const sqlOrigin = ({ sql }: SqlOptions): string =>
  "sqlite" in sql! ? `sqlite:${sql.sqlite}` : /^postgres(?:ql)?:/i.test(sql!.postgres) ? sql!.postgres : `postgres:${sql!.postgres}`;

/** Errors: `data/query`, `data/sourceMissing`, `data/sourceUnreachable`. */
async function openQuery(options: SqlOptions, folder: string): Promise<OpenQuery> {
  const sql = options.sql!;
  const read = readingStatement(options.query ?? "");
  if (!("statement" in read)) throw dataErrors.fail("query", { place: "source.query", ...read });
  let open: OpenQuery;
  if ("sqlite" in sql) {
    const { querySqlite } = await import("./sqlite.ts");
    open = querySqlite(resolve(folder, sql.sqlite), sql.sqlite, read.statement);
  } else {
    const { queryPostgres } = await import("./postgres.ts");
    open = await queryPostgres(sql.postgres, read.statement);
  }
  const { columns } = open;
  const twice = columns.find((name, i) => columns.indexOf(name) !== i);
  const bad =
    twice !== undefined
      ? { expected: "columns of different names", received: `"${twice}" twice`, hint: `Name one of them otherwise: ... as other_${twice}.` }
      : options.key !== undefined && !columns.includes(options.key)
        ? { expected: `a column "${options.key}", which is the key`, received: columns.join(", ") }
        : undefined;
  if (bad) {
    await open.close();
    throw dataErrors.fail("query", { place: "source.query", ...bad });
  }
  return open;
}

/** A row as a line of JSON. One whose text is not UTF-8 is no JSON either, and is set aside by that. */
function lineOf(columns: readonly string[], row: readonly SqlCellValue[], key: string | undefined): Buffer {
  let isWrong = false;
  const plain = (value: SqlCellValue): unknown => {
    if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    if (typeof value === "number") return Number.isFinite(value) ? value : null;
    const bytes =
      value instanceof Uint8Array ? value : value !== null && typeof value === "object" && "text" in value ? value.text : undefined;
    if (!(bytes instanceof Uint8Array)) return value;
    // Bytes that are a text are one: mails are often kept so.
    if (isUtf8(bytes)) return Buffer.from(bytes).toString("utf8");
    if (!(value instanceof Uint8Array)) isWrong = true;
    return null;
  };
  const entries = columns.map((name, i) => [name, plain(row[i]!)] as const);
  const fields = Object.fromEntries(key === undefined ? entries : entries.filter(([name]) => name !== key && name !== "id"));
  if (key !== undefined) fields.id = entries.find(([name]) => name === key)?.[1];
  const line = Buffer.from(`${JSON.stringify(fields)}\n`);
  return isWrong ? Buffer.concat([Buffer.from([0xff]), line]) : line;
}

class RowsDigest {
  readonly #sum = new Uint32Array(8);
  sizeBytes = 0;

  add(line: Buffer): void {
    const digest = createHash("sha256").update(line).digest();
    let carry = 0;
    for (let i = 7; i >= 0; i--) {
      const sum = this.#sum[i]! + digest.readUInt32BE(i * 4) + carry;
      this.#sum[i] = sum;
      carry = sum > 0xffffffff ? 1 : 0;
    }
    this.sizeBytes += line.length;
  }

  hex(): string {
    return [...this.#sum].map(n => n.toString(16).padStart(8, "0")).join("");
  }
}

async function* linesOf(options: SqlOptions, folder: string): AsyncGenerator<Buffer> {
  const open = await openQuery(options, folder);
  try {
    let n = 0;
    for await (const row of open.rows()) {
      yield lineOf(open.columns, row, options.key);
      // SQLite answers without a turn of the event loop; others want theirs.
      if (++n % 256 === 0) await new Promise(next => setImmediate(next));
    }
  } finally {
    await open.close();
  }
}

const path = "rows";

/** The one file of such a source. Errors: `data/query`, `data/sourceMissing`, `data/sourceUnreachable`. */
export async function sqlFiles(options: SqlOptions, folder: string): Promise<ManifestEntry[]> {
  if (options.version !== undefined) {
    const open = await openQuery(options, folder);
    await open.close();
    return [{ path, sizeBytes: 0, sha256: sha256(`version ${options.version}\n${options.query}`) }];
  }
  const digest = new RowsDigest();
  for await (const line of linesOf(options, folder)) digest.add(line);
  return [{ path, sizeBytes: digest.sizeBytes, sha256: digest.hex() }];
}

/** The rows as a file. Errors while it is read: `data/sourceChanged` and those of `sqlFiles`. */
export function sqlFile(options: SqlOptions, folder: string, entry: ManifestEntry): SourceFile {
  async function* pieces(): AsyncGenerator<Buffer> {
    const digest = new RowsDigest();
    let lines: Buffer[] = [];
    let size = 0;
    try {
      for await (const line of linesOf(options, folder)) {
        digest.add(line);
        lines.push(line);
        size += line.length;
        if (size < pieceBytes) continue;
        yield Buffer.concat(lines);
        [lines, size] = [[], 0];
      }
    } catch (error) {
      if (isLoamError(error) || error instanceof BadFile) throw error;
      throw dataErrors.fail("query", { place: sqlOrigin(options), expected: "rows", received: (error as Error).message }, error);
    }
    if (lines.length > 0) yield Buffer.concat(lines);
    if (options.version === undefined && digest.hex() !== entry.sha256)
      throw dataErrors.fail("sourceChanged", {
        place: sqlOrigin(options),
        expected: "the rows as they were when the run began",
        received: "others",
        hint: "Run the same command again; it takes the rows as they are then.",
      });
  }
  return {
    ...entry,
    name: `${path}.jsonl`,
    bytes: () => readWholeRecord(pieces()),
    pieces,
    lines: () => sourceLines(pieces()),
    random: async () => inMemory(await readWholeRecord(pieces())),
  };
}
