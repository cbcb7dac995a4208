/** A document of any data set of the project, by its id or the beginning of one. */
import { documentIds, findId, resolveId } from "../../data/index.ts";
import type { Store } from "../../store/index.ts";
import type { ProjectFile } from "../project-file.ts";
import { type DataSet, findDataSet, openDataSet } from "./data-set.ts";

export interface KnownSet {
  readonly set: DataSet;
  /** Of all its documents, kept and dropped. */
  readonly ids: readonly string[];
}

/** Every data set that was made; at least one. Errors: project/nothing. */
export async function knownSets(p: ProjectFile, store: Store): Promise<KnownSet[]> {
  const sets: KnownSet[] = [];
  for (const name of Object.keys(p.config.data)) {
    const set = await findDataSet(p, store, name);
    if (set) sets.push({ set, ids: await documentIds(set.artifact) });
  }
  if (sets.length > 0) return sets;
  const set = await openDataSet(p, store, undefined);
  return [{ set, ids: await documentIds(set.artifact) }];
}

/** Errors: data/unknownDocument, with the nearest id. */
export function findDocument(sets: readonly KnownSet[], text: string): { readonly set: DataSet; readonly id: string } {
  // Its own data set first, where the text says which.
  const ordered = [...sets].sort((a, b) => Number(text.startsWith(`${b.set.name}:`)) - Number(text.startsWith(`${a.set.name}:`)));
  for (const { set, ids } of ordered) {
    const { id } = findId(ids, text);
    if (id !== undefined) return { set, id };
  }
  const { set, ids } = ordered[0]!;
  return { set, id: resolveId(ids, text, set.artifact.id) };
}
