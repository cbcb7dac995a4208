/** A file within an archive, as a file of a source. */
import { BadFile } from "../bad-file.ts";
import { expand, openedName } from "../compressed/expand.ts";
import { inMemory, maxRecordBytes, readWholeRecord, type SourceFile, sourceLines } from "../file.ts";

/** A member's name with `/`, without `./` and `/` at its head. */
export const memberName = (raw: string): string =>
  raw
    .split(/[\\/]+/)
    .filter(part => part !== "" && part !== ".")
    .join("/");

/** Names that archivers add, those that a folder's list passes over too, and those that lead out of the archive. */
export const isPassedOver = (name: string): boolean =>
  name === "" || name.split("/").some(part => part === "__MACOSX" || part === "node_modules" || part.startsWith("."));

/** All of a member up to `maxRecordBytes`, and what comes behind. */
async function begun(pieces: AsyncIterator<Buffer>): Promise<{ readonly head: Buffer[]; readonly isWhole: boolean }> {
  const head: Buffer[] = [];
  for (let size = 0; size <= maxRecordBytes; ) {
    const next = await pieces.next();
    if (next.done) return { head, isWhole: true };
    head.push(next.value);
    size += next.value.length;
  }
  return { head, isWhole: false };
}

/**
 * A member whose content comes once. Up to `maxRecordBytes` it is held, so that it can be read again; a longer one is read once, in order.
 * `archive` is the archive's path in the source, `name` the member's in it.
 */
export async function memberFile(archive: string, name: string, sizeBytes: number, content: AsyncIterable<Buffer>): Promise<SourceFile> {
  const path = `${archive}/${name}`;
  const iterator = content[Symbol.asyncIterator]();
  const { head, isWhole } = await begun(iterator);
  let isTaken = false;
  async function* raw(): AsyncGenerator<Buffer> {
    if (isTaken) throw new BadFile("too-long", `longer than ${maxRecordBytes} bytes within an archive, where it is read once`, path);
    isTaken = !isWhole;
    yield* head;
    if (isWhole) return;
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
  }
  const pieces = () => expand(raw());
  const bytes = () => readWholeRecord(pieces());
  return {
    path,
    name: openedName(path),
    sizeBytes,
    // the archive is held against the manifest as a whole
    sha256: "",
    bytes,
    pieces,
    lines: () => sourceLines(pieces()),
    random: async () => inMemory(await bytes()),
  };
}
