/** An image in a registry against the version that it should serve: its labels and its processor. A tag is resolved to the digest that it has now. */
import { z } from "zod";
import { check } from "../../base/index.ts";
import { type DeployedVersion, deployErrors } from "../../deploy/index.ts";
import { type Descriptor, indexSchema, parseReference, readDocument, referenceText, remotePackage } from "../../registry/index.ts";
import { progressFor, type Watch } from "../call.ts";
import { registryOptions } from "./registry-options.ts";

const indexTypes = ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];
const manifestType = "application/vnd.oci.image.manifest.v1+json";

const descriptor = z.looseObject({ mediaType: z.string(), digest: z.string(), size: z.int().nonnegative() });
const manifestSchema = z.looseObject({ config: descriptor });
const configSchema = z.looseObject({
  architecture: z.string(),
  os: z.string(),
  config: z.looseObject({ Labels: z.record(z.string(), z.string()).nullish() }).nullish(),
});
const platformSchema = z.looseObject({ platform: z.looseObject({ architecture: z.string(), os: z.string() }) });

interface ImageWish {
  readonly reference: string;
  readonly plainHttp: boolean;
  readonly architecture: string;
  readonly version: DeployedVersion;
  /** SHA-256 of what loam.yaml guards responses with; `none`. */
  readonly guards: string;
}

/** The image by its digest. Errors: deploy/wish for another version or processor; registry/reference, registry/remote, registry/package. */
export async function checkImage({ reference: given, plainHttp, architecture, version, guards }: ImageWish, watch: Watch): Promise<string> {
  const reference = parseReference(given);
  const source = remotePackage(reference, registryOptions(reference.host, plainHttp, watch), progressFor(watch, "image"));
  const place = `loam deploy kubernetes: --image ${given}`;
  const refuse = (expected: string, received: string, hint: string) => deployErrors.fail("wish", { place, expected, received, hint });
  const first = await source.manifest();
  let bytes = first.bytes;
  if (indexTypes.includes(first.descriptor.mediaType)) {
    const { manifests } = check(indexSchema, JSON.parse(bytes.toString("utf8")), place);
    const known = manifests.map(m => ({ of: m as Descriptor, platform: platformSchema.safeParse(m).data?.platform }));
    const found = known.find(m => m.platform?.os === "linux" && m.platform.architecture === architecture);
    if (!found)
      throw refuse(
        `an image for linux/${architecture}`,
        known.map(k => (k.platform ? `${k.platform.os}/${k.platform.architecture}` : "unknown")).join(", "),
        "Build it on a machine of that processor, or name the cluster's with --architecture.",
      );
    bytes = await readDocument(source, { ...found.of, mediaType: manifestType }, place);
  }
  const { config } = check(manifestSchema, JSON.parse(bytes.toString("utf8")), `${place}: manifest`);
  const image = check(configSchema, JSON.parse((await readDocument(source, config, place)).toString("utf8")), `${place}: configuration`);
  if (image.os !== "linux" || image.architecture !== architecture)
    throw refuse(
      `linux/${architecture}`,
      `${image.os}/${image.architecture}`,
      "Build it on a machine of that processor, or name the cluster's with --architecture.",
    );
  const labels = image.config?.Labels ?? {};
  if (labels["loam.fingerprint"] !== version.fingerprint)
    throw refuse(
      `an image of ${version.model}@${version.version} (loam.fingerprint ${version.fingerprint})`,
      labels["loam.fingerprint"] === undefined
        ? "one without the label loam.fingerprint"
        : `one of ${labels["loam.model"]}@${labels["loam.version"]} (${labels["loam.fingerprint"]})`,
      `Push the version: loam deploy image ${version.model}@${version.version} --push ${reference.host}/${reference.repository}:TAG.`,
    );
  const carried = labels["loam.guards"] ?? "none";
  if (carried !== guards)
    throw refuse(
      `an image with the guards of loam.yaml (serve.blocked, serve.moderate; loam.guards ${guards})`,
      carried,
      `Push the image again: loam deploy image ${version.model}@${version.version} --push ${reference.host}/${reference.repository}:TAG.`,
    );
  return referenceText({ ...reference, which: first.descriptor.digest, isDigest: true });
}
