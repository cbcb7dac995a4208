/**
 * Writes Parquet (hyparquet-writer): rows gather to groups of bounded size, so memory does not grow with the file. Texts are stored plain
 * and then compressed; for the rest the library decides whether a dictionary pays.
 */
import type { ByteWriter, ParquetWriter } from "hyparquet-writer";
import type { ColumnType, ExportColumn, ExportRow } from "./columns.ts";
import type { ExportSink } from "./sink.ts";
import { zstdCompressor } from "./zstd.ts";

type SchemaElement = ParquetWriter["schema"][number];

export const parquetCompressions = ["zstd", "snappy", "none"] as const;
export type ParquetCompression = (typeof parquetCompressions)[number];

/** Rows of a group at most. */
const groupRows = 10_000;
/** UTF-16 units of texts in a group; a text longer than this is a group by itself. */
const groupUnits = 2 ** 24;

const codecs = { zstd: "ZSTD", snappy: "SNAPPY", none: "UNCOMPRESSED" } as const;

const leaves = {
  string: { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } },
  int64: { type: "INT64" },
  double: { type: "DOUBLE" },
  boolean: { type: "BOOLEAN" },
} as const satisfies Record<Exclude<ColumnType, "strings">, Omit<SchemaElement, "name">>;

/** Schema elements of a column; lists in the three levels that the format asks for. */
function elements({ name, type, isNullable }: ExportColumn): SchemaElement[] {
  const repetition_type = isNullable ? "OPTIONAL" : "REQUIRED";
  if (type !== "strings") return [{ name, ...leaves[type], repetition_type }];
  return [
    { name, converted_type: "LIST", logical_type: { type: "LIST" }, num_children: 1, repetition_type },
    { name: "list", num_children: 1, repetition_type: "REPEATED" },
    { name: "element", ...leaves.string, repetition_type: "OPTIONAL" },
  ];
}

interface ParquetFile {
  write(row: ExportRow): Promise<void>;
  /** Writes what is left and the footer; the sink stays open. */
  finish(): Promise<void>;
}

interface ParquetOptions {
  readonly compression: ParquetCompression;
  /** Key and value pairs of the footer. */
  readonly notes: Readonly<Record<string, string>>;
}

/** A file over a sink. */
export async function parquetFile(sink: ExportSink, columns: readonly ExportColumn[], options: ParquetOptions): Promise<ParquetFile> {
  const library = await import("hyparquet-writer");
  const bytes: ByteWriter & { flush?: () => Promise<void> } = new library.ByteWriter();
  bytes.flush = async () => {
    await sink.write(bytes.getBytes());
    bytes.index = 0;
  };
  const writer: ParquetWriter = new library.ParquetWriter({
    writer: bytes,
    schema: [{ name: "schema", num_children: columns.length }, ...columns.flatMap(elements)],
    codec: codecs[options.compression],
    ...(options.compression === "zstd" ? { compressors: { ZSTD: await zstdCompressor() } } : {}),
    kvMetadata: Object.entries(options.notes).map(([key, value]) => ({ key, value })),
    createdBy: "loam",
  });
  const gathered: unknown[][] = columns.map(() => []);
  let units = 0;
  const flush = async (): Promise<void> => {
    const rows = gathered[0]!.length;
    if (rows === 0) return;
    await writer.write({
      rowGroupSize: rows,
      columnData: columns.map(({ name }, i) => ({
        name,
        data: gathered[i]!,
        // A text stands once: looking for its copies would hold all of them in one more table.
        ...(name === "text" || name === "id" ? { encoding: "PLAIN" as const } : {}),
        ...(name === "text" ? { statistics: false } : {}),
      })),
    });
    for (const column of gathered) column.length = 0;
    units = 0;
  };
  return {
    async write(row) {
      for (const [i, value] of row.entries()) {
        gathered[i]!.push(columns[i]!.type === "int64" && typeof value === "number" ? BigInt(value) : value);
        if (typeof value === "string") units += value.length;
        else if (Array.isArray(value)) for (const item of value) units += item.length;
      }
      if (gathered[0]!.length >= groupRows || units >= groupUnits) await flush();
    },
    async finish() {
      await flush();
      await writer.finish();
      await bytes.flush!();
    },
  };
}
