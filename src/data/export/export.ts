/**
 * Documents of an artifact to a folder of files for other programs: JSON Lines, Parquet, or a Hugging Face dataset. Two looks: one finds the
 * columns, one writes. The same artifact and options give the same bytes. Cards beside the files are the caller's (`extras`).
 */
import { renameSync } from "node:fs";
import { join } from "node:path";
import { fileError, formatCount, type Progress } from "../../base/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import type { Document, DocumentAttribute } from "../document.ts";
import { dataErrors } from "../errors.ts";
import { ledgerLines, readMeasures } from "../explain.ts";
import type { LedgerMeasure } from "../ledger.ts";
import { type Shown, shownBy } from "../shown.ts";
import { documentsOf, type SplitSide } from "../stage.ts";
import { type ColumnChoice, type ColumnScan, columnScan, type ExportColumn, type ExportRow, rowOf } from "./columns.ts";
import { exportFile, exportFormat, type FolderOptions, type Listing, wholeFolder } from "./folder.ts";
import { type ExportFormatName, exportFormats, type Format, type RowFile } from "./formats.ts";
import type { ParquetCompression } from "./parquet.ts";
import { type ExportSink, exportFileSink } from "./sink.ts";

export const heldOutNames = ["test", "validation"] as const;
type HeldOutName = (typeof heldOutNames)[number];
type SplitName = "train" | HeldOutName | "dropped";

interface ExportedFile {
  /** Below the export's folder, with `/`. */
  readonly path: string;
  readonly split: SplitName;
  readonly documents: number;
  readonly sizeBytes: number;
  readonly sha256: string;
}

interface ExportedSplit {
  readonly name: SplitName;
  readonly side: SplitSide | "dropped";
  readonly documents: number;
  /** UTF-8 bytes of all texts in its columns, and 8 for every other value. */
  readonly bytes: number;
}

/** Splits that share their columns: the documents, and apart from them what was dropped. */
export interface ExportedTable {
  readonly name: "default" | "dropped";
  readonly columns: readonly ExportColumn[];
  readonly splits: readonly ExportedSplit[];
}

export interface DataExport {
  readonly artifact: string;
  readonly digest: string;
  readonly layout: ExportFormatName;
  readonly mediaType: string;
  readonly tables: readonly ExportedTable[];
  readonly files: readonly ExportedFile[];
}

export interface DataExportOptions extends FolderOptions {
  readonly to: string;
  readonly format: ExportFormatName;
  /** Both unless said otherwise. */
  readonly sides?: readonly SplitSide[];
  /** What was dropped too, with why; private data that the steps mask are masked there. */
  readonly dropped?: boolean;
  readonly attributes?: ColumnChoice;
  readonly heldOutAs?: HeldOutName;
  /** Bytes of rows, before compression, after which a next file begins. */
  readonly shardBytes?: number;
  /** Of Parquet. */
  readonly compression?: ParquetCompression;
  /** Files beside, by path: cards, licences. */
  readonly extras?: (exported: DataExport) => Promise<ReadonlyMap<string, string>>;
  readonly signal?: AbortSignal;
  readonly progress?: Progress;
}

/** What `datasets` takes for a shard of its own. */
const defaultShardBytes = 500_000_000;

interface Part {
  readonly split: SplitName;
  readonly side: SplitSide | "dropped";
  documents(): AsyncIterable<Document>;
}

interface DroppedLine extends Document {
  readonly dropped: {
    readonly step: string;
    readonly rule: string;
    readonly value: LedgerMeasure;
    readonly threshold: LedgerMeasure;
    readonly survivor?: string;
  };
}

/** What was dropped, its reason as attributes of its own. */
async function* droppedOf(artifact: ArtifactReader, shown: Shown): AsyncGenerator<Document> {
  for await (const line of ledgerLines(artifact, "dropped.jsonl")) {
    const { dropped, ...document } = JSON.parse(line) as DroppedLine;
    const why: Record<string, DocumentAttribute> = {
      dropped_step: dropped.step,
      dropped_rule: dropped.rule,
      dropped_value: String(shown.value(dropped.value)),
      dropped_threshold: String(dropped.threshold),
      dropped_survivor: dropped.survivor ?? null,
    };
    yield { ...document, text: shown.masked(document.text, dropped.step), attributes: { ...document.attributes, ...why } };
  }
}
const whyNames = ["dropped_step", "dropped_rule", "dropped_value", "dropped_threshold", "dropped_survivor"];

const bytesOf = (row: ExportRow): number => {
  let bytes = 0;
  for (const value of row)
    if (typeof value === "string") bytes += Buffer.byteLength(value);
    else if (Array.isArray(value)) for (const item of value as readonly string[]) bytes += Buffer.byteLength(item);
    else if (value !== null) bytes += 8;
  return bytes;
};

const numbered = (n: number) => String(n).padStart(5, "0");

interface Job {
  readonly folder: string;
  readonly format: Format;
  readonly below: string;
  readonly columns: readonly ExportColumn[];
  readonly shardBytes: number;
  readonly open: (sink: ExportSink) => Promise<RowFile>;
  readonly guard: (document: Document) => Document;
  readonly saw: () => void;
}

