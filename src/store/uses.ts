/** Artifacts that were made from some content under an input's name: the evaluations of a model, by whatever way the model was made. */
import { type ArtifactInfo, completeArtifacts } from "./artifact.ts";
import type { ReadingDb } from "./records/records.ts";

/** Newest first; those whose files gc has removed are left out. */
export async function artifactsFrom(db: ReadingDb, digest: string, input: string, kinds: readonly string[]): Promise<ArtifactInfo[]> {
  const rows = await db
    .selectFrom("artifacts")
    .innerJoin("inputs", "inputs.artifact", "artifacts.id")
    .selectAll("artifacts")
    .where("inputs.digest", "=", digest)
    .where("inputs.name", "=", input)
    .where("artifacts.kind", "in", kinds)
    .where("artifacts.released_ms", "is", null)
    .orderBy("artifacts.created_ms", "desc")
    .orderBy("artifacts.id")
    .execute();
  return completeArtifacts(db, rows);
}
