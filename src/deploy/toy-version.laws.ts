/** A version of a toy for this module's tests. */
import type { DeployedVersion } from "./version.ts";

export const toyVersion: DeployedVersion = {
  model: "mail-small",
  version: 3,
  alias: "prod",
  fingerprint: "a".repeat(64),
  servedDigest: "b".repeat(64),
  artifact: "model-0123456789ab",
  createdMs: 1_700_000_000_000,
  files: [{ name: "weights.safetensors", digest: "c".repeat(64), sizeBytes: 4_000_000 }],
  evaluations: "d".repeat(64),
  approval: "e".repeat(64),
};
