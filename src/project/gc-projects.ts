/** Other project files of a record: what those need that can be read here, and whom gc would harm. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { formatDuration, isLoamError, readText, sha256 } from "../base/index.ts";
import { isSameRecord, type KeptVersion, type Needs, otherProjects, type SeenProject, type Store, whereIs } from "../store/index.ts";
import { projectErrors } from "./errors.ts";
import { neededBy } from "./needs.ts";
import { type ProjectFile, projectFile, readProject } from "./project-file.ts";

export interface SharingProject extends SeenProject {
  /** How what it needs is known: its file is read here, it is the same text as this one, it is not known; or the file is gone, and needs nothing. */
  readonly known: "read" | "same" | "no" | "gone";
  readonly project?: ProjectFile;
}

const recordOf = ({ folder, config }: ProjectFile) => ({ root: folder, records: config.store.records });

/** Undefined where the file says what is not allowed: what it needs is not known then. */
function readOrNone(folder: string): ProjectFile | undefined {
  try {
    return readProject(folder);
  } catch (error) {
    if (isLoamError(error)) return undefined;
    throw error;
  }
}

/** Those that were seen with the record, but for those that have another one by now. */
export async function sharingProjects(own: ProjectFile, store: Store): Promise<SharingProject[]> {
  const mine = sha256(readText(own.file));
  return (await otherProjects(store)).flatMap((seen): SharingProject[] => {
    const where = whereIs(seen);
    if (where === "gone" || (where === "here" && !existsSync(join(seen.folder, projectFile)))) return [{ ...seen, known: "gone" }];
    const project = where === "here" ? readOrNone(seen.folder) : undefined;
    if (!project) return [{ ...seen, known: seen.file === mine ? "same" : "no" }];
    return isSameRecord(recordOf(project), recordOf(own)) ? [{ ...seen, known: "read", project }] : [];
  });
}

/** What any of the files needs. */
export async function neededByAll(
  own: ProjectFile,
  sharing: readonly SharingProject[],
  store: Store,
  kept: readonly KeptVersion[],
): Promise<Needs> {
  const all: Needs[] = [];
  for (const project of [own, ...sharing.flatMap(s => s.project ?? [])]) all.push(await neededBy(project, store, kept));
  return { roots: all.flatMap(n => n.roots), alone: all.flatMap(n => n.alone) };
}

const placeOf = (s: SeenProject): string => `${s.host.split("#")[0]}:${join(s.folder, projectFile)}`;

const knownTexts = {
  read: "what it needs stays too",
  same: "the same file as this one",
  gone: "it is no longer there, so it needs nothing",
  no: "another file than this one, or one that cannot be read: what it needs is not known here",
} as const satisfies Record<SharingProject["known"], string>;

/** A line a project. */
export const sharingLine = (s: SharingProject, nowMs: number): string =>
  `shared    ${placeOf(s)}, seen ${formatDuration(Math.max(0, nowMs - s.seenMs))} ago: ${knownTexts[s.known]}`;

/** Errors: project/shared. */
export function checkKnown(sharing: readonly SharingProject[]): void {
  const unknown = sharing.filter(s => s.known === "no");
  if (unknown.length === 0) return;
  throw projectErrors.fail("shared", {
    place: "gc --apply",
    expected: "what every project of this record needs",
    received: `other files, which cannot be read here: ${unknown.map(placeOf).join(", ")}`,
    hint: "Bring them to the same text and run any command there, or let go of those that were not seen for so many days: --forget-after 30.",
  });
}
