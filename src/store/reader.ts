/** A recorded artifact for a stage or a page to read: its data and its verified files. */
import { isLoamError } from "../base/index.ts";
import type { ArtifactInfo } from "./artifact.ts";
import { storeErrors } from "./errors.ts";
import { runDataOf } from "./run-data.ts";
import type { ArtifactReader } from "./stage.ts";
import type { Store } from "./store.ts";

/** Of a file that is not there: whose it is, and whether gc gave it up. Other errors as they are. */
function toldOf({ id, releasedMs }: ArtifactInfo, name: string, error: unknown): unknown {
  if (!isLoamError(error, "store/blobMissing")) return error;
  const { problem } = error;
  const place = `${id}/${name}`;
  if (releasedMs === null) return storeErrors.fail("blobMissing", { ...problem, place }, error);
  return storeErrors.fail(
    "blobMissing",
    {
      place,
      expected: problem.expected,
      received: `none: gc has removed the files of ${id} on ${new Date(releasedMs).toISOString().slice(0, 10)}, for nothing needed them`,
      hint: "Rebuild it: `loam run` where loam.yaml describes it, else the command that made it.",
    },
    error,
  );
}

export function artifactReader(store: Store, info: ArtifactInfo): ArtifactReader {
  const { blobs } = store;
  const digestOf = (name: string): string => {
    const file = info.files.find(f => f.name === name);
    if (file) return file.digest;
    const names = info.files.map(f => f.name);
    throw storeErrors.fail("noSuchFile", {
      place: info.id,
      expected: `one of ${names.slice(0, 8).join(", ")}${names.length > 8 ? `, ... (${names.length} files)` : ""}`,
      received: `"${name}"`,
    });
  };
  const reading = async <T>(name: string, read: (digest: string) => Promise<T>): Promise<T> => {
    try {
      return await read(digestOf(name));
    } catch (error) {
      throw toldOf(info, name, error);
    }
  };
  return {
    id: info.id,
    kind: info.kind,
    digest: info.digest,
    summary: info.summary,
    files: info.files,
    read: name => reading(name, digest => blobs.read(digest)),
    async *stream(name) {
      try {
        yield* blobs.stream(digestOf(name));
      } catch (error) {
        throw toldOf(info, name, error);
      }
    },
    localPath: name => reading(name, digest => blobs.localPath(digest)),
    runData: async name => (await runDataOf(store, info.id)).get(name),
  };
}
