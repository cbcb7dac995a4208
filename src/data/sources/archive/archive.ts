/** Archives among a source's files: each member whose ending a reader knows is a file of the source. Archives within archives stay closed. */
import { BadFile } from "../bad-file.ts";
import { openedName } from "../compressed/expand.ts";
import type { SourceFile } from "../file.ts";
import type { ReadRecord } from "../source.ts";
import { isPassedOver, memberFile } from "./member.ts";

/** A file in an archive. */
export interface Member {
  readonly name: string;
  /** As the archive says. */
  readonly sizeBytes: number;
  /** Its bytes, once; undefined where it is refused. */
  readonly content: (() => AsyncIterable<Buffer>) | undefined;
  readonly refused: BadFile | undefined;
}

type Archive = "zip" | "tar";

/** How a path says that a file is an archive. Word and Excel files are zip archives too, of one document. */
export function archiveOf(path: string): Archive | undefined {
  if (/\.zip$/i.test(path)) return "zip";
  return /\.(?:tar|tgz|tbz|tbz2|tzst)$/i.test(openedName(path)) ? "tar" : undefined;
}

/** Files of an archive, without those that are passed over. */
async function* membersOf(file: SourceFile, kind: Archive): AsyncGenerator<Member> {
  const all = kind === "zip" ? (await import("./zip.ts")).zipMembers(file) : (await import("./tar.ts")).tarMembers(file);
  for await (const member of all) if (!isPassedOver(member.name)) yield member;
}

/** Names of an archive's files. Errors: `BadFile`. */
export async function memberNames(file: SourceFile, kind: Archive): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of membersOf(file, kind)) names.push(name);
  return names;
}

/** The first member with one of these endings, held in memory; undefined where there is none. Errors: `BadFile`. */
export async function firstMember(file: SourceFile, kind: Archive, extensions: readonly string[]): Promise<SourceFile | undefined> {
  for await (const { name, sizeBytes, content } of membersOf(file, kind))
    if (content !== undefined && extensions.some(ending => openedName(name).endsWith(ending)))
      // the archive is open until the member is held
      return await memberFile(file.path, name, sizeBytes, content());
  return undefined;
}

const setAside = (error: unknown, path: string): ReadRecord => {
  if (!(error instanceof BadFile)) throw error;
  return { ok: false, place: error.place ?? path, reason: error.reason, message: error.message };
};

/** What reads members. */
interface MemberReader {
  readonly extensions: readonly string[];
  records(member: SourceFile): AsyncIterable<ReadRecord>;
}

async function* memberRecords(
  archive: string,
  name: string,
  open: () => Promise<SourceFile>,
  reader: MemberReader,
): AsyncGenerator<ReadRecord> {
  try {
    yield* reader.records(await open());
  } catch (error) {
    yield setAside(error, `${archive}/${name}`);
  }
}

/**
 * Records of all members that a reader takes; what is wrong with a member, or with the archive, is set aside with its place.
 * `archive/inner/path` is the path of a member.
 */
export async function* archiveRecords(file: SourceFile, kind: Archive, reader: MemberReader): AsyncGenerator<ReadRecord> {
  try {
    for await (const { name, sizeBytes, content, refused } of membersOf(file, kind)) {
      if (!reader.extensions.some(ending => openedName(name).endsWith(ending))) continue;
      if (refused !== undefined) yield setAside(refused, file.path);
      if (content === undefined) continue;
      for await (const record of memberRecords(file.path, name, () => memberFile(file.path, name, sizeBytes, content()), reader)) {
        yield record;
        // the rest of an archive that was made to fill a machine is left alone
        if (!record.ok && record.reason === "bomb") return;
      }
    }
  } catch (error) {
    yield setAside(error, file.path);
  }
}
