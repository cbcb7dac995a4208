/**
 * A source that is open, wherever it is: a list of its files, and each of them as its records. The kinds of sources differ here and nowhere
 * after: a folder's files, a bucket's objects, a query's rows, a data set's splits.
 */
import type { DocumentAttributes } from "../document.ts";
import { archiveOf, archiveRecords } from "./archive/archive.ts";
import { type ManifestEntry, type SourceFile, sourceFile } from "./file.ts";
import { type HashOptions, hashFiles } from "./hashes.ts";
import { datasetFiles } from "./huggingface/folder.ts";
import { locate, takenFiles, walkFiles } from "./locate.ts";
import type { SourceOptions } from "./options.ts";
import { readers } from "./readers.ts";
import type { ReadRecord } from "./source.ts";
import { sqlFile, sqlFiles, sqlOrigin } from "./sql/rows.ts";

export interface OpenSource {
  /** The folder its entries lie below; empty where they lie in none. */
  readonly root: string;
  /** How records name it: a package with its version, a folder as the project writes it, a bucket, a database; never a credential. */
  readonly origin: string;
  /** Its files as they are now. Errors: `data/sourceEmpty`, `data/sourceMissing`, `data/sourceUnreachable`, `data/query`, `data/dataset`. */
  list(options: HashOptions): Promise<readonly ManifestEntry[]>;
  file(entry: ManifestEntry): SourceFile;
  close(): Promise<void>;
}

function localSource(source: SourceOptions, folder: string): OpenSource {
  const { root, origin } = locate(source, folder);
  return {
    root,
    origin,
    list: options => hashFiles(root, takenFiles(source, walkFiles(root), origin), options),
    file: entry => sourceFile(root, entry),
    close: async () => {},
  };
}

function datasetSource(source: SourceOptions, folder: string): OpenSource {
  const { root, origin } = locate(source, folder);
  return {
    root,
    origin,
    async list(options) {
      const open = async (path: string) => sourceFile(root, (await hashFiles(root, [path], {}))[0]!);
      const files = await datasetFiles(source, root, open);
      const hashed = await hashFiles(
        root,
        files.map(f => f.path),
        options,
      );
      return hashed.map((entry, i) => ({ ...files[i]!, ...entry }));
    },
    file: entry => sourceFile(root, entry),
    close: async () => {},
  };
}

async function bucketSource(source: SourceOptions, url: string): Promise<OpenSource> {
  const [{ openBucket, s3Place }, { s3File, s3Objects }] = await Promise.all([import("./s3/client.ts"), import("./s3/objects.ts")]);
  const place = s3Place(url);
  const bucket = openBucket(place);
  const origin = `s3://${place.bucket}${place.prefix ? `/${place.prefix}` : ""}`;
  return {
    root: "",
    origin,
    async list() {
      const objects = await s3Objects(bucket);
      const byPath = new Map(objects.map(o => [o.path, o]));
      return takenFiles(source, [...byPath.keys()], origin).map(path => byPath.get(path)!);
    },
    file: entry => s3File(bucket, entry),
    close: async () => bucket.close(),
  };
}

const querySource = (source: SourceOptions, folder: string): OpenSource => ({
  root: "",
  origin: sqlOrigin(source),
  list: () => sqlFiles(source, folder),
  file: entry => sqlFile(source, folder, entry),
  close: async () => {},
});

/** Opens a source; `folder` is the project's. Errors: `data/sourceMissing`. */
export async function openSource(source: SourceOptions, folder: string): Promise<OpenSource> {
  if (source.s3 !== undefined) return bucketSource(source, source.s3);
  if (source.sql !== undefined) return querySource(source, folder);
  return source.huggingface === undefined ? localSource(source, folder) : datasetSource(source, folder);
}

/** Classes by the names that the source gives their numbers. */
const withClasses = (attributes: DocumentAttributes, classes: NonNullable<ManifestEntry["classes"]>): DocumentAttributes =>
  Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, (typeof value === "number" && classes[name]?.[value]) || value]),
  );

/** The records of one file, or of the members of an archive that the reader takes. */
function fileRecords(file: SourceFile, source: SourceOptions): AsyncIterable<ReadRecord> {
  const reader = readers[source.reader];
  const archive = source.huggingface === undefined && source.sql === undefined ? archiveOf(file.path) : undefined;
  if (archive === undefined) return reader.records(file, source);
  const { extensions } = reader;
  return archiveRecords(file, archive, { extensions, records: member => reader.records(member, source) });
}

/** The records of one file of a source. */
export async function* sourceRecords(open: OpenSource, source: SourceOptions, entry: ManifestEntry): AsyncGenerator<ReadRecord> {
  const { attributes, field, classes } = entry;
  const options = field === undefined ? source : { ...source, field: typeof field === "string" ? field : [...field] };
  for await (const record of fileRecords(open.file(entry), options)) {
    if (!record.ok || (attributes === undefined && classes === undefined)) yield record;
    else yield { ...record, attributes: { ...(classes ? withClasses(record.attributes, classes) : record.attributes), ...attributes } };
  }
}
