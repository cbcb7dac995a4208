/** An image of a version, written as an OCI image layout (a folder or one tar file), pushed to a registry, or both. It appears when it is whole. */
import { mkdtempSync } from "node:fs";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileError, makeFolder, readText, syncFolder, temporaryBeside } from "../../base/index.ts";
import {
  type BuiltImage,
  buildImage,
  type ImageContent,
  type ImageVariant,
  imageArchitecture,
  imageContent,
  keptLayers,
  openBaseImage,
  type WeightPlace,
  writeDockerContext,
} from "../../deploy/index.ts";
import {
  openPackage,
  parseReference,
  referenceText,
  remotePackage,
  type Signer,
  signerOf,
  type TarFile,
  tarOf,
} from "../../registry/index.ts";
import { libraryOf } from "../../tensor/index.ts";
import { progressFor, type Watch } from "../call.ts";
import { checkFree, wrongArgument } from "../errors.ts";
import { homeFolder } from "../home-folder.ts";
import { ownPackage, packageFolder } from "../package.ts";
import { isPullAddress } from "../serving/pull-address.ts";
import { checkAddress } from "../serving/pull-url.ts";
import type { Workplace } from "../workspace.ts";
import { type ApprovalOptions, type VersionToDeploy, versionToDeploy } from "./approved-version.ts";
import { type DeployedGuards, deployedGuards } from "./deployed-guards.ts";
import { type PushedImage, pushImage } from "./push-image.ts";
import { registryOptions } from "./registry-options.ts";

export interface DeployImageOptions extends ApprovalOptions {
  /** A folder, or a file that ends in `.tar`; nothing of that name may be there. */
  readonly to?: string | undefined;
  /** `HOST/REPOSITORY:TAG`. */
  readonly push?: string | undefined;
  /** A base image of a registry by its digest: `HOST/REPOSITORY@sha256:...`; default: Node and its libraries from this machine. */
  readonly base?: string | undefined;
  /** Default: inside; mounted in the variant of SageMaker. */
  readonly weights?: WeightPlace | undefined;
  /**
   * Where pulled weights come from: the version as `loam models push` put it into a registry, or the folder of its files as `https://HOST/FOLDER` or
   * `s3://BUCKET/PREFIX`.
   */
  readonly pullFrom?: string | undefined;
  /** Default: container. */
  readonly variant?: ImageVariant | undefined;
  /** A folder for a Dockerfile of the same image, with the files that it copies; nothing of that name may be there. */
  readonly dockerfile?: string | undefined;
  /** A private key in PEM (`loam models keygen`): the pushed image is signed with it. */
  readonly sign?: string | undefined;
  /** Speak HTTP to registries, not HTTPS. */
  readonly plainHttp?: boolean | undefined;
}

