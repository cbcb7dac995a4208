/** Damage of a version's files, told by the names that people know: the version's and the file's. */
import { isLoamError } from "../../base/index.ts";
import { registryErrors } from "../../registry/index.ts";
import type { FileRecord } from "../../store/index.ts";

/** Errors: registry/tampered in place of store/blobDamaged. */
export async function tampered<T>(version: string, files: readonly FileRecord[], read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!isLoamError(error, "store/blobDamaged")) throw error;
    const file = files.find(f => error.problem.place?.includes(f.digest) || error.problem.expected?.includes(f.digest));
    throw registryErrors.fail(
      "tampered",
      {
        place: `${version}: ${file?.name ?? "a file"}`,
        expected: error.problem.expected,
        received: error.problem.received,
        hint: `It is not loaded. Restore ${error.problem.place ?? "the file"} from a copy, or make the version again.`,
      },
      error,
    );
  }
}
