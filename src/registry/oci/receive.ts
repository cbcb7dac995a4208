/**
 * A packed version into this record: everything small is read and held together first (manifest, configuration, files' names, fingerprint,
 * signatures), then the files come as a stage's artifact, each against its digest, and the version is registered last. Nothing half of it is
 * ever there. Figures and approvals are not taken over: what somebody else's record says was not measured here.
 */
import { z } from "zod";
import { isLoamError, type Progress } from "../../base/index.ts";
import { checkContent, contentDigest, type ModelVersion, registerVersion, runStage, type Store, stage } from "../../store/index.ts";
import { registryErrors } from "../errors.ts";
import { fingerprintOf, isSignedBy } from "../versions/keys.ts";
import { addSignature, versionSignatures } from "../versions/signatures.ts";
import { statementOf } from "../versions/statement.ts";
import { annotationNames, artifactTypes, type Descriptor, manifestSchema, maxReferrers, mediaTypes, parseOciDocument } from "./manifest.ts";
import { type PackedVersion, packedSignature, packedVersion } from "./package.ts";
import { checkedPieces, type PackageSource, readDocument } from "./source.ts";

type PackedSignature = z.output<typeof packedSignature>;

export interface Opened {
  readonly source: PackageSource;
  readonly version: PackedVersion;
  readonly manifest: Descriptor;
  readonly layers: readonly (Descriptor & { readonly name: string })[];
  /** Those that are over this content. */
  readonly signatures: readonly PackedSignature[];
  /** Referring signatures that are over something else, or none that can be read. */
  readonly ignored: number;
}

const fail = (place: string, expected: string, received: string) =>
  registryErrors.fail("package", { place, expected, received, hint: "Nothing was registered." });

function named(layer: Descriptor, place: string): Descriptor & { readonly name: string } {
  const name = layer.annotations?.[annotationNames.title];
  if (name === undefined) throw fail(`${place}: layer ${layer.digest}`, `a file's name as ${annotationNames.title}`, "none");
  return { ...layer, name };
}

/** A signature as it came, or undefined: anybody may attach something, and that is no reason to refuse the version. */
function signatureFrom(bytes: Buffer): PackedSignature | undefined {
  try {
    return packedSignature.safeParse(JSON.parse(bytes.toString("utf8"))).data;
  } catch {
    return undefined;
  }
}

async function signaturesIn(source: PackageSource, manifest: Descriptor, fingerprint: string) {
  const valid: PackedSignature[] = [];
  let ignored = 0;
  for (const d of (await source.referrers(manifest, artifactTypes.signature)).slice(0, maxReferrers)) {
    const place = `${source.place}: signature ${d.digest}`;
    const m = parseOciDocument(manifestSchema, await readDocument(source, d, place), place);
    const layer = m.layers.find(l => l.mediaType === mediaTypes.signature);
    const read = layer && signatureFrom(await readDocument(source, layer, place));
    if (read && isSignedBy(read.publicKey, statementOf({ digest: fingerprint }), read.signature)) valid.push(read);
    else ignored++;
  }
  return { valid, ignored };
}

/** Reads what is small of a package, and refuses what does not hold together, before a file is fetched. Errors: registry/package. */
export async function openPackage(source: PackageSource): Promise<Opened> {
  const { place } = source;
  const document = await source.manifest();
  const manifest = parseOciDocument(manifestSchema, document.bytes, `${place}: manifest`);
  if (manifest.artifactType !== artifactTypes.model || manifest.config.mediaType !== mediaTypes.version)
    throw fail(
      place,
      `an artifact of type ${artifactTypes.model}`,
      manifest.artifactType ?? `${manifest.config.mediaType}, an image of another kind`,
    );
  const config = await readDocument(source, manifest.config, `${place}: configuration`);
  const version = parseOciDocument(packedVersion, config, `${place}: configuration`);
  const layers = manifest.layers.map(l => named(l, place));
  const fingerprint = contentDigest(layers.map(l => ({ name: l.name, digest: l.digest.replace("sha256:", ""), sizeBytes: l.size })));
  if (fingerprint !== version.fingerprint) throw fail(`${place}: layers`, `files with the fingerprint ${version.fingerprint}`, fingerprint);
  const { valid, ignored } = await signaturesIn(source, document.descriptor, fingerprint);
  return { source, version, manifest: document.descriptor, layers, signatures: valid, ignored };
}

