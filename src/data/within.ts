/**
 * Whether what one documents artifact has for training is all in another's, so that what was found out of the latter's documents holds for the former's.
 * A merge of two lists in the order of ids (Knuth, TAOCP 3, section 5.2.4): memory for one document of each, and it ends where the first is missing.
 */
import type { ArtifactReader } from "../store/index.ts";
import { documentsOf } from "./stage.ts";

/**
 * Which of the ids `of` the train side of `inner` has; undefined where a train document of it is not one of `outer`, with the same id and the same text.
 * Errors: data/badDocument; store/blobMissing, store/blobDamaged.
 */
export async function heldWithin(
  inner: ArtifactReader,
  outer: ArtifactReader,
  of: ReadonlySet<string>,
): Promise<ReadonlySet<string> | undefined> {
  const held = new Set<string>();
  const others = documentsOf(outer, "train");
  try {
    for await (const { id, text } of documentsOf(inner, "train")) {
      let other = await others.next();
      while (!other.done && other.value.id < id) other = await others.next();
      if (other.done || other.value.id !== id || other.value.text !== text) return undefined;
      if (of.has(id)) held.add(id);
    }
    return held;
  } finally {
    await others.return(undefined);
  }
}
