/** An image of a version, written as an OCI image layout (a folder or one tar file), pushed to a registry, or both. It appears when it is whole. */
import { mkdtempSync } from "node:fs";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileError, makeFolder, syncFolder, temporaryBeside } from "../../base/index.ts";
import { type BuiltImage, buildImage, imageArchitecture, openBaseImage } from "../../deploy/index.ts";
import {
  documentUpload,
  fileUpload,
  parseReference,
  pushManifest,
  referenceText,
  remotePackage,
  type TarFile,
  tarOf,
} from "../../registry/index.ts";
import { libraryOf } from "../../tensor/index.ts";
import { progressFor, type Watch } from "../call.ts";
import { checkFree, wrongArgument } from "../errors.ts";
import { ownPackage, packageFolder } from "../package.ts";
import type { Workplace } from "../workspace.ts";
import { type ApprovalOptions, type VersionToDeploy, versionToDeploy } from "./approved-version.ts";
import { registryOptions } from "./registry-options.ts";

export interface DeployImageOptions extends ApprovalOptions {
  /** A folder, or a file that ends in `.tar`; nothing of that name may be there. */
  readonly to?: string | undefined;
  /** `HOST/REPOSITORY:TAG`. */
  readonly push?: string | undefined;
  /** A base image of a registry by its digest: `HOST/REPOSITORY@sha256:...`; default: Node and its libraries from this machine. */
  readonly base?: string | undefined;
  /** Default: inside. */
  readonly weights?: "inside" | "mounted" | undefined;
  /** Speak HTTP to registries, not HTTPS. */
  readonly plainHttp?: boolean | undefined;
}