/** Errors: registry/signature where none of the trusted keys has signed it. */
export function checkTrustedPackage({ source, signatures }: Opened, trusted: readonly string[]): string {
  const wanted = trusted.map(fingerprintOf);
  const found = signatures.map(s => fingerprintOf(s.publicKey)).find(f => wanted.includes(f));
  if (found !== undefined) return found;
  throw registryErrors.fail("signature", {
    place: source.place,
    expected: `a signature by ${wanted.join(" or ")}`,
    received: signatures.map(s => fingerprintOf(s.publicKey)).join(", ") || "none",
    hint: "Nothing was registered. Sign the version before it is packed or pushed.",
  });
}

const options = z.strictObject({
  /** The version in the record that it comes from. */
  origin: packedVersion,
  files: z.array(z.strictObject({ name: z.string(), digest: z.string(), sizeBytes: z.int().nonnegative() })),
});

const unpackStage = (store: Store, { source, version, layers }: Opened) =>
  stage({
    name: "unpack",
    version: 1,
    inputs: {},
    options,
    output: version.kind,
    async run({ output, progress, signal }) {
      for (const [i, layer] of layers.entries()) {
        progress({ stage: "unpack", done: i / layers.length, message: layer.name });
        const digest = layer.digest.replace("sha256:", "");
        const write = (pieces: AsyncIterable<Buffer>) =>
          output.writeStream(layer.name, stoppable(checkedPieces(pieces, layer, `${source.place}: ${layer.name}`), signal));
        // what this record has already is not fetched again, also of a fetch that was interrupted; what is damaged here is
        const isHere = (await store.blobs.size(digest)) === layer.size;
        if (!isHere || !(await isSound(() => write(store.blobs.stream(digest))))) await write(source.blob(layer));
      }
      return version.summary;
    },
  });

/** False where the record's own bytes turn out to be damaged, or gone, as they are read. */
async function isSound(read: () => Promise<unknown>): Promise<boolean> {
  try {
    await read();
    return true;
  } catch (error) {
    if (isLoamError(error, "store/blobDamaged") || isLoamError(error, "store/blobMissing")) return false;
    throw error;
  }
}

async function* stoppable(pieces: AsyncIterable<Buffer>, signal: AbortSignal): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    signal.throwIfAborted();
    yield piece;
  }
}

export interface ReceivedPackage {
  readonly version: ModelVersion;
  /** `mended`: all of it was here, some file damaged, which is as the package has it now. */
  readonly action: "made" | "reused" | "mended";
  readonly signatures: number;
  readonly tookMs: number;
}

/**
 * Registers a package under a name, as its next version. What the record has already is read as well: nothing is registered over a file that was changed
 * here, it is taken from the package anew. Errors: registry/package for content that is not what the manifest names, by the file;
 * store/name, store/fileName.
 */
export async function receive(
  store: Store,
  opened: Opened,
  name: string,
  given: { readonly progress?: Progress; readonly signal?: AbortSignal } = {},
): Promise<ReceivedPackage> {
  const { version: origin, layers } = opened;
  const files = layers.map(l => ({ name: l.name, digest: l.digest.replace("sha256:", ""), sizeBytes: l.size }));
  const run = (force: boolean) => runStage(store, unpackStage(store, opened), { inputs: {}, options: { origin, files }, force, ...given });
  const found = await run(false);
  const isDamaged = found.action === "reused" && !(await isSound(() => checkContent(store, found.artifact.id, given)));
  const { artifact, tookMs } = isDamaged ? await run(true) : found;
  const action = isDamaged ? "mended" : found.action;
  const version = await registerVersion(store, name, artifact.id, origin.scores);
  for (const s of opened.signatures) await addSignature(store, version, s);
  return { version, action, signatures: (await versionSignatures(store.records.read, version)).length, tookMs };
}
