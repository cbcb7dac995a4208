/**
 * `loam models pack`, `unpack`, `push`, `pull`: a version as one file (an OCI image layout in a tar), and in a registry of containers. What comes in
 * becomes the next version under its name, after every byte was held against its digest.
 */
import { existsSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { formatBytes, makeFolder, readText } from "../../base/index.ts";
import { projectErrors } from "../../project/index.ts";
import { newName, openRecordOf, projectOrNone } from "../../project/models/index.ts";
import {
  checkTrustedPackage,
  credentialsFor,
  openLayout,
  openPackage,
  type Package,
  packageOf,
  parseReference,
  publicKeyOf,
  pushPackage,
  type RegistryOptions,
  receive,
  referenceText,
  remotePackage,
  tampered,
  writeLayout,
} from "../../registry/index.ts";
import { openArtifact } from "../../store/index.ts";
import { cliErrors } from "../errors.ts";
import { textOption } from "../options.ts";
import { type NamedModel, namedModel } from "../releases/named-version.ts";
import type { Context, Options, VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

/** What is done with a package of the version; damaged files are told by their names. */
async function packed<T>({ store, model, version }: NamedModel, work: (p: Package) => Promise<T>): Promise<T> {
  const { files } = await openArtifact(store, version.artifact);
  return tampered(`${model}@${version.number}`, files, async () => work(await packageOf(store, version)));
}

const registryOptions = (context: Context, options: Options, host: string): RegistryOptions => ({
  credentials: credentialsFor(host),
  plainHttp: options.plainHttp === true,
  signal: context.signal,
});

export const modelsPack: VerbRun = async (context, [given = ""], options) => {
  const { out, signal } = context;
  const to = textOption(options, "out");
  if (to === undefined)
    throw cliErrors.fail("usage", { place: "loam models pack: --out", expected: "a file to write", received: "nothing" });
  const target = resolve(context.cwd, to);
  if (existsSync(target))
    throw projectErrors.fail("exists", {
      place: to,
      expected: "nothing of that name yet",
      received: "one",
      hint: "Choose another name, or remove it.",
    });
  await using named = await namedModel(context, options, given);
  makeFolder(dirname(target));
  const { model, version } = named;
  await packed(named, async p => {
    const sizeBytes = await writeLayout(target, p, out.progress(basename(target)), signal);
    out.clear();
    out.line(
      `  ${to}   ${model}@${version.number}, ${p.layers.length} files, ${formatBytes(sizeBytes)}, ${numSignatures(p.referrers.length)}`,
    );
    out.line(`  ${p.manifest.descriptor.digest}`);
    out.result({
      model,
      version: version.number,
      path: target,
      sizeBytes,
      digest: p.manifest.descriptor.digest,
      fingerprint: p.version.fingerprint,
      signatures: p.referrers.length,
    });
  });
};

export const modelsPush: VerbRun = async (context, [given = "", place = ""], options) => {
  const { out } = context;
  const reference = parseReference(place);
  await using named = await namedModel(context, options, given);
  const { model, version } = named;
  await packed(named, async p => {
    const pushed = await pushPackage(p, reference, registryOptions(context, options, reference.host), out.progress(reference.which));
    out.clear();
    out.line(
      `  ${model}@${version.number} -> ${referenceText(reference)}   ${formatBytes(pushed.sentBytes)} sent, ${pushed.skipped} blobs were there`,
    );
    out.line(`  ${pushed.digest}`);
    out.result({ model, version: version.number, reference: referenceText(reference), ...pushed, signatures: p.referrers.length });
  });
};

const alreadyHere = { made: "", reused: ", here already", mended: ", here already but damaged: mended" } as const;
const numSignatures = (n: number): string => (n === 1 ? "1 signature" : `${n} signatures`);

/** Receives from a file or a registry. */
async function take(context: Context, options: Options, verb: "pull" | "unpack", source: Parameters<typeof openPackage>[0]): Promise<void> {
  const { out, signal } = context;
  const project = projectOrNone(folderOf(context, options));
  const asked = textOption(options, "name");
  if (asked !== undefined) newName(verb, project, asked, "");
  const keys =
    options.key === undefined ? [] : [options.key].flat().map(k => publicKeyOf(readText(resolve(context.cwd, String(k))), String(k)));
  const opened = await openPackage(source);
  const name = newName(verb, project, asked, opened.version.model);
  const trusted = keys.length > 0 ? checkTrustedPackage(opened, keys) : null;
  if (opened.ignored > 0)
    out.warn(`  left out: ${numSignatures(opened.ignored)} that ${opened.ignored === 1 ? "is" : "are"} not over this version`);
  const store = await openRecordOf(project);
  try {
    const { version, action, signatures, tookMs } = await receive(store, opened, name, { progress: out.progress(name), signal });
    const bytes = opened.layers.reduce((sum, l) => sum + l.size, 0);
    out.done(name, `${opened.layers.length} files, ${formatBytes(bytes)}, as the manifest names them${alreadyHere[action]}`, tookMs);
    out.line(
      `  ${name}@${version.number}   was ${opened.version.model}@${opened.version.version}   ${numSignatures(signatures)}${trusted ? `, one by ${trusted}` : ""}`,
    );
    out.result({
      model: name,
      version: version.number,
      artifact: version.artifact,
      digest: version.digest,
      manifest: opened.manifest.digest,
      origin: { model: opened.version.model, version: opened.version.version },
      action,
      signatures,
      trusted,
    });
  } finally {
    await store.close();
  }
}

export const modelsUnpack: VerbRun = async (context, [file = ""], options) => {
  await using layout = await openLayout(resolve(context.cwd, file));
  await take(context, options, "unpack", { ...layout, place: file });
};

export const modelsPull: VerbRun = async (context, [place = ""], options) => {
  const reference = parseReference(place);
  const source = remotePackage(reference, registryOptions(context, options, reference.host), context.out.progress(reference.which));
  await take(context, options, "pull", source);
};