/** Writes one split as files of bounded size. */
async function writeSplit(part: Part, job: Job): Promise<{ readonly split: ExportedSplit; readonly files: ExportedFile[] }> {
  const shards: Omit<ExportedFile, "path">[] = [];
  const partPath = (i: number) => join(job.folder, job.below, `${part.split}-${i}.part`);
  let [documents, bytes] = [0, 0];
  let open: { readonly sink: ExportSink; readonly file: RowFile; documents: number; bytes: number } | undefined;
  const close = async () => {
    if (!open) return;
    await open.file.finish();
    const written = await open.sink.close();
    shards.push({ split: part.split, documents: open.documents, ...written });
    open = undefined;
  };
  try {
    for await (const document of part.documents()) {
      const row = rowOf(job.guard(document), job.columns);
      const size = bytesOf(row);
      if (open && open.bytes + size > job.shardBytes) await close();
      if (!open) {
        const sink = await exportFileSink(partPath(shards.length));
        // In its place before it is used: what fails from here on closes it.
        open = { sink, file: await job.open(sink), documents: 0, bytes: 0 };
      }
      await open.file.write(row);
      open.documents++;
      open.bytes += size;
      documents++;
      bytes += size;
      job.saw();
    }
    await close();
  } finally {
    await open?.sink.abandon();
  }
  const files = shards.map((shard, i): ExportedFile => {
    const isOne = shards.length === 1 && !job.format.isNumbered;
    const name = `${part.split}${isOne ? "" : `-${numbered(i)}-of-${numbered(shards.length)}`}${job.format.ending}`;
    renameSync(partPath(i), join(job.folder, job.below, name));
    return { path: job.below === "" ? name : `${job.below}/${name}`, ...shard };
  });
  return { split: { name: part.split, side: part.side, documents, bytes }, files };
}

async function look(parts: readonly Part[], scan: ColumnScan, saw: () => void): Promise<void> {
  for (const p of parts)
    for await (const d of p.documents()) {
      scan.see(d.attributes);
      saw();
    }
}

/**
 * Writes the documents of an artifact into a folder, whole or not at all. A split without documents has no file.
 * Errors: export/occupied, export/place, export/columns; data/noDocuments; base/diskFull, base/readOnly; the signal's reason.
 */
export async function exportDocuments(artifact: ArtifactReader, o: DataExportOptions): Promise<DataExport> {
  const { sides = ["train", "held-out"], heldOutAs = "test", shardBytes = defaultShardBytes, compression = "zstd", attributes = {} } = o;
  const format: Format = exportFormats[o.format];
  const steps = (await readMeasures(artifact))?.steps ?? [];
  const shown = shownBy(steps);
  const guard = (d: Document): Document => ({ ...d, attributes: shown.attributes(d.attributes) });
  const parts = sides.map(
    (side): Part => ({ split: side === "train" ? "train" : heldOutAs, side, documents: () => documentsOf(artifact, side) }),
  );
  const dropped: Part[] = o.dropped ? [{ split: "dropped", side: "dropped", documents: () => droppedOf(artifact, shown) }] : [];

  return wholeFolder(o.to, o, async folder => {
    const n = (key: string) => Number(artifact.summary[key] ?? 0);
    const one =
      sides.reduce((sum, s) => sum + n(s === "train" ? "trainDocuments" : "heldOutDocuments"), 0) + (o.dropped ? n("dropped") : 0);
    let seen = 0;
    const saw = () => {
      if (++seen % 256 !== 0) return;
      o.signal?.throwIfAborted();
      const done = one === 0 ? 0 : Math.min(0.99, seen / (2 * one));
      o.progress?.({
        stage: "export",
        done,
        message: `${seen <= one ? "columns" : "writing"}: ${formatCount(seen <= one ? seen : seen - one)} documents`,
      });
    };
    const tables: ExportedTable[] = [];
    const files: ExportedFile[] = [];
    const table = async (name: ExportedTable["name"], some: readonly Part[], choice: ColumnChoice) => {
      const scan = columnScan(artifact.id);
      await look(some, scan, saw);
      const columns = scan.columns(choice);
      const splits: ExportedSplit[] = [];
      for (const part of some) {
        const made = await writeSplit(part, {
          folder,
          format,
          below: name === "default" ? (format.folder ?? "") : format.folder ? name : "",
          columns,
          guard,
          shardBytes,
          open: sink =>
            format.open(sink, columns, { compression, notes: { "loam.artifact": artifact.id, "loam.digest": artifact.digest } }),
          saw,
        });
        if (made.split.documents > 0) splits.push(made.split);
        files.push(...made.files);
      }
      if (splits.length > 0) tables.push({ name, columns, splits });
    };
    await table("default", parts, attributes);
    // What was dropped early has not all attributes: those that are asked for and there.
    const known = new Set(tables.flatMap(t => t.columns.flatMap(c => c.attribute ?? [])));
    if (dropped.length > 0)
      await table(
        "dropped",
        dropped,
        attributes.only || attributes.without ? { only: [...(attributes.only ?? known), ...whyNames], lenient: true } : {},
      );
    if (files.length === 0)
      throw dataErrors.fail("noDocuments", { place: artifact.id, expected: `documents on the side ${sides.join(", ")}`, received: "none" });
    const exported: DataExport = {
      artifact: artifact.id,
      digest: artifact.digest,
      layout: o.format,
      mediaType: format.mediaType,
      tables,
      files: files.sort((a, b) => (a.path < b.path ? -1 : 1)),
    };
    const extras = (await o.extras?.(exported)) ?? new Map<string, string>();
    for (const [path, text] of extras) await writeWhole(join(folder, path), text);
    const listing: Listing & DataExport = {
      format: exportFormat,
      ...exported,
      beside: [...extras.keys()].sort(),
    };
    await writeWhole(join(folder, exportFile), `${JSON.stringify(listing, null, 2)}\n`);
    return exported;
  });
}

async function writeWhole(path: string, text: string): Promise<void> {
  const sink = await exportFileSink(path);
  try {
    await sink.write(Buffer.from(text));
    await sink.close();
  } catch (error) {
    await sink.abandon();
    throw fileError(error, path);
  }
}
