/**
 * Whether a version's files are as recorded, as a row beside what its release asks for: a version that a promotion would refuse for its bytes is told as that
 * where people decide, too. A promotion refuses by the file's own error, so the verdict that it keeps does not hold this gate.
 */
import { formatBytes, isLoamError } from "../../base/index.ts";
import type { ContentOptions, ModelVersion, Store } from "../../store/index.ts";
import { registryErrors } from "../errors.ts";
import { checkedFiles, checkVersion } from "../versions/content.ts";
import { gateOutcome, type ReleaseGate } from "./gate.ts";
import type { ReleaseVerdict } from "./judge.ts";

interface FilesWanted extends Pick<ContentOptions, "progress" | "signal"> {
  /** `read`: every byte against its digest, as a promotion does. `look`: the list against the fingerprint, and that each file is there in its size. */
  readonly how: "read" | "look";
}

const numFiles = (n: number): string => (n === 1 ? "1 file" : `${n} files`);

async function look(store: Store, version: ModelVersion): Promise<string> {
  const files = await checkedFiles(store.records.read, version);
  const sizes = await Promise.all(files.map(f => store.blobs.size(f.digest)));
  for (const [i, { name, sizeBytes }] of files.entries())
    if (sizes[i] !== sizeBytes)
      throw registryErrors.fail("tampered", {
        place: `${version.model}@${version.number}: ${name}`,
        expected: `${sizeBytes} bytes`,
        received: sizes[i] === undefined ? "no file" : `${sizes[i]} bytes`,
      });
  return `${numFiles(files.length)}, of the right size; the bytes are not read here: loam models gates reads them, and so does a promotion`;
}

async function read(store: Store, version: ModelVersion, o: FilesWanted): Promise<string> {
  const { files, bytes } = await checkVersion(store, version, o);
  return `${numFiles(files)}, ${formatBytes(bytes)}, every byte read`;
}

export async function filesGate(store: Store, version: ModelVersion, o: FilesWanted): Promise<ReleaseGate> {
  const row = { kind: "files", gate: o.how === "read" ? "files as recorded" : "files are there" } as const;
  try {
    return { ...row, ...gateOutcome(true), told: await (o.how === "read" ? read(store, version, o) : look(store, version)) };
  } catch (error) {
    if (!isLoamError(error, "registry/tampered") && !isLoamError(error, "store/blobMissing")) throw error;
    return { ...row, ...gateOutcome(false), told: error.message };
  }
}

/** A verdict with one more gate. */
export const withGate = (verdict: ReleaseVerdict, gate: ReleaseGate): ReleaseVerdict => ({
  ...verdict,
  passed: verdict.passed && gate.passed,
  gates: [...verdict.gates, gate],
});
