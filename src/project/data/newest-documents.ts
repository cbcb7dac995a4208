/**
 * Which documents of the record are a data set's, where `loam.yaml` no longer stands for any that are made: those that it stood for last. What a search made for
 * a trial bears the same name, and is nobody's data set. The last ones are noted beside the record whenever a life is run, in a file that may be lost: then the
 * newest count that no trial was made of.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { defined, makeFolder, readText, writeFileAtomic } from "../../base/index.ts";
import { type ArtifactInfo, artifactsFrom, listArtifacts, type Store } from "../../store/index.ts";
import { searchDocumentsName } from "../../tune/index.ts";

/** Name -> id of an artifact. */
const noted = z.record(z.string(), z.string());

const fileOf = (store: Store): string => join(store.root, ".loam", "data-sets.json");

/** Nothing where the file is lost or damaged: it only saves looking. */
function lastOf(store: Store): Readonly<Record<string, string>> {
  const file = fileOf(store);
  if (!existsSync(file)) return {};
  try {
    return noted.parse(JSON.parse(readText(file)));
  } catch {
    return {};
  }
}

/** Notes what a data set's name stands for. Errors of the disk. */
export function noteDataSet(store: Store, name: string, artifact: string): void {
  const last = lastOf(store);
  if (last[name] === artifact) return;
  makeFolder(join(store.root, ".loam"));
  writeFileAtomic(fileOf(store), `${JSON.stringify({ ...last, [name]: artifact })}\n`);
}

const nameOf = ({ id, options }: ArtifactInfo): string => {
  const { name } = (options ?? {}) as { readonly name?: unknown };
  return typeof name === "string" ? name : id;
};

/** A search read them for a trial, which others judged; or the data set of this name was blended from them. */
async function isNoDataSet(store: Store, a: ArtifactInfo): Promise<boolean> {
  const readers = await artifactsFrom(store.records.read, a.digest, "documents", ["documents", "shards"]);
  return readers.some(
    r => r.inputs.some(i => i.name === "judged" && i.digest !== a.digest) || (r.stage.name === "blend" && nameOf(r) === nameOf(a)),
  );
}

/** The documents of a name that were made last for the project itself; undefined where none has its files. */
export async function newestDocuments(store: Store, name: string): Promise<ArtifactInfo | undefined> {
  return (await newestOfEach(store, { only: name })).get(name);
}

/** Of every name, or one; what bears no name stands under its id. `limit`: of the newest artifacts. */
export async function newestOfEach(
  store: Store,
  { only, limit }: { readonly only?: string; readonly limit?: number } = {},
): Promise<Map<string, ArtifactInfo>> {
  const made = await listArtifacts(store, { kind: "documents", ...defined({ limit }) });
  const last = lastOf(store);
  const named = new Map<string, ArtifactInfo[]>();
  for (const a of made) {
    const name = nameOf(a);
    // of no name: what a trial learns from beside what judges it, and documents of a purpose
    if (
      a.releasedMs !== null ||
      a.stage.name === searchDocumentsName ||
      a.stage.name === "purpose" ||
      (only !== undefined && name !== only)
    )
      continue;
    named.set(name, [...(named.get(name) ?? []), a]);
  }
  const newest = new Map<string, ArtifactInfo>();
  for (const [name, all] of named) {
    let found = all.find(a => a.id === last[name]);
    for (let i = 0; !found && i < all.length; i++) if (!(await isNoDataSet(store, all[i]!))) found = all[i];
    newest.set(name, found ?? all[0]!);
  }
  return newest;
}