export interface DeployedImage {
  readonly model: string;
  readonly version: number;
  readonly alias: string | null;
  /** Of the manifest: what a registry calls the image. */
  readonly digest: string;
  /** Of the configuration: what a container runtime calls it. */
  readonly id: string;
  /** Null where it was only pushed. */
  readonly path: string | null;
  readonly pushed: { readonly reference: string; readonly sentBytes: number; readonly skipped: number } | null;
  readonly architecture: string;
  readonly layers: readonly {
    readonly name: string;
    readonly digest: string;
    readonly diffId: string;
    readonly sizeBytes: number;
    readonly unpackedBytes: number | null;
  }[];
  /** Of all files but the weights; null with a base image, whose layers are not unpacked here. */
  readonly programBytes: number | null;
  readonly entrypoint: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

async function baseOf({ base, plainHttp = false }: DeployImageOptions, watch: Watch) {
  if (base === undefined) return undefined;
  const reference = parseReference(base);
  if (!reference.isDigest)
    throw wrongArgument(
      "loam deploy image: --base",
      "an image by its digest: HOST/REPOSITORY@sha256:...",
      JSON.stringify(base),
      "A tag moves, and the image would differ from build to build.",
    );
  const source = remotePackage(reference, registryOptions(reference.host, plainHttp, watch), progressFor(watch, "base"));
  return openBaseImage(source, imageArchitecture());
}

async function built(v: VersionToDeploy, options: DeployImageOptions, folder: string, watch: Watch): Promise<BuiltImage> {
  const { package: name, file } = libraryOf(process.platform, process.arch, false);
  const { artifact } = v;
  return buildImage({
    version: v.deployed,
    files: artifact.files.map(f => ({ name: f.name, sizeBytes: f.sizeBytes, open: () => artifact.stream(f.name) })),
    weights: options.weights ?? "inside",
    packageFolder,
    ownVersion: ownPackage().version,
    natives: [{ package: name, file }],
    base: await baseOf(options, watch),
    folder,
    progress: progressFor(watch, "image"),
    signal: watch.signal,
  });
}

async function* layoutFiles(folder: string): AsyncGenerator<TarFile> {
  const blobs = (await readdir(join(folder, "blobs", "sha256"))).sort().map(name => `blobs/sha256/${name}`);
  for (const name of ["oci-layout", "index.json", ...blobs]) {
    const path = join(folder, name);
    const file = await open(path, "r");
    yield { name, sizeBytes: (await file.stat()).size, pieces: file.createReadStream({ highWaterMark: 1 << 20 }) };
  }
}

async function writeTar(folder: string, path: string): Promise<void> {
  const part = temporaryBeside(path);
  try {
    const file = await open(part, "wx");
    try {
      for await (const piece of tarOf(layoutFiles(folder))) await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, path);
  } finally {
    await rm(part, { force: true });
  }
}

async function push(image: BuiltImage, folder: string, reference: string, plainHttp: boolean, watch: Watch) {
  const parsed = parseReference(reference);
  const blobs = image.layers.map(({ descriptor, name }) =>
    fileUpload(descriptor, name, async () => join(folder, "blobs", "sha256", descriptor.digest.replace("sha256:", ""))),
  );
  const { sentBytes, skipped } = await pushManifest(
    { blobs: [documentUpload(image.config), ...blobs], manifest: image.manifest, referrers: [] },
    parsed,
    registryOptions(parsed.host, plainHttp, watch),
    progressFor(watch, "push"),
  );
  return { reference: referenceText(parsed), sentBytes, skipped };
}

const programBytes = ({ layers }: BuiltImage): number | null => {
  const own = layers.filter(l => l.name !== "weights").map(l => l.unpackedBytes);
  return own.includes(null) ? null : own.reduce<number>((sum, n) => sum + (n ?? 0), 0);
};

/**
 * Errors: deploy/unapproved, deploy/platform, deploy/base, deploy/missing; project/argument, project/exists; registry/reference, registry/remote,
 * registry/tampered; store/notFound, store/blobMissing; base/diskFull.
 */
export async function deployImage(at: Workplace, given: string, options: DeployImageOptions, watch: Watch): Promise<DeployedImage> {
  const { to, push: reference } = options;
  if (to === undefined && reference === undefined)
    throw wrongArgument("loam deploy image", "--to FOLDER, --to FILE.tar or --push HOST/REPOSITORY:TAG", "neither");
  const path = to === undefined ? undefined : resolve(at.cwd, to);
  if (path !== undefined) checkFree(path, to!);
  if (reference !== undefined && parseReference(reference).isDigest) throw wrongArgument("loam deploy image: --push", "a tag", "a digest");
  await using version = await versionToDeploy(at, given, options, watch);
  if (path !== undefined) makeFolder(dirname(path));
  const folder = path === undefined ? mkdtempSync(join(tmpdir(), "loam-image-")) : temporaryBeside(path);
  try {
    await mkdir(folder, { recursive: true });
    const image = await built(version, options, folder, watch);
    const pushed = reference === undefined ? null : await push(image, folder, reference, options.plainHttp ?? false, watch);
    if (path?.endsWith(".tar")) await writeTar(folder, path);
    else if (path !== undefined) await rename(folder, path);
    if (path !== undefined) syncFolder(dirname(path));
    const { model, version: number, alias } = version.deployed;
    return {
      model,
      version: number,
      alias,
      digest: image.manifest.descriptor.digest,
      id: image.config.descriptor.digest,
      path: path ?? null,
      pushed,
      architecture: image.architecture,
      layers: image.layers.map(l => ({
        name: l.name,
        digest: l.descriptor.digest,
        diffId: l.diffId,
        sizeBytes: l.descriptor.size,
        unpackedBytes: l.unpackedBytes,
      })),
      programBytes: programBytes(image),
      entrypoint: image.settings.Entrypoint,
      labels: image.settings.Labels,
    };
  } catch (error) {
    if (watch.signal.aborted) throw watch.signal.reason;
    throw (error as NodeJS.ErrnoException).code === undefined || "problem" in (error as object)
      ? error
      : fileError(error, to ?? basename(folder));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
