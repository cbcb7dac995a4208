/**
 * Marks of texts that were trained on before anybody searched them. A data set is marked by another run of its recipe, and a model whose texts stayed the same
 * is not trained again, so its lineage leads to the run before. Another data set of the record speaks for that one where it has every train document of it, by
 * id and by text: what holds an item there holds it here, and what was searched there without a find is clean here.
 */
import { isLoamError } from "../../base/index.ts";
import { heldWithin } from "../../data/index.ts";
import { type ArtifactInfo, type ArtifactReader, listArtifacts, openArtifact, type Store } from "../../store/index.ts";
import { holders, type SearchedSet, searchedSets } from "./data-marks.ts";

interface MarkedSince {
  readonly data: ArtifactReader;
  readonly sets: readonly SearchedSet[];
  /** Of the documents that hold items, those that the data set in question trains on. */
  readonly held: ReadonlySet<string>;
}

const trainDocuments = ({ summary }: Pick<ArtifactInfo, "summary">): number => Number(summary.trainDocuments ?? 0);

/** The newest data set that was searched for a set that is meant and has all texts of `of`; one whose files are gone or damaged says nothing. */
export async function markedSince(store: Store, of: string, isMeant: (set: SearchedSet) => boolean): Promise<MarkedSince | undefined> {
  const inner = await openArtifact(store, of);
  for (const info of await listArtifacts(store, { kind: "documents" })) {
    const sets = info.stage.name === "data" ? searchedSets(info.options).filter(isMeant) : [];
    if (sets.length === 0 || info.releasedMs !== null || trainDocuments(info) < trainDocuments(inner)) continue;
    try {
      const data = await openArtifact(store, info.id);
      const held = await heldWithin(inner, data, await holders(data));
      if (held) return { data, sets, held };
    } catch (error) {
      if (!isLoamError(error, "store/blobMissing") && !isLoamError(error, "store/blobDamaged")) throw error;
    }
  }
  return undefined;
}
