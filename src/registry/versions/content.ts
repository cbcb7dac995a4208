/**
 * A version's files held against what was recorded of it, with damage told by the names that people know: the version's and the file's. Bytes against
 * digests, and the list of files against the digest that signatures are over: a row of the list that was changed would pass the first alone.
 */
import { isLoamError } from "../../base/index.ts";
import {
  type ContentOptions,
  checkContent,
  contentDigest,
  type FileRecord,
  type ModelVersion,
  type ReadingDb,
  type Store,
  storeErrors,
} from "../../store/index.ts";
import { registryErrors } from "../errors.ts";

const nameOf = ({ model, number }: Pick<ModelVersion, "model" | "number">): string => `${model}@${number}`;

const fromElsewhere = (does: string): string =>
  `Where the version was pushed or packed, \`loam models pull\` or \`unpack\` ${does}, under any --name.`;

/** Errors: registry/tampered in place of store/blobDamaged; store/blobMissing by the same names. */
export async function tampered<T>(version: string, files: readonly FileRecord[], read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!isLoamError(error)) throw error;
    const file = files.find(f => error.problem.place?.includes(f.digest) || error.problem.expected?.includes(f.digest));
    const place = `${version}: ${file?.name ?? "a file"}`;
    if (error.code === "store/blobMissing") {
      const hint = `${error.problem.hint} ${fromElsewhere("brings its files back too")}`;
      throw storeErrors.fail("blobMissing", { ...error.problem, place, hint }, error);
    }
    if (error.code !== "store/blobDamaged") throw error;
    throw registryErrors.fail(
      "tampered",
      {
        place,
        expected: error.problem.expected,
        received: error.problem.received,
        hint: `It is not loaded. ${fromElsewhere("mends it")} Else restore ${error.problem.place ?? "the file"} from a copy, or remove it and make the version again.`,
      },
      error,
    );
  }
}

/** Its files as the record lists them, which is what a load reads. Errors: registry/tampered where the list is not the version's. */
export async function checkedFiles(db: ReadingDb, version: ModelVersion): Promise<readonly FileRecord[]> {
  const rows = await db.selectFrom("artifact_files").selectAll().where("artifact", "=", version.artifact).execute();
  const files = rows.map(f => ({ name: f.name, digest: f.digest, sizeBytes: f.size_bytes }));
  const received = contentDigest(files);
  if (received === version.digest) return files;
  throw registryErrors.fail("tampered", {
    place: `${nameOf(version)}: its list of files`,
    expected: `files that make up ${version.digest}`,
    received,
    hint: "The artifact store was changed from outside: `loam trace --verify` names what.",
  });
}

/** Reads every byte of a version. Errors: registry/tampered; store/blobMissing. */
export async function checkVersion(
  store: Store,
  version: ModelVersion,
  o: Omit<ContentOptions, "as"> = {},
): Promise<{ files: number; bytes: number }> {
  const files = await checkedFiles(store.records.read, version);
  return tampered(nameOf(version), files, () => checkContent(store, version.artifact, o));
}
