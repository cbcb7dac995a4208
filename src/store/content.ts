/** An artifact's bytes held against the record: every file is read to its end, so that no alias is given to what does not load. */
import { isLoamError, type Progress, silent } from "../base/index.ts";
import { storeErrors } from "./errors.ts";
import { openArtifact } from "./names.ts";
import type { Store } from "./store.ts";

export interface ContentOptions {
  /** What people call it, for errors: `mail@2`. Absent: errors name the artifact and the blob. */
  readonly as?: string | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Files and bytes that were read. Errors: notFound; blobDamaged, blobMissing. */
export async function checkContent(store: Store, id: string, o: ContentOptions = {}): Promise<{ files: number; bytes: number }> {
  const { progress = silent, signal } = o;
  const artifact = await openArtifact(store, id);
  const total = artifact.files.reduce((sum, f) => sum + f.sizeBytes, 0);
  let bytes = 0;
  for (const { name } of artifact.files)
    try {
      for await (const piece of artifact.stream(name)) {
        signal?.throwIfAborted();
        bytes += piece.length;
        progress({ stage: "verify", done: Math.min(1, bytes / Math.max(1, total)), message: name });
      }
    } catch (error) {
      if (o.as === undefined) throw error;
      const place = `${o.as}: ${name}`;
      if (isLoamError(error, "store/blobMissing")) throw storeErrors.fail("blobMissing", { ...error.problem, place }, error);
      if (!isLoamError(error, "store/blobDamaged")) throw error;
      const hint = `Restore ${error.problem.place ?? "the file"} from a copy, or remove it and run the stage that made it again.`;
      throw storeErrors.fail("blobDamaged", { ...error.problem, place, hint }, error);
    }
  return { files: artifact.files.length, bytes };
}
