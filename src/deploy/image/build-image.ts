/**
 * An image of a version, built without a daemon as an OCI image layout (image specification 1.1) in a folder: layers, configuration, manifest, index. The same
 * version and installation give the same digests wherever and by whomever it is built.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { check, type Progress, sha256, silent } from "../../base/index.ts";
import { documentOf, type OciDocument } from "../../registry/index.ts";
import { deployErrors } from "../errors.ts";
import type { DeployedVersion } from "../version.ts";
import type { BaseImage } from "./base-image.ts";
import type { KeptLayers } from "./kept-layers.ts";
import { type LayerPlan, type WrittenLayer, writeLayer } from "./layer.ts";
import { machineBase, openedFile } from "./machine-base.ts";
import {
  type ImageSettings,
  type ImageVariant,
  type ImageWishes,
  imagePlaces,
  modelPlace,
  planImage,
  pulledFilesName,
  pulledFilesText,
  sagemakerProgram,
  sagemakerText,
  type WeightPlace,
} from "./plan.ts";
import { type SbomPackage, spdxDocument } from "./sbom.ts";
import { type NativeFile, type PlacedFile, type ServingBundle, servingBundle } from "./serving-packages.ts";
import { systemPackages } from "./system-packages.ts";
import { fileMode, type TreeEntry, textEntry } from "./tree.ts";

/** Node's names of processors -> those of the specification. */
const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** Errors: deploy/platform. */
export function imageArchitecture(arch: string = process.arch): string {
  const found = architectures[arch];
  if (found !== undefined) return found;
  throw deployErrors.fail("platform", {
    place: "loam deploy image",
    expected: `a processor among ${Object.keys(architectures).join(", ")}`,
    received: arch,
  });
}

export interface ModelFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly open: () => AsyncIterable<Uint8Array>;
}

/** What responses are guarded with: the file that names the others, and all of them. */
export interface GuardFiles {
  readonly name: string;
  /** SHA-256 of the named file. */
  readonly digest: string;
  readonly files: readonly ModelFile[];
}

/** What an image is made of. */
interface ImageParts {
  readonly version: DeployedVersion;
  readonly files: readonly ModelFile[];
  readonly weights: WeightPlace;
  readonly variant: ImageVariant;
  /** The packed version that is pulled at start. */
  readonly pull?: ImageWishes["pull"];
  readonly guards?: GuardFiles | undefined;
  /** Loam's own, as it is installed. */
  readonly packageFolder: string;
  readonly ownVersion: string;
  /** Packages of which one native library is loaded, and nothing else. */
  readonly natives: readonly NativeFile[];
  /** Default: Node and its libraries from this machine. */
  readonly base?: BaseImage | undefined;
}

interface ImageBuild {
  /** An empty folder that becomes the layout. */
  readonly folder: string;
  readonly progress?: Progress;
  readonly signal?: AbortSignal | undefined;
  /** Where compressed layers of earlier images are; default: nothing is kept. */
  readonly kept?: KeptLayers | undefined;
}

export interface BuiltImage {
  readonly manifest: OciDocument;
  readonly config: OciDocument;
  readonly layers: readonly WrittenLayer[];
  readonly settings: ImageSettings;
  readonly architecture: string;
  readonly created: string;
  readonly sbom: object;
}

const bundledSchema = z.array(z.strictObject({ name: z.string(), version: z.string(), license: z.string().nullable() }));

/** Packages inside the bundle, which the build lists. */
async function bundledPackages(packageFolder: string): Promise<SbomPackage[]> {
  const path = join(packageFolder, "dist", "bundle", "packages.json");
  const text = await readFile(path, "utf8").catch(error => {
    throw deployErrors.fail(
      "missing",
      { place: path, expected: "the list of bundled packages", received: "none", hint: "Run `npm run build`." },
      error,
    );
  });
  return check(bundledSchema, JSON.parse(text), path).map(p => ({ ...p, kind: "npm" }));
}

const appEntries = (files: readonly PlacedFile[]): TreeEntry[] =>
  files.map(({ from, to }) => openedFile(`${imagePlaces.app}/${to}`, from, fileMode));

const streamedEntries = (folder: string, files: readonly ModelFile[]): TreeEntry[] =>
  files.map(({ name, sizeBytes, open }) => ({
    path: `${folder}/${name}`,
    mode: fileMode,
    content: { kind: "stream", sizeBytes, open },
  }));

/** An image before a byte of it is written. */
export interface ImageContent {
  /** Beneath them are those of the base image, if there is one. */
  readonly layers: readonly LayerPlan[];
  readonly base: BaseImage | undefined;
  readonly version: DeployedVersion;
  readonly created: string;
  readonly settings: ImageSettings;
  readonly architecture: string;
  readonly sbom: object;
}

