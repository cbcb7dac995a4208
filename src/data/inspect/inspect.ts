/** A folder inspected before anything is made of it: which files it holds, what reads them, their fields, encodings, languages and labels. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { readerFor, readersFor } from "../add/guess-reader.ts";
import { archiveOf, firstMember, memberNames } from "../sources/archive/archive.ts";
import { BadFile } from "../sources/bad-file.ts";
import { openedName } from "../sources/compressed/expand.ts";
import { type ManifestEntry, type SourceFile, sourceFile } from "../sources/file.ts";
import { hashFiles } from "../sources/hashes.ts";
import { walkFiles } from "../sources/locate.ts";
import { openSource, sourceRecords } from "../sources/open.ts";
import { type ReaderName, type SourceOptions, sourceOptions } from "../sources/options.ts";
import { readers } from "../sources/readers.ts";
import { loadDetector } from "../steps/language/eld.ts";
import { FieldSummaries, type FieldSummary, labelFieldOf, textFieldOf } from "./field-summary.ts";
import { fileHead, sampledFields } from "./fields.ts";
import { encodingOf, headText } from "./sniff.ts";

/** Options of a source that differ from their defaults, as `loam.yaml` would say them. */
type GuessedSource = Readonly<Partial<Pick<SourceOptions, "field" | "attributes" | "delimiter" | "encoding" | "labels">>> & {
  readonly reader: ReaderName;
};

export interface InspectOptions {
  /** Documents that are read of each format; default 1,000. */
  readonly documents?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Files of one format. */
export interface FormatInspection {
  readonly reader: ReaderName;
  readonly files: number;
  /** As they lie on the disk. */
  readonly sizeBytes: number;
  readonly source: GuessedSource;
  /** Of records; empty where a file is a document. */
  readonly fields: readonly FieldSummary[];
  /** The field that is taken for the text. */
  readonly text: string | undefined;
  /** Where labels come from: a field, or the folders that files lie in. */
  readonly label: { readonly from: "field" | "folder"; readonly name: string } | undefined;
  /** Documents by label in what was read. */
  readonly labels: readonly { readonly label: string; readonly documents: number }[];
  /** Documents that were read; `all`: there are no more. */
  readonly read: { readonly documents: number; readonly all: boolean; readonly setAside: number; readonly reasons: readonly string[] };
  /** About how many there are. */
  readonly documents: number;
  /** Of texts that were read. */
  readonly characters: { readonly mean: number; readonly median: number; readonly most: number };
  /** Documents by language in what was read, ISO 639-1; the commonest first. */
  readonly languages: readonly { readonly language: string; readonly documents: number }[];
  readonly encoding: string | undefined;
}

export interface FolderInspection {
  readonly folder: string;
  readonly files: number;
  readonly sizeBytes: number;
  /** The one with the most files first. */
  readonly formats: readonly FormatInspection[];
  /** Files that no reader takes, by ending. */
  readonly others: readonly { readonly ending: string; readonly files: number }[];
}

/** Files whose fields are looked at, spread over all. */
const mostFiles = 20;
/** Texts whose language is detected: 4,000 characters of each. */
const mostDetected = 300;
const detectedLength = 4000;
const wholeFiles: readonly ReaderName[] = ["text", "markdown", "html", "pdf", "docx"];

interface Found {
  readonly path: string;
  readonly sizeBytes: number;
  readonly guess: ReaderName | undefined;
}

/** Files of a folder; each is hashed once, however often it is read. */
class Folder {
  readonly root: string;
  readonly #entries = new Map<string, Promise<ManifestEntry>>();

  constructor(root: string) {
    this.root = root;
  }

  entry(path: string): Promise<ManifestEntry> {
    const known = this.#entries.get(path) ?? hashFiles(this.root, [path], {}).then(([entry]) => entry!);
    this.#entries.set(path, known);
    return known;
  }

