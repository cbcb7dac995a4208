/** A base image from a registry, by its digest: its layers as they are, its environment, and where Node lies in it. */
import { createHash } from "node:crypto";
import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { check } from "../../base/index.ts";
import { checkedPieces, type Descriptor, indexSchema, type PackageSource, readDocument } from "../../registry/index.ts";
import { deployErrors } from "../errors.ts";
import type { WrittenLayer } from "./layer.ts";

const indexTypes = ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];
/** Docker's names of layers beside OCI's: the bytes are the same. */
const layerTypes: Readonly<Record<string, string>> = {
  "application/vnd.docker.image.rootfs.diff.tar.gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
};

const descriptor = z.looseObject({ mediaType: z.string(), digest: z.string(), size: z.number().int().nonnegative() });
const imageManifest = z.looseObject({ schemaVersion: z.literal(2), config: descriptor, layers: z.array(descriptor).min(1) });
const imageConfig = z.looseObject({
  architecture: z.string(),
  os: z.string(),
  config: z.looseObject({ Env: z.array(z.string()).nullish() }).nullish(),
  rootfs: z.looseObject({ diff_ids: z.array(z.string()) }),
});
const platform = z.looseObject({ platform: z.looseObject({ architecture: z.string(), os: z.string() }) });

export interface BaseImage {
  readonly digest: string;
  readonly env: readonly string[];
  readonly layers: readonly WrittenLayer[];
  fetch(folder: string): Promise<void>;
}

const wrong = (place: string, expected: string, received: string, hint?: string) =>
  deployErrors.fail("base", { place, expected, received, ...(hint === undefined ? {} : { hint }) });

const parsed = <S extends z.ZodType>(schema: S, bytes: Buffer, place: string): z.output<S> => {
  try {
    return check(schema, JSON.parse(bytes.toString("utf8")), place);
  } catch (error) {
    if (error instanceof SyntaxError) throw wrong(place, "a JSON document", bytes.subarray(0, 40).toString("utf8"));
    throw error;
  }
};

/** The manifest for an architecture, where the reference is a list of them. */
async function manifestFor(source: PackageSource, architecture: string): Promise<{ readonly digest: string; readonly bytes: Buffer }> {
  const first = await source.manifest();
  if (!indexTypes.includes(first.descriptor.mediaType)) return { digest: first.descriptor.digest, bytes: first.bytes };
  const { manifests } = parsed(indexSchema, first.bytes, source.place);
  const known = manifests.flatMap(m => {
    const p = platform.safeParse(m).data?.platform;
    return p && p.os === "linux" ? [{ descriptor: m, architecture: p.architecture }] : [];
  });
  const found = known.find(m => m.architecture === architecture);
  if (!found)
    throw wrong(source.place, `an image for linux/${architecture}`, known.map(m => m.architecture).join(", ") || "none for Linux");
  // a manifest is read from where manifests are
  const of: Descriptor = { ...found.descriptor, mediaType: "application/vnd.oci.image.manifest.v1+json" };
  return { digest: of.digest, bytes: await readDocument(source, of, `${source.place}: ${of.digest}`) };
}

/** Errors: deploy/base, registry/remote, registry/package. */
export async function openBaseImage(source: PackageSource, architecture: string): Promise<BaseImage> {
  const { digest, bytes } = await manifestFor(source, architecture);
  const manifest = parsed(imageManifest, bytes, `${source.place}: manifest`);
  const config = parsed(
    imageConfig,
    await readDocument(source, manifest.config, `${source.place}: configuration`),
    `${source.place}: configuration`,
  );
  if (config.os !== "linux" || config.architecture !== architecture)
    throw wrong(
      source.place,
      `linux/${architecture}, which Loam's native libraries here are for`,
      `${config.os}/${config.architecture}`,
      "Build where the image is to run, or name a base of this architecture.",
    );
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length)
    throw wrong(source.place, `${manifest.layers.length} diff_ids, one for each layer`, String(diffIds.length));
  const layers = manifest.layers.map((layer, i): WrittenLayer => {
    const mediaType = layerTypes[layer.mediaType] ?? layer.mediaType;
    if (!/^application\/vnd\.oci\.image\.layer\.v1\.tar(\+(gzip|zstd))?$/.test(mediaType))
      throw wrong(source.place, "layers that are tar files", layer.mediaType);
    return { name: "given", descriptor: { mediaType, digest: layer.digest, size: layer.size }, diffId: diffIds[i]!, unpackedBytes: null };
  });
  return {
    digest,
    env: config.config?.Env ?? [],
    layers,
    async fetch(folder) {
      for (const { descriptor: of } of layers) await fetchBlob(source, of, folder);
    },
  };
}

async function fetchBlob(source: PackageSource, of: Descriptor, folder: string): Promise<void> {
  const hex = of.digest.replace("sha256:", "");
  const part = join(folder, `.${createHash("sha256").update(hex).digest("hex").slice(0, 12)}.part`);
  const file = await open(part, "w");
  try {
    for await (const piece of checkedPieces(source.blob(of), of, `${source.place}: ${of.digest}`)) await file.writeFile(piece);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(part, join(folder, hex));
}
