/**
 * What is attached to a pushed image: its list of contents (SPDX), and signatures in cosign's form, over a small document that names the image's digest
 * ("simple signing", github.com/sigstore/cosign specs/SIGNATURE_SPEC.md). As referrers of OCI 1.1, and signatures also under the tag `sha256-DIGEST.sig`, where
 * `cosign verify` looks.
 */
import { createHash } from "node:crypto";
import { documentOf, type OciDocument, type Signer } from "../../registry/index.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const payloadType = "application/vnd.dev.cosign.simplesigning.v1+json";
const signatureAnnotation = "dev.cosignproject.cosign/signature";
const spdxType = "application/spdx+json";
const cosignType = "application/vnd.dev.cosign.artifact.sig.v1+json";

interface ImageReferrer {
  readonly manifest: OciDocument;
  readonly blobs: readonly OciDocument[];
}

const emptyConfig = (): OciDocument => documentOf("application/vnd.oci.empty.v1+json", {});

const subjectOf = ({ descriptor: { mediaType, digest, size } }: OciDocument) => ({ mediaType, digest, size });

/** The list of contents as a referrer of an image. */
export function sbomReferrer(image: OciDocument, sbom: object, created: string): ImageReferrer {
  const [config, document] = [emptyConfig(), documentOf(spdxType, sbom)];
  const value = {
    schemaVersion: 2,
    mediaType: manifestType,
    artifactType: spdxType,
    config: config.descriptor,
    layers: [{ ...document.descriptor, annotations: { "org.opencontainers.image.title": "sbom.spdx.json" } }],
    subject: subjectOf(image),
    annotations: { "org.opencontainers.image.created": created },
  };
  return { manifest: documentOf(manifestType, value, { artifactType: spdxType }), blobs: [config, document] };
}

interface ImageSignature {
  readonly payload: OciDocument;
  /** The payload's descriptor with its signature, as manifests of cosign list it. */
  readonly layer: OciDocument["descriptor"];
}

/** `repository`: `HOST/REPOSITORY`, which the signed document names. */
export async function signImage(image: OciDocument, repository: string, signer: Signer): Promise<ImageSignature> {
  const payload = documentOf(payloadType, {
    critical: {
      identity: { "docker-reference": repository },
      image: { "docker-manifest-digest": image.descriptor.digest },
      type: "cosign container image signature",
    },
    optional: null,
  });
  const signature = Buffer.from(await signer.sign(payload.bytes)).toString("base64");
  return { payload, layer: { ...payload.descriptor, annotations: { [signatureAnnotation]: signature } } };
}

/** A manifest of signatures: cosign's own form, an image whose layers are the signed documents. */
function signatureManifest(layers: readonly OciDocument["descriptor"][], more: object = {}): ImageReferrer {
  const config = documentOf("application/vnd.oci.image.config.v1+json", {
    architecture: "",
    os: "",
    config: {},
    rootfs: { type: "layers", diff_ids: layers.map(l => l.digest) },
  });
  const value = { schemaVersion: 2, mediaType: manifestType, ...more, config: config.descriptor, layers };
  return { manifest: documentOf(manifestType, value), blobs: [config] };
}

export function signatureReferrer(image: OciDocument, { payload, layer }: ImageSignature): ImageReferrer {
  const { manifest, blobs } = signatureManifest([layer], { artifactType: cosignType, subject: subjectOf(image) });
  return { manifest: { ...manifest, descriptor: { ...manifest.descriptor, artifactType: cosignType } }, blobs: [...blobs, payload] };
}

export const signatureTag = (image: OciDocument): string => `${image.descriptor.digest.replace(":", "-")}.sig`;

/** What stands under the tag from now on: signatures that are there stay, one that is there already is not added. Ed25519 gives the same each time. */
export function taggedSignatures(before: readonly OciDocument["descriptor"][], { payload, layer }: ImageSignature): ImageReferrer {
  const key = (l: OciDocument["descriptor"]) =>
    createHash("sha256").update(`${l.digest} ${l.annotations?.[signatureAnnotation]}`).digest("hex");
  const isThere = before.some(l => key(l) === key(layer));
  const { manifest, blobs } = signatureManifest(isThere ? before : [...before, layer]);
  return { manifest, blobs: [...blobs, payload] };
}