  async file(path: string): Promise<SourceFile> {
    return sourceFile(this.root, await this.entry(path));
  }
}

/** A file to look into: of an archive the first member that the reader takes. */
async function openFirst(folder: Folder, path: string, reader: ReaderName): Promise<SourceFile | undefined> {
  const file = await folder.file(path);
  const archive = archiveOf(path);
  return archive === undefined ? file : firstMember(file, archive, readers[reader].extensions).catch(unlessBad);
}

const unlessBad = (error: unknown): undefined => {
  if (!(error instanceof BadFile)) throw error;
  return undefined;
};

/** The reader of an archive is that of most of its members. */
async function guessOf(folder: Folder, path: string): Promise<ReaderName | undefined> {
  const archive = archiveOf(path);
  if (archive === undefined) return readerFor(path);
  const names = await memberNames(await folder.file(path), archive).catch(unlessBad);
  return readersFor(names ?? [])[0]?.reader;
}

/** Some of a list, from its begin to its end. */
const spread = <T>(list: readonly T[], most: number): T[] =>
  list.length <= most ? [...list] : Array.from({ length: most }, (_, i) => list[Math.floor((i * list.length) / most)]!);

const mailHead = /^(?:from|to|subject|date|received|return-path|message-id|delivered-to|mime-version)[: ]/i;

/** Text files that begin with the lines of a mail. */
async function areMails(files: readonly SourceFile[]): Promise<boolean> {
  const mails = await Promise.all(
    files.map(async file => {
      const { head, isWhole } = await fileHead(file);
      const lines = headText(head, encodingOf(head, isWhole)).split(/\r?\n/).slice(0, 12);
      return lines.filter(line => mailHead.test(line)).length >= 3;
    }),
  );
  return mails.length > 0 && mails.filter(Boolean).length > 0.8 * mails.length;
}

const splitNames = /^(?:train|training|test|testing|dev|valid|validation|eval|data|texts?|documents?)$/i;
const mostFolders = 50;
const leastPerFolder = 5;

/** Labels by the folders right below the root, where they look like classes: several, with some files each. */
function folderLabels(paths: readonly string[]): Record<string, string> | undefined {
  const counts = new Map<string, number>();
  for (const path of paths) {
    const slash = path.indexOf("/");
    if (slash < 0) return undefined;
    const top = path.slice(0, slash);
    counts.set(top, (counts.get(top) ?? 0) + 1);
  }
  const names = [...counts.keys()].sort();
  const areClasses = names.length >= 2 && names.length <= mostFolders && [...counts.values()].every(n => n >= leastPerFolder);
  if (!areClasses || names.some(n => splitNames.test(n) || archiveOf(n) !== undefined)) return undefined;
  return Object.fromEntries(names.map(name => [name, `${name}/**`]));
}

interface Guessed {
  readonly source: GuessedSource;
  readonly fields: readonly FieldSummary[];
  readonly text: string | undefined;
  readonly label: FormatInspection["label"];
  readonly encoding: string | undefined;
}

async function guessRecords(files: readonly SourceFile[], reader: ReaderName, most: number): Promise<Guessed> {
  const summaries = new FieldSummaries();
  let [encoding, delimiter]: [string | undefined, string | undefined] = [undefined, undefined];
  for (const file of files) {
    const found = await sampledFields(file, reader, Math.max(20, Math.floor(most / files.length)));
    for (const record of found?.records ?? []) summaries.add(record);
    if (found?.encoding !== undefined && encoding !== "windows-1252") encoding = found.encoding;
    delimiter ??= found?.delimiter;
  }
  const fields = summaries.all();
  const text = textFieldOf(fields);
  const label = labelFieldOf(fields, text, summaries.sampled);
  const isUsual = reader !== "csv" || delimiter === (files[0]?.name.endsWith(".tsv") ? "\t" : ",");
  return {
    source: {
      reader,
      ...(text === undefined || text === "text" ? {} : { field: text }),
      ...(label === undefined || label === "label" ? {} : { attributes: { label } }),
      ...(isUsual || delimiter === undefined ? {} : { delimiter }),
      ...(encoding === undefined || encoding === "utf-8" ? {} : { encoding }),
    },
    fields,
    text,
    label: label === undefined ? undefined : { from: "field", name: label },
    encoding,
  };
}

async function guessTexts(files: readonly SourceFile[], reader: ReaderName, paths: readonly string[]): Promise<Guessed> {
  const isText = reader === "text" || reader === "markdown" || reader === "html";
  const heads = isText ? await Promise.all(files.map(fileHead)) : [];
  const encodings = heads.map(({ head, isWhole }) => encodingOf(head, isWhole));
  const encoding = encodings.find(e => e === "windows-1252") ?? encodings[0];
  const isMail = reader === "text" && (await areMails(files));
  const labels = folderLabels(paths);
  const said = encoding === undefined || encoding === "utf-8" || encoding.startsWith("utf-16") || isMail ? {} : { encoding };
  return {
    source: { reader: isMail ? "email" : reader, ...said, ...(labels ? { labels } : {}) },
    fields: [],
    text: undefined,
    label: labels ? { from: "folder", name: "label" } : undefined,
    encoding,
  };
}

/** What reading documents with the guessed options gives. */
async function readSome(
  folder: Folder,
  guessed: Guessed,
  o: { readonly paths: readonly string[]; readonly most: number; readonly signal: AbortSignal | undefined },
) {
  const options = sourceOptions.parse({ folder: folder.root, ...guessed.source });
  const source = await openSource(options, folder.root);
  const texts: string[] = [];
  const labels = new Map<string, number>();
  const reasons = new Map<string, number>();
  let setAside = 0;
  let all = true;
  const each = Math.max(5, Math.ceil(o.most / Math.max(1, o.paths.length)));
  try {
    for (const path of o.paths) {
      let ofFile = 0;
      for await (const record of sourceRecords(source, options, await folder.entry(path))) {
        o.signal?.throwIfAborted();
        if (record.ok) {
          texts.push(record.text);
          const { label } = record.attributes;
          if (label !== undefined && label !== null) labels.set(String(label), (labels.get(String(label)) ?? 0) + 1);
        } else {
          setAside++;
          const reason = `${record.reason}: ${record.message}`;
          reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
        }
        if (++ofFile >= each) {
          all = false;
          break;
        }
      }
    }
  } finally {
    await source.close();
  }
  return { texts, labels, reasons, setAside, all };
}

const byCount = <K>(counts: ReadonlyMap<K, number>): (readonly [K, number])[] =>
  [...counts].sort((a, b) => b[1] - a[1] || (String(a[0]) < String(b[0]) ? -1 : 1));

async function languagesOf(texts: readonly string[]): Promise<FormatInspection["languages"]> {
  if (texts.length === 0) return [];
  const detect = await loadDetector("small");
  const counts = new Map<string, number>();
  for (const text of spread(texts, mostDetected)) {
    const { language } = detect(text.slice(0, detectedLength));
    if (language !== "") counts.set(language, (counts.get(language) ?? 0) + 1);
  }
  return byCount(counts).map(([language, documents]) => ({ language, documents }));
}

function lengthsOf(texts: readonly string[]): FormatInspection["characters"] {
  const lengths = texts.map(t => t.length).sort((a, b) => a - b);
  const mean = lengths.reduce((n, l) => n + l, 0) / Math.max(1, lengths.length);
  return { mean, median: lengths[Math.floor(lengths.length / 2)] ?? 0, most: lengths.at(-1) ?? 0 };
}

async function inspectFormat(
  folder: Folder,
  reader: ReaderName,
  found: readonly Found[],
  { documents = 1000, signal }: InspectOptions,
): Promise<FormatInspection> {
  const paths = found.map(f => f.path);
  const sampled = spread(paths, mostFiles);
  const plain = (await Promise.all(sampled.map(path => openFirst(folder, path, reader)))).flatMap(file => file ?? []);
  const guessed =
    wholeFiles.includes(reader) || reader === "email" || reader === "warc"
      ? await guessTexts(plain, reader, paths)
      : await guessRecords(plain, reader, documents);
  const isWhole = wholeFiles.includes(guessed.source.reader) || guessed.source.reader === "email";
  const taken = spread(paths, isWhole ? documents : mostFiles);
  const { texts, labels, reasons, setAside, all } = await readSome(folder, guessed, { paths: taken, most: documents, signal });
  const sizeBytes = found.reduce((n, f) => n + f.sizeBytes, 0);
  const sizes = new Map(found.map(f => [f.path, f.sizeBytes]));
  const readBytes = taken.reduce((n, path) => n + sizes.get(path)!, 0);
  const isAll = all && taken.length === paths.length;
  // records that were not read are as long as those that were
  const perByte = texts.length / Math.max(1, all ? readBytes : texts.reduce((n, t) => n + Buffer.byteLength(t) * 1.2 + 10, 0));
  return {
    reader: guessed.source.reader,
    files: found.length,
    sizeBytes,
    ...guessed,
    labels: byCount(labels).map(([label, n]) => ({ label, documents: n })),
    read: {
      documents: texts.length,
      all: isAll,
      setAside,
      reasons: byCount(reasons)
        .slice(0, 3)
        .map(([reason, n]) => `${n}x ${reason}`),
    },
    documents: isAll ? texts.length : isWhole ? found.length : Math.round(perByte * sizeBytes),
    characters: lengthsOf(texts),
    languages: await languagesOf(texts),
  };
}

const endingOf = (path: string): string => /\.[A-Za-z0-9]{1,8}$/.exec(openedName(path))?.[0]?.toLowerCase() ?? "(none)";

/** Inspects all files below a folder. Errors: base/* for a folder that cannot be read. */
export async function inspectFolder(root: string, options: InspectOptions = {}): Promise<FolderInspection> {
  const folder = new Folder(root);
  const found: Found[] = [];
  for (const path of walkFiles(root)) {
    options.signal?.throwIfAborted();
    found.push({ path, sizeBytes: statSync(join(root, path)).size, guess: await guessOf(folder, path) });
  }
  const byReader = new Map<ReaderName, Found[]>();
  const others = new Map<string, number>();
  for (const f of found) {
    const { guess, path } = f;
    if (guess === undefined) {
      others.set(endingOf(path), (others.get(endingOf(path)) ?? 0) + 1);
      continue;
    }
    const list = byReader.get(guess) ?? [];
    byReader.set(guess, list);
    list.push(f);
  }
  const formats: FormatInspection[] = [];
  for (const [reader, list] of byReader) formats.push(await inspectFormat(folder, reader, list, options));
  return {
    folder: root,
    files: found.length,
    sizeBytes: found.reduce((n, f) => n + f.sizeBytes, 0),
    formats: formats.sort((a, b) => b.sizeBytes - a.sizeBytes),
    others: byCount(others).map(([ending, files]) => ({ ending, files })),
  };
}
