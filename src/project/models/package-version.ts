/**
 * A version as one file (an OCI image layout in a tar), and in a registry of containers. What comes in becomes the next version under its name, after
 * every byte was held against its digest.
 */
import { basename, dirname, resolve } from "node:path";
import { makeFolder } from "../../base/index.ts";
import {
  checkTrustedPackage,
  credentialsFor,
  openLayout,
  openPackage,
  type Package,
  packageOf,
  parseReference,
  pushPackage,
  type RegistryOptions,
  receive,
  referenceText,
  remotePackage,
  tampered,
  writeLayout,
} from "../../registry/index.ts";
import { openArtifact } from "../../store/index.ts";
import { progressFor, type Watch } from "../call.ts";
import { checkFree } from "../errors.ts";
import type { Workplace } from "../workspace.ts";
import { projectOrNone, withRecordOf } from "./home.ts";
import { type NamedModelVersion, namedVersion, publicKeys } from "./named-version.ts";
import { newName } from "./new-name.ts";

export interface RegistryAccess {
  /** Speak HTTP to the registry, not HTTPS. */
  readonly plainHttp?: boolean | undefined;
}
const registryOptions = (host: string, { plainHttp = false }: RegistryAccess, { signal }: Watch): RegistryOptions => ({
  credentials: credentialsFor(host),
  plainHttp,
  signal,
});

export interface PackOptions {
  /** The file to write; nothing of that name may be there. */
  readonly out: string;
}
export interface PackedFile {
  readonly model: string;
  readonly version: number;
  readonly path: string;
  readonly sizeBytes: number;
  /** Of the manifest: what a registry calls it. */
  readonly digest: string;
  readonly fingerprint: string;
  readonly signatures: number;
  readonly files: number;
}

/** What is done with a package of the version; damaged files are told by their names. */
async function packed<T>({ store, model, version }: NamedModelVersion, work: (p: Package) => Promise<T>): Promise<T> {
  const { files } = await openArtifact(store, version.artifact);
  return tampered(`${model}@${version.number}`, files, async () => work(await packageOf(store, version)));
}

/** Errors: project/exists, store/notFound, registry/tampered. */
export async function packVersion(at: Workplace, given: string, { out }: PackOptions, watch: Watch): Promise<PackedFile> {
  const path = resolve(at.cwd, out);
  checkFree(path, out);
  await using named = await namedVersion(at, given);
  makeFolder(dirname(path));
  return await packed(named, async p => ({
    model: named.model,
    version: named.version.number,
    path,
    sizeBytes: await writeLayout(path, p, progressFor(watch, basename(path)), watch.signal),
    digest: p.manifest.descriptor.digest,
    fingerprint: p.version.fingerprint,
    signatures: p.referrers.length,
    files: p.layers.length,
  }));
}

export interface PushOptions extends RegistryAccess {}
export interface PushedVersion {
  readonly model: string;
  readonly version: number;
  /** `registry.example.org/mail/spam:2`. */
  readonly reference: string;
  readonly digest: string;
  readonly sentBytes: number;
  /** Blobs that the registry had. */
  readonly skipped: number;
  readonly signatures: number;
}

/** Errors: registry/reference, registry/remote, registry/tampered; store/notFound. */
export async function pushVersion(at: Workplace, given: string, place: string, options: PushOptions, watch: Watch): Promise<PushedVersion> {
  const reference = parseReference(place);
  await using named = await namedVersion(at, given);
  return await packed(named, async p => {
    const pushed = await pushPackage(p, reference, registryOptions(reference.host, options, watch), progressFor(watch, reference.which));
    const shown = { model: named.model, version: named.version.number, reference: referenceText(reference) };
    return { ...shown, ...pushed, signatures: p.referrers.length };
  });
}

export interface UnpackOptions {
  /** Default: the name that the package gives. */
  readonly name?: string | undefined;
  /** Files of public keys: one of them must have signed the version. */
  readonly keys?: readonly string[] | undefined;
}
export interface PullOptions extends UnpackOptions, RegistryAccess {}

export interface UnpackedVersion {
  readonly model: string;
  readonly version: number;
  readonly artifact: string;
  readonly digest: string;
  /** Digest of the manifest. */
  readonly manifest: string;
  /** What it was where it was packed. */
  readonly origin: { readonly model: string; readonly version: number };
  /** `mended`: all of it was here, some file damaged. */
  readonly action: "made" | "reused" | "mended";
  readonly signatures: number;
  /** Fingerprint of the key among `keys` that signed it. */
  readonly trusted: string | null;
  readonly files: number;
  readonly sizeBytes: number;
  /** Signatures that are not over this version, left out. */
  readonly ignored: number;
  readonly tookMs: number;
}

/** Receives from a file or a registry. */
async function take(
  at: Workplace,
  verb: "pull" | "unpack",
  source: Parameters<typeof openPackage>[0],
  options: UnpackOptions,
  watch: Watch,
): Promise<UnpackedVersion> {
  const project = projectOrNone(at.folder);
  if (options.name !== undefined) newName(verb, project, options.name, "");
  const keys = publicKeys(at, options.keys ?? []);
  const opened = await openPackage(source);
  const name = newName(verb, project, options.name, opened.version.model);
  const trusted = keys.length > 0 ? checkTrustedPackage(opened, keys) : null;
  return withRecordOf(project, async store => {
    const given = { progress: progressFor(watch, name), signal: watch.signal };
    const { version, action, signatures, tookMs } = await receive(store, opened, name, given);
    return {
      model: name,
      version: version.number,
      artifact: version.artifact,
      digest: version.digest,
      manifest: opened.manifest.digest,
      origin: { model: opened.version.model, version: opened.version.version },
      action,
      signatures,
      trusted,
      files: opened.layers.length,
      sizeBytes: opened.layers.reduce((sum, l) => sum + l.size, 0),
      ignored: opened.ignored,
      tookMs,
    };
  });
}

/** Errors: project/argument for the name, registry/package, registry/signature, base/missingFile. */
export async function unpackVersion(at: Workplace, file: string, options: UnpackOptions, watch: Watch): Promise<UnpackedVersion> {
  await using layout = await openLayout(resolve(at.cwd, file));
  return await take(at, "unpack", { ...layout, place: file }, options, watch);
}

/** Errors: those of `unpackVersion`; registry/reference, registry/remote. */
export async function pullVersion(at: Workplace, place: string, options: PullOptions, watch: Watch): Promise<UnpackedVersion> {
  const reference = parseReference(place);
  const source = remotePackage(reference, registryOptions(reference.host, options, watch), progressFor(watch, reference.which));
  return take(at, "pull", source, options, watch);
}