async function layersOf(o: ImageParts, bundle: ServingBundle, wishes: ImageWishes): Promise<Pick<ImageContent, "layers" | "sbom">> {
  const { version, weights } = o;
  const natives = bundle.library.flatMap(f => (/\.(node|so)$/.test(f.to) ? [f.from] : []));
  const own = o.base ? undefined : machineBase(natives);
  const runtime: SbomPackage[] = o.base
    ? [{ name: `base image ${o.base.digest}`, version: null, license: null, kind: "base", digest: o.base.digest.replace("sha256:", "") }]
    : [{ name: "node", version: process.versions.node, license: "MIT", kind: "runtime" }, ...systemPackages(own!.libraries)];
  const sbom = spdxDocument(
    version,
    [
      ...runtime,
      { name: "loam", version: o.ownVersion, license: "Apache-2.0", kind: "npm" },
      ...bundle.packages.map((p): SbomPackage => ({ name: p.name, version: p.version, license: p.license, kind: "npm" })),
      ...(await bundledPackages(o.packageFolder)),
      { name: version.model, version: String(version.version), license: null, kind: "model", digest: version.fingerprint },
    ],
    `loam-${o.ownVersion}`,
  );
  const last = [
    textEntry(`${imagePlaces.app}/sbom.spdx.json`, `${JSON.stringify(sbom, undefined, 2)}\n`),
    ...(o.variant === "sagemaker" ? [textEntry(`${imagePlaces.app}/${sagemakerProgram}`, sagemakerText(version, wishes))] : []),
    ...(o.pull?.isAddress ? [textEntry(`${imagePlaces.app}/${pulledFilesName}`, pulledFilesText(version))] : []),
    ...streamedEntries(imagePlaces.guards, o.guards?.files ?? []),
    ...(weights === "inside"
      ? streamedEntries(imagePlaces.model, o.files)
      : [{ path: modelPlace(wishes), mode: 0o755, content: { kind: "folder" } } satisfies TreeEntry]),
  ];
  return {
    sbom,
    layers: [
      ...(own ? [{ name: "base", coding: "gzip", entries: own.entries } satisfies LayerPlan] : []),
      { name: "library", coding: "gzip", entries: appEntries(bundle.library) },
      { name: "code", coding: "gzip", entries: appEntries(bundle.code) },
      { name: "weights", coding: "stored", entries: last },
    ],
  };
}

const empty = { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json" } as const;

function configOf(created: string, architecture: string, settings: ImageSettings, layers: readonly WrittenLayer[]): OciDocument {
  return documentOf("application/vnd.oci.image.config.v1+json", {
    created,
    architecture,
    os: "linux",
    config: settings,
    rootfs: { type: "layers", diff_ids: layers.map(l => l.diffId) },
    history: layers.map(l => ({ created, created_by: l.name === "given" ? "base image" : `loam deploy image: ${l.name}` })),
  });
}

/** Errors: deploy/platform, deploy/missing. */
export async function imageContent(o: ImageParts): Promise<ImageContent> {
  const { version, base } = o;
  const architecture = imageArchitecture();
  const bundle = servingBundle(o.packageFolder, o.natives);
  const wishes: ImageWishes = {
    weights: o.weights,
    variant: o.variant,
    pull: o.pull,
    guards: o.guards && { file: `${imagePlaces.guards}/${o.guards.name}`, digest: o.guards.digest },
    architecture,
    node: imagePlaces.node,
    env: base?.env ?? [],
    version: o.ownVersion,
  };
  const { created, settings } = planImage(version, wishes);
  return { ...(await layersOf(o, bundle, wishes)), base, version, created, settings, architecture };
}

/** Errors: deploy/base, base/diskFull, registry/remote, store/blobDamaged. */
export async function buildImage(content: ImageContent, { folder, progress = silent, signal, kept }: ImageBuild): Promise<BuiltImage> {
  const { version, base, created, settings, architecture, layers: plans, sbom } = content;
  const blobs = join(folder, "blobs", "sha256");
  await mkdir(blobs, { recursive: true });
  const layers: WrittenLayer[] = [...(base?.layers ?? [])];
  await base?.fetch(blobs);
  for (const [i, layer] of plans.entries()) {
    progress({ stage: "image", done: i / plans.length, message: `layer ${layer.name}` });
    layers.push(await writeLayer(layer, blobs, { signal, kept }));
  }
  const config = configOf(created, architecture, settings, layers);
  const annotations = settings.Labels;
  const manifest = documentOf("application/vnd.oci.image.manifest.v1+json", {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: config.descriptor,
    layers: layers.map(l => l.descriptor),
    annotations,
  });
  for (const { descriptor, bytes } of [config, manifest]) await writeFile(join(blobs, descriptor.digest.replace("sha256:", "")), bytes);
  const listed = {
    ...manifest.descriptor,
    annotations: { "org.opencontainers.image.ref.name": `${version.model}-${version.version}` },
    platform: { architecture, os: "linux" },
  };
  await writeFile(join(folder, "index.json"), JSON.stringify({ ...empty, manifests: [listed] }));
  await writeFile(join(folder, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  progress({ stage: "image", done: 1, message: sha256(manifest.bytes).slice(0, 12) });
  return { manifest, config, layers, settings, architecture, created, sbom };
}
