/** An image into a registry, and what belongs to it there: its list of contents and its signature, as referrers and in cosign's form. */
import { join } from "node:path";
import { type BuiltImage, sbomReferrer, signatureReferrer, signatureTag, signImage, taggedSignatures } from "../../deploy/index.ts";
import {
  documentUpload,
  fileUpload,
  findManifest,
  manifestSchema,
  parseOciDocument,
  parseReference,
  pushManifest,
  type Reference,
  type RegistryOptions,
  referenceText,
  type Signer,
} from "../../registry/index.ts";
import { progressFor, type Watch } from "../call.ts";
import { registryOptions } from "./registry-options.ts";

export interface PushedImage {
  readonly reference: string;
  /** Bytes of blobs that the registry did not have. */
  readonly sentBytes: number;
  readonly skipped: number;
  /** Digest of the manifest that attaches the list of contents. */
  readonly sbom: string;
  /** Digest of the manifest that attaches the signature; null without one. */
  readonly signature: string | null;
}

/** Adds a signature to those under the image's tag of signatures. */
async function pushTagged(image: BuiltImage, signature: Awaited<ReturnType<typeof signImage>>, to: Reference, options: RegistryOptions) {
  const reference = { ...to, which: signatureTag(image.manifest), isDigest: false };
  const there = await findManifest(reference, options);
  const before = there ? parseOciDocument(manifestSchema, there.bytes, referenceText(reference)).layers : [];
  const { manifest, blobs } = taggedSignatures(before, signature);
  return pushManifest({ blobs: blobs.map(documentUpload), manifest, referrers: [] }, reference, options);
}

interface PushWishes {
  readonly reference: string;
  readonly plainHttp?: boolean | undefined;
  readonly signer?: Signer | undefined;
}

/** `folder`: the image's layout. Errors: registry/reference, registry/remote. */
export async function pushImage(
  image: BuiltImage,
  folder: string,
  { reference, plainHttp = false, signer }: PushWishes,
  watch: Watch,
): Promise<PushedImage> {
  const to = parseReference(reference);
  const options = registryOptions(to.host, plainHttp, watch);
  const blobs = image.layers.map(({ descriptor, name }) =>
    fileUpload(descriptor, name, async () => join(folder, "blobs", "sha256", descriptor.digest.replace("sha256:", ""))),
  );
  const sbom = sbomReferrer(image.manifest, image.sbom, image.created);
  const signature = signer && (await signImage(image.manifest, `${to.host}/${to.repository}`, signer));
  const referrer = signature && signatureReferrer(image.manifest, signature);
  const { sentBytes, skipped } = await pushManifest(
    { blobs: [documentUpload(image.config), ...blobs], manifest: image.manifest, referrers: [sbom, ...(referrer ? [referrer] : [])] },
    to,
    options,
    progressFor(watch, "push"),
  );
  const tagged = signature ? (await pushTagged(image, signature, to, options)).sentBytes : 0;
  return {
    reference: referenceText(to),
    sentBytes: sentBytes + tagged,
    skipped,
    sbom: sbom.manifest.descriptor.digest,
    signature: referrer?.manifest.descriptor.digest ?? null,
  };
}
