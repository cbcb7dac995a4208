/** A layer of an image as data: what lies where, by whom it may be read. Owner 0, time 0: the same files are the same bytes wherever they are built. */
import type { TarFile } from "../../registry/index.ts";

type EntryContent =
  | { readonly kind: "folder" }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "stream"; readonly sizeBytes: number; readonly open: () => AsyncIterable<Uint8Array> };

export interface TreeEntry {
  /** From the root, without a slash at either end. */
  readonly path: string;
  readonly mode: number;
  readonly content: EntryContent;
}

const folderMode = 0o755;
export const fileMode = 0o644;
export const programMode = 0o755;

export const textEntry = (path: string, text: string, mode = fileMode): TreeEntry => ({
  path,
  mode,
  content: { kind: "bytes", bytes: Buffer.from(text, "utf8") },
});

/** By code unit: no locale has a say. */
const byPath = (a: TreeEntry, b: TreeEntry): number => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);

/** The folders above every entry added, in order: a folder before its content. The first of two of one path stands. */
export function wholeTree(entries: readonly TreeEntry[]): TreeEntry[] {
  const byName = new Map<string, TreeEntry>();
  for (const entry of entries) if (!byName.has(entry.path)) byName.set(entry.path, entry);
  for (const { path } of entries)
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
      const folder = path.slice(0, at);
      if (!byName.has(folder)) byName.set(folder, { path: folder, mode: folderMode, content: { kind: "folder" } });
    }
  return [...byName.values()].sort(byPath);
}

const sizeOf = (content: EntryContent): number =>
  content.kind === "folder" ? 0 : content.kind === "bytes" ? content.bytes.length : content.sizeBytes;

export const treeBytes = (entries: readonly TreeEntry[]): number => entries.reduce((sum, e) => sum + sizeOf(e.content), 0);

export function* tarFiles(entries: readonly TreeEntry[]): Generator<TarFile> {
  for (const { path, mode, content } of entries) {
    const isFolder = content.kind === "folder";
    yield {
      name: isFolder ? `${path}/` : path,
      sizeBytes: sizeOf(content),
      mode,
      isFolder,
      pieces: content.kind === "stream" ? content.open() : content.kind === "bytes" ? [content.bytes] : [],
    };
  }
}
