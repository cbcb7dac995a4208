/** A version as deployments see it: what it is, what its files are, and what approved it. Plain data: plans are functions of it. */

interface DeployedFile {
  readonly name: string;
  /** SHA-256. */
  readonly digest: string;
  readonly sizeBytes: number;
}

export interface DeployedVersion {
  readonly model: string;
  readonly version: number;
  /** The alias that it was named by; null where it was named by its number. */
  readonly alias: string | null;
  /** SHA-256 over the list of its files: what signatures are over. */
  readonly fingerprint: string;
  /** SHA-256 over the model files as `loam serve` reads them from a folder: what `--expect-digest` compares. */
  readonly servedDigest: string;
  /** The artifact, from which `loam trace` walks back to the documents. */
  readonly artifact: string;
  readonly createdMs: number;
  readonly files: readonly DeployedFile[];
  /** SHA-256 over the evaluations that its gates read; null without any. */
  readonly evaluations: string | null;
  /** SHA-256 over the verdict of its release; null where the project has no release for it. */
  readonly approval: string | null;
}

/** What every deployment carries, as labels of an image and annotations of objects. Values are deterministic: the same version, the same text. */
export const lineageLabels = (v: DeployedVersion): Readonly<Record<string, string>> => ({
  "loam.model": v.model,
  "loam.version": String(v.version),
  "loam.fingerprint": v.fingerprint,
  "loam.lineage": v.artifact,
  ...(v.alias === null ? {} : { "loam.alias": v.alias }),
  "loam.evaluations": v.evaluations ?? "none",
  "loam.approval": v.approval ?? "none",
});
