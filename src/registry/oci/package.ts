/**
 * A version as a package: its manifest, its configuration, the signatures that refer to it. The same version is always the same manifest; what
 * was said of it later (aliases, approvals, notes) belongs to its record and stays there. Signatures are over the list of files, so they
 * hold wherever the package goes.
 */
import { z } from "zod";
import { type ArtifactReader, contentDigest, type ModelVersion, openArtifact, type Store, traceArtifact } from "../../store/index.ts";
import { versionSignatures } from "../versions/signatures.ts";
import { annotationNames, artifactTypes, documentOf, mediaTypes, type OciDocument, type OciManifest } from "./manifest.ts";

const made = z.strictObject({
  artifact: z.string(),
  kind: z.string(),
  stage: z.string(),
  digest: z.string(),
  options: z.json(),
  summary: z.json(),
  documents: z.number().int().nonnegative().nullable(),
});

const summary = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.union([z.string(), z.number()]))]));

/** The configuration of a packed version: what it was in the record that it comes from. */
export const packedVersion = z.strictObject({
  format: z.literal(1),
  model: z.string(),
  version: z.number().int().positive(),
  fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
  /** A version is a model, or an adapter beside one. */
  kind: z.enum(["model", "adapter"]),
  createdMs: z.number(),
  scores: summary,
  summary,
  made,
  /** What it was made from, nearest first: names and figures, no content. */
  lineage: z.array(made),
});
export type PackedVersion = z.output<typeof packedVersion>;

export const packedSignature = z.strictObject({ publicKey: z.string(), signature: z.string(), by: z.string().nullable() });

export interface Package {
  readonly version: PackedVersion;
  readonly manifest: OciDocument;
  readonly config: OciDocument;
  /** The bytes of the layers, by `name`. */
  readonly files: ArtifactReader;
  readonly layers: OciManifest["layers"];
  readonly referrers: readonly { readonly manifest: OciDocument; readonly blobs: readonly OciDocument[] }[];
}

const emptyConfig = documentOf(mediaTypes.empty, {});

/** Errors: those of the record's files; registry/package. */
export async function packageOf(store: Store, of: ModelVersion): Promise<Package> {
  const artifact = await openArtifact(store, of.artifact);
  const t = await traceArtifact(store, of.artifact, { first: 0 });
  const stageOf = (id: string) => {
    const n = t.nodes.find(x => x.id === id)!;
    const { kind, digest, options, documents } = n;
    return { artifact: id, kind, stage: `${n.stage}@${n.stageVersion}`, digest, options, summary: { ...n.summary }, documents };
  };
  const version = packedVersion.parse({
    format: 1,
    model: of.model,
    version: of.number,
    fingerprint: contentDigest(artifact.files),
    kind: artifact.kind,
    createdMs: of.createdMs,
    scores: of.scores,
    summary: artifact.summary,
    made: stageOf(of.artifact),
    lineage: t.madeFrom.map(stageOf),
  });
  const config = documentOf(mediaTypes.version, version);
  const layers = artifact.files.map(f => ({
    mediaType: mediaTypes.file,
    digest: `sha256:${f.digest}`,
    size: f.sizeBytes,
    annotations: { [annotationNames.title]: f.name },
  }));
  const annotations = {
    [annotationNames.created]: new Date(of.createdMs).toISOString(),
    [annotationNames.title]: of.model,
    [annotationNames.version]: String(of.number),
    [annotationNames.fingerprint]: version.fingerprint,
  };
  const head = { schemaVersion: 2, mediaType: mediaTypes.manifest };
  const artifactType = artifactTypes.model;
  const manifest = documentOf(
    mediaTypes.manifest,
    { ...head, artifactType, config: config.descriptor, layers, annotations },
    { artifactType },
  );
  const referrers = (await versionSignatures(store.records.read, of))
    .filter(s => s.isValid)
    .map(({ publicKey, signature, by, fingerprint }) => {
      const layer = documentOf(mediaTypes.signature, { publicKey, signature, by });
      const value = {
        ...head,
        artifactType: artifactTypes.signature,
        config: emptyConfig.descriptor,
        layers: [{ ...layer.descriptor, annotations: { [annotationNames.title]: `${fingerprint}.json` } }],
        subject: { mediaType: mediaTypes.manifest, digest: manifest.descriptor.digest, size: manifest.descriptor.size },
      };
      return {
        manifest: documentOf(mediaTypes.manifest, value, { artifactType: artifactTypes.signature }),
        blobs: [emptyConfig, layer],
      };
    });
  return { version, manifest, config, files: artifact, layers, referrers };
}
