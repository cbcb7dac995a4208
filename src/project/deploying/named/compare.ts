/** What differs: files of a folder from those that were written there, and one plan from another. */

import { createHash } from "node:crypto";
import { createReadStream, readdirSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { canonicalJson } from "../../../base/index.ts";
import { type Deployment, deploymentFile } from "../../../deploy/index.ts";
import { isThere } from "./generations.ts";

export interface FileChange {
  readonly path: string;
  readonly change: "added" | "changed" | "removed";
}

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest("hex");
}

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(e => !e.isDirectory())
    .map(e => relative(folder, join(e.parentPath, e.name)).split(sep).join("/"));

/** Files that somebody edited, deleted or added since the plan was written. */
export async function editedFiles(folder: string, { files }: Deployment): Promise<FileChange[]> {
  const changes: FileChange[] = [];
  for (const { path, digest } of files) {
    const at = join(folder, path);
    if (!isThere(at)) changes.push({ path, change: "removed" });
    else if ((await digestOfFile(at)) !== digest) changes.push({ path, change: "changed" });
  }
  const known = new Set([deploymentFile, ...files.map(f => f.path)]);
  for (const path of filesBelow(folder)) if (!known.has(path)) changes.push({ path, change: "added" });
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** From the first plan to the second. */
export function plannedChanges(from: Deployment | undefined, to: Deployment): FileChange[] {
  const before = new Map(from?.files.map(f => [f.path, f.digest]));
  const after = new Map(to.files.map(f => [f.path, f.digest]));
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((path): FileChange[] => {
    const [old, next] = [before.get(path), after.get(path)];
    return old === next ? [] : [{ path, change: old === undefined ? "added" : next === undefined ? "removed" : "changed" }];
  });
}

export interface ValueChange {
  readonly key: string;
  readonly from: string | null;
  readonly to: string | null;
}

/** Keys of plain data whose values differ. */
export function changedKeys(from: Readonly<Record<string, unknown>>, to: Readonly<Record<string, unknown>>): ValueChange[] {
  const text = (value: unknown): string | null => (value === undefined ? null : typeof value === "string" ? value : canonicalJson(value));
  return [...new Set([...Object.keys(from), ...Object.keys(to)])]
    .sort()
    .map(key => ({ key, from: text(from[key]), to: text(to[key]) }))
    .filter(c => c.from !== c.to);
}
