/** The data card of a data set, and the files of an export with it. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { makeFolder, writeFileAtomic } from "../../base/index.ts";
import {
  artifactAsExport,
  cardFiles,
  cardFormat,
  type DataCard,
  type DataExport,
  type DataExportOptions,
  dataCard,
  exportDocuments,
} from "../../data/index.ts";
import { progressFor, type Watch } from "../call.ts";
import { projectErrors } from "../errors.ts";
import type { ProjectFile } from "../project-file.ts";
import type { Workspace } from "../workspace.ts";
import { cardPartOf, cardRecordOf } from "./card-record.ts";
import { type DataSet, type DataSetState, openDataSet, stateOf } from "./data-set.ts";

/** Whether a folder's card is ours to write over: there is none yet, or it is an earlier one. */
function isFree(folder: string, files: readonly string[]): boolean {
  if (!files.some(f => existsSync(join(folder, f)))) return true;
  try {
    return (JSON.parse(readFileSync(join(folder, "card.json"), "utf8")) as { format?: unknown }).format === cardFormat;
  } catch {
    return false;
  }
}

async function cardOf(at: Workspace, set: DataSet): Promise<DataCard> {
  return dataCard(set.artifact, await cardRecordOf(await at.store(), at.file, set), cardPartOf(at.file, set.name));
}

export interface ShownDataCard {
  readonly set: DataSetState;
  readonly card: DataCard;
}

/** Sources, licences, what became of the documents and why, private data, copies, gaps. Errors: project/argument, project/nothing. */
export async function showDataCard(at: Workspace, name: string | undefined): Promise<ShownDataCard> {
  const set = await openDataSet(at.file, await at.store(), name);
  return { set: stateOf(set), card: await cardOf(at, set) };
}

export interface WriteCardOptions {
  /** The folder to write to. */
  readonly to: string;
  /** Even over files of that name that are no card. */
  readonly force?: boolean | undefined;
}

export interface WrittenCard {
  readonly set: DataSetState;
  readonly folder: string;
  readonly files: readonly string[];
}

/** Writes README.md, card.json and croissant.json. Errors: project/argument, project/nothing, project/exists. */
export async function writeDataCard(
  at: Workspace,
  name: string | undefined,
  { to, force = false }: WriteCardOptions,
): Promise<WrittenCard> {
  const set = await openDataSet(at.file, await at.store(), name);
  const folder = resolve(at.cwd, to);
  const files = cardFiles(await cardOf(at, set), artifactAsExport(set.artifact));
  if (!force && !isFree(folder, [...files.keys()]))
    throw projectErrors.fail("exists", {
      place: `loam data card: --out ${to}`,
      expected: `no ${[...files.keys()].join(", ")}, or an earlier card`,
      received: "files of others",
      hint: "Name another folder, or write over them with --force.",
    });
  makeFolder(folder);
  for (const [file, text] of files) writeFileAtomic(join(folder, file), text);
  return { set: stateOf(set), folder, files: [...files.keys()] };
}

export interface ExportDataOptions extends Partial<Omit<DataExportOptions, "to" | "protect" | "extras" | "signal" | "progress">> {
  /** The folder to write; it appears when it is whole, and an earlier export there is replaced. */
  readonly to: string;
}

export interface ExportedData extends DataSetState, DataExport {
  readonly folder: string;
  readonly tookMs: number;
}

/** Folders that data sets are read from: an export in one would be read with the next run. */
function sourceFolders(project: ProjectFile): string[] {
  const parts = Object.values(project.config.data);
  return parts.flatMap(p =>
    [p.source, ...Object.values(p.sources ?? {})].flatMap(s => (s?.folder ? [resolve(project.folder, s.folder)] : [])),
  );
}

/** Curated documents as files for other programs, with their card. Errors: project/argument, project/nothing; export/place, export/occupied, export/columns. */
export async function exportData(
  at: Workspace,
  name: string | undefined,
  { to, ...options }: ExportDataOptions,
  watch: Watch,
): Promise<ExportedData> {
  const set = await openDataSet(at.file, await at.store(), name);
  const record = await cardRecordOf(await at.store(), at.file, set);
  const started = performance.now();
  const folder = resolve(at.cwd, to);
  const within = sourceFolders(at.file).find(f => folder.startsWith(`${f}${sep}`));
  if (within !== undefined)
    watch.emit({
      event: "warning",
      message: `loam: ${to} lies within ${within}, which is read from: the next run may take the export for texts.`,
    });
  const exported = await exportDocuments(set.artifact, {
    format: "huggingface",
    ...options,
    to: folder,
    protect: [at.folder, at.cwd],
    extras: async e => cardFiles(await dataCard(set.artifact, record, cardPartOf(at.file, set.name)), e),
    signal: watch.signal,
    progress: progressFor(watch, `export/${set.name}`),
  });
  return { ...stateOf(set), folder, ...exported, tookMs: performance.now() - started };
}