export interface DeployedImage {
  readonly model: string;
  readonly version: number;
  readonly alias: string | null;
  /** Of the manifest: what a registry calls the image; null where only a Dockerfile was written. */
  readonly digest: string | null;
  /** Of the configuration: what a container runtime calls it. */
  readonly id: string | null;
  /** Null where it was only pushed. */
  readonly path: string | null;
  /** The folder of the Dockerfile. */
  readonly dockerfile: string | null;
  readonly pushed: PushedImage | null;
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

/** What is pulled at start, pinned by digests, if it is this version. Errors: project/argument, project/download, registry/remote, registry/package. */
async function pulledFrom(v: VersionToDeploy, { weights, pullFrom, plainHttp = false }: DeployImageOptions, watch: Watch) {
  const place = "loam deploy image: --pull-from";
  if (weights !== "pulled") {
    if (pullFrom === undefined) return undefined;
    throw wrongArgument(place, "--weights pulled beside it", weights ?? "the default of --weights");
  }
  if (pullFrom === undefined)
    throw wrongArgument(
      place,
      "HOST/REPOSITORY:TAG, https://HOST/FOLDER or s3://BUCKET/PREFIX of the version, for --weights pulled",
      "nothing",
      "`loam models push` puts it into a registry.",
    );
  if (isPullAddress(pullFrom)) {
    await checkAddress(pullFrom, v.deployed.files, watch.signal, place);
    return { reference: pullFrom, plainHttp: false, isAddress: true };
  }
  const reference = parseReference(pullFrom);
  const { version, manifest } = await openPackage(remotePackage(reference, registryOptions(reference.host, plainHttp, watch)));
  if (version.fingerprint !== v.deployed.fingerprint)
    throw wrongArgument(
      `${place} ${pullFrom}`,
      `the files of ${v.deployed.model}@${v.deployed.version}, with the fingerprint ${v.deployed.fingerprint}`,
      `${version.model}@${version.version} with ${version.fingerprint}`,
      `Push it: loam models push ${v.deployed.model}@${v.deployed.version} ${pullFrom}`,
    );
  return { reference: referenceText({ ...reference, which: manifest.digest, isDigest: true }), plainHttp, isAddress: false };
}

async function contentOf(
  v: VersionToDeploy,
  guards: DeployedGuards | undefined,
  options: DeployImageOptions,
  watch: Watch,
): Promise<ImageContent> {
  const { package: name, file } = libraryOf(process.platform, process.arch, false);
  const { artifact } = v;
  const variant = options.variant ?? "container";
  return imageContent({
    version: v.deployed,
    files: artifact.files.map(f => ({ name: f.name, sizeBytes: f.sizeBytes, open: () => artifact.stream(f.name) })),
    weights: options.weights ?? (variant === "sagemaker" ? "mounted" : "inside"),
    variant,
    pull: await pulledFrom(v, options, watch),
    guards,
    packageFolder,
    ownVersion: ownPackage().version,
    natives: [{ package: name, file }],
    base: await baseOf(options, watch),
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

const programBytes = ({ layers }: BuiltImage): number | null => {
  const own = layers.filter(l => l.name !== "weights").map(l => l.unpackedBytes);
  return own.includes(null) ? null : own.reduce<number>((sum, n) => sum + (n ?? 0), 0);
};

/** Paths and keys, before anything is read of the version. Errors: project/argument, project/exists, registry/reference, registry/key. */
function checkWishes(at: Workplace, options: DeployImageOptions) {
  const { to, push, dockerfile, sign } = options;
  if (to === undefined && push === undefined && dockerfile === undefined)
    throw wrongArgument(
      "loam deploy image",
      "--to FOLDER, --to FILE.tar, --push HOST/REPOSITORY:TAG or --dockerfile FOLDER",
      "none of them",
    );
  const free = (path: string | undefined): string | undefined => {
    if (path === undefined) return undefined;
    const whole = resolve(at.cwd, path);
    checkFree(whole, path);
    return whole;
  };
  if (push !== undefined && parseReference(push).isDigest) throw wrongArgument("loam deploy image: --push", "a tag", "a digest");
  if (sign !== undefined && push === undefined)
    throw wrongArgument("loam deploy image: --sign", "--push beside it", "none", "Signatures lie in the registry, beside the image.");
  const signer: Signer | undefined = sign === undefined ? undefined : signerOf(readText(resolve(at.cwd, sign)), sign);
  return { path: free(to), context: free(dockerfile), signer };
}

/** Writes a folder that appears when it is whole. */
async function wholeFolder(path: string, write: (part: string) => Promise<void>): Promise<void> {
  makeFolder(dirname(path));
  const part = temporaryBeside(path);
  try {
    await mkdir(part);
    await write(part);
    await rename(part, path);
    syncFolder(dirname(path));
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}

interface Written {
  readonly image: BuiltImage;
  readonly pushed: PushedImage | null;
}

/** The image in a layout, a registry, or both. */
async function writeImage(
  content: ImageContent,
  path: string | undefined,
  o: DeployImageOptions,
  signer: Signer | undefined,
  watch: Watch,
) {
  if (path !== undefined) makeFolder(dirname(path));
  const folder = path === undefined ? mkdtempSync(join(tmpdir(), "loam-image-")) : temporaryBeside(path);
  try {
    await mkdir(folder, { recursive: true });
    const kept = keptLayers(join(homeFolder(), ".loam", "layers"));
    const image = await buildImage(content, { folder, progress: progressFor(watch, "image"), signal: watch.signal, kept });
    const pushed = o.push === undefined ? null : await pushImage(image, folder, { ...o, reference: o.push, signer }, watch);
    if (path?.endsWith(".tar")) await writeTar(folder, path);
    else if (path !== undefined) await rename(folder, path);
    if (path !== undefined) syncFolder(dirname(path));
    return { image, pushed } satisfies Written;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function deployedImage(
  content: ImageContent,
  written: Written | undefined,
  path: string | undefined,
  context: string | undefined,
): DeployedImage {
  const { version, architecture, settings } = content;
  const { image, pushed = null } = written ?? {};
  return {
    model: version.model,
    version: version.version,
    alias: version.alias,
    digest: image?.manifest.descriptor.digest ?? null,
    id: image?.config.descriptor.digest ?? null,
    path: path ?? null,
    dockerfile: context ?? null,
    pushed,
    architecture,
    layers: (image?.layers ?? []).map(l => ({
      name: l.name,
      digest: l.descriptor.digest,
      diffId: l.diffId,
      sizeBytes: l.descriptor.size,
      unpackedBytes: l.unpackedBytes,
    })),
    programBytes: image ? programBytes(image) : null,
    entrypoint: settings.Entrypoint,
    labels: settings.Labels,
  };
}

/**
 * Errors: deploy/unapproved, deploy/platform, deploy/base, deploy/missing; project/argument, project/exists; registry/reference, registry/remote, registry/key,
 * registry/tampered; store/notFound, store/blobMissing; base/diskFull.
 */
export async function deployImage(at: Workplace, given: string, options: DeployImageOptions, watch: Watch): Promise<DeployedImage> {
  const { path, context, signer } = checkWishes(at, options);
  await using version = await versionToDeploy(at, given, options, watch);
  try {
    await using guards = await deployedGuards(at, version.project, watch);
    const content = await contentOf(version, guards, options, watch);
    if (context !== undefined)
      await wholeFolder(context, part => writeDockerContext(part, content.settings, content.layers, options.base, watch.signal));
    const written = path === undefined && options.push === undefined ? undefined : await writeImage(content, path, options, signer, watch);
    return deployedImage(content, written, path, context);
  } catch (error) {
    if (watch.signal.aborted) throw watch.signal.reason;
    throw (error as NodeJS.ErrnoException).code === undefined || "problem" in (error as object)
      ? error
      : fileError(error, options.to ?? options.dockerfile ?? tmpdir());
  }
}
