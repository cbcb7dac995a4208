/**
 * What a stage writes into: a large file becomes a blob at once, small ones are held back; the list of them
 * becomes the artifact when the stage has returned.
 */

import { sha256 } from "../base/index.ts";
import { byName, type FileRecord } from "./artifact.ts";
import type { BlobInfo, BlobStore } from "./blobs/blobs.ts";
import { heldBytes, smallOrRest } from "./blobs/small.ts";
import { storeErrors } from "./errors.ts";
import { indexing, membersFile, membersIndexFile } from "./members.ts";
import type { Pieces } from "./pieces.ts";
import type { ArtifactWriter } from "./stage.ts";

/** Bytes of a file's name; what file systems take. */
const maxNameBytes = 255;

function refuse(name: string, taken: ReadonlySet<string>): string | undefined {
  if (name === "" || Buffer.byteLength(name) > maxNameBytes) return `a name of 1 to ${maxNameBytes} bytes`;
  // Control characters, among them NUL, which PostgreSQL cannot hold.
  if (/[\p{Cc}\\]/u.test(name)) return "a name without control characters and backslashes";
  if (name.split("/").some(part => part === "" || part === "." || part === "..")) return `plain parts between the slashes`;
  if (name === membersIndexFile) return `another name: the store writes this one beside ${membersFile}`;
  if (taken.has(name)) return "each name once";
  return undefined;
}

export interface WrittenFile {
  /** In order of their names. */
  readonly files: readonly FileRecord[];
  /** Contents that are not stored yet: they go into the transaction that records the artifact. */
  readonly small: ReadonlyMap<string, Uint8Array>;
}

export function artifactWriter(blobs: BlobStore, place: string): { readonly output: ArtifactWriter; finish(): WrittenFile } {
  const files: FileRecord[] = [];
  const small = new Map<string, Uint8Array>();
  const taken = new Set<string>();
  let held = 0;
  let writing = 0;
  let closed = false;

  const store = async (data: Pieces): Promise<BlobInfo> => {
    const begun = await smallOrRest(data);
    if ("rest" in begun) return blobs.put(begun.rest);
    if (held + begun.small.length > heldBytes) return blobs.put(begun.small);
    held += begun.small.length;
    const digest = sha256(begun.small);
    small.set(digest, begun.small);
    return { digest, sizeBytes: begun.small.length };
  };
  const write = async (name: string, data: Pieces): Promise<void> => {
    const expected = closed ? "no writing after the stage has returned" : refuse(name, taken);
    if (expected) throw storeErrors.fail("fileName", { place, expected, received: `"${name}"` });
    taken.add(name);
    writing++;
    try {
      const indexed = name === membersFile ? indexing(data) : undefined;
      const file = { name, ...(await store(indexed?.pieces ?? data)) };
      const index = indexed ? [{ name: membersIndexFile, ...(await store(indexed.index())) }] : [];
      files.push(file, ...index);
    } catch (error) {
      taken.delete(name);
      throw error;
    } finally {
      writing--;
    }
  };
  return {
    output: { write, writeStream: write },
    finish() {
      closed = true;
      if (writing > 0)
        throw storeErrors.fail("fileName", {
          place,
          expected: "every write awaited before the stage returns",
          received: `${writing} still going on`,
        });
      return { files: byName(files), small };
    },
  };
}
