/** Formats of an export as rows: how files are called, what media type they have, and what writes their rows. */
import type { ExportColumn, ExportRow } from "./columns.ts";
import { type Packing, packings } from "./pack.ts";
import { type ParquetCompression, parquetFile } from "./parquet.ts";
import type { ExportSink } from "./sink.ts";

export interface RowFile {
  write(row: ExportRow): Promise<void>;
  /** Writes what is left; the sink stays open. */
  finish(): Promise<void>;
}

interface FormatOptions {
  readonly compression: ParquetCompression;
  readonly notes: Readonly<Record<string, string>>;
}

export interface Format {
  /** Ending of a file. */
  readonly ending: string;
  /** As Croissant and web servers name it. */
  readonly mediaType: string;
  /** Below the export's folder; by default the folder itself. */
  readonly folder?: string;
  /** Files are numbered even where there is one. */
  readonly isNumbered: boolean;
  open(sink: ExportSink, columns: readonly ExportColumn[], options: FormatOptions): Promise<RowFile>;
}

/** Bytes of lines that are gathered before they are packed. */
const chunkBytes = 2 ** 18;

const lines = (packing: Packing): Pick<Format, "open"> => ({
  async open(sink, columns) {
    const packer = await packings[packing]();
    let waiting: Buffer[] = [];
    let size = 0;
    const flush = async () => {
      const packed = await packer.push(Buffer.concat(waiting));
      waiting = [];
      size = 0;
      if (packed.length > 0) await sink.write(packed);
    };
    return {
      async write(row) {
        const line = Buffer.from(`${JSON.stringify(Object.fromEntries(columns.map((c, i) => [c.name, row[i]])))}\n`);
        waiting.push(line);
        size += line.length;
        if (size >= chunkBytes) await flush();
      },
      async finish() {
        if (size > 0) await flush();
        const rest = await packer.end();
        if (rest.length > 0) await sink.write(rest);
      },
    };
  },
});

const parquet = {
  ending: ".parquet",
  mediaType: "application/x-parquet",
  open: parquetFile,
} as const;

export const exportFormats = {
  jsonl: { ending: ".jsonl", mediaType: "application/jsonlines", isNumbered: false, ...lines("none") },
  "jsonl.gz": { ending: ".jsonl.gz", mediaType: "application/gzip", isNumbered: false, ...lines("gzip") },
  "jsonl.zst": { ending: ".jsonl.zst", mediaType: "application/zstd", isNumbered: false, ...lines("zstd") },
  parquet: { ...parquet, isNumbered: false },
  /** The layout that `datasets` and the hub read without a script. */
  huggingface: { ...parquet, folder: "data", isNumbered: true },
} as const satisfies Record<string, Format>;
export type ExportFormatName = keyof typeof exportFormats;
export const exportFormatNames = Object.keys(exportFormats) as ExportFormatName[];
