/** A recorded artifact for a stage or a page to read: its data and its verified files. */
import type { ArtifactInfo } from "./artifact.ts";
import type { BlobStore } from "./blobs/blobs.ts";
import { storeErrors } from "./errors.ts";
import type { ArtifactReader } from "./stage.ts";

export function artifactReader(blobs: BlobStore, info: ArtifactInfo): ArtifactReader {
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
  return {
    id: info.id,
    kind: info.kind,
    digest: info.digest,
    summary: info.summary,
    files: info.files,
    read: async name => blobs.read(digestOf(name)),
    async *stream(name) {
      yield* blobs.stream(digestOf(name));
    },
    localPath: async name => blobs.localPath(digestOf(name)),
  };
}
