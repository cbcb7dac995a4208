/**
 * What a packed version is made of, as the OCI image specification 1.1 has it: descriptors, a manifest, an index; and the limits of what is read.
 * A version is a manifest of our artifact type: a layer a file, its name as the layer's title (so that `oras pull` writes the files), and a
 * configuration that says what it was. Signatures refer to it as manifests with a subject.
 */
import { z } from "zod";
import { check, sha256 } from "../../base/index.ts";
import { registryErrors } from "../errors.ts";

export const mediaTypes = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  empty: "application/vnd.oci.empty.v1+json",
  version: "application/vnd.loam.version.v1+json",
  file: "application/vnd.loam.file.v1",
  signature: "application/vnd.loam.signature.v1+json",
} as const;
export const artifactTypes = { model: "application/vnd.loam.model.v1", signature: "application/vnd.loam.signature.v1" } as const;

export const annotationNames = {
  title: "org.opencontainers.image.title",
  created: "org.opencontainers.image.created",
  version: "org.opencontainers.image.version",
  refName: "org.opencontainers.image.ref.name",
  /** SHA-256 over the list of files: what is signed. */
  fingerprint: "loam.fingerprint",
} as const;

/** Registries need not take larger manifests (distribution specification, "Pushing Manifests"); configurations and signatures keep to it too. */
export const maxDocumentBytes = 4 * 1024 * 1024;
/** A model has some tens of files. */
const maxFiles = 10_000;
/** Manifests that refer to one: whoever may push may add some. */
export const maxReferrers = 100;

const digestPattern = /^sha256:[0-9a-f]{64}$/;
/** Fields that others add are theirs: the specification tells readers to pass over them. */
const descriptor = z.looseObject({
  mediaType: z.string().min(1),
  digest: z.string().regex(digestPattern, "sha256: and 64 hexadecimal digits"),
  size: z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
  annotations: z.record(z.string(), z.string()).optional(),
  artifactType: z.string().optional(),
});
export type Descriptor = z.output<typeof descriptor>;

export const manifestSchema = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.literal(mediaTypes.manifest).optional(),
  artifactType: z.string().optional(),
  config: descriptor,
  layers: z.array(descriptor).min(1).max(maxFiles),
  subject: descriptor.optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});
export type OciManifest = z.output<typeof manifestSchema>;

export const indexSchema = z.looseObject({ schemaVersion: z.literal(2), manifests: z.array(descriptor).max(maxFiles) });

/** Bytes in memory with what names them. */
export interface OciDocument {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** Errors: registry/package where it would be larger than registries take. */
export function documentOf(mediaType: string, value: object, more: Partial<Descriptor> = {}): OciDocument {
  const bytes = Buffer.from(JSON.stringify(value), "utf8");
  if (bytes.length > maxDocumentBytes)
    throw registryErrors.fail("package", {
      place: mediaType,
      expected: `at most ${maxDocumentBytes} bytes, what registries take`,
      received: String(bytes.length),
    });
  return { descriptor: { mediaType, digest: `sha256:${sha256(bytes)}`, size: bytes.length, ...more }, bytes };
}

/** Parses a document whose digest was checked already. Errors: registry/package, base/config. */
export function parseOciDocument<S extends z.ZodType>(schema: S, bytes: Buffer, place: string): z.output<S> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw registryErrors.fail(
      "package",
      { place, expected: "JSON", received: JSON.stringify(bytes.subarray(0, 40).toString("utf8")) },
      error,
    );
  }
  return check(schema, value, place);
}
