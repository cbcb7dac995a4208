/**
 * Push to and pull from a registry of the OCI distribution specification 1.1. What is there is not sent again; an upload goes on from the byte that
 * the registry says it has, a download from the byte that we have. Where a registry knows no referrers, the tag `sha256-…` lists them, as the
 * specification has it.
 */
import { createReadStream } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { formatBytes, isLoamError, type Progress, sha256, silent } from "../../base/index.ts";
import { registryErrors } from "../errors.ts";
import { connect, type RegistryConnection, type RegistryOptions, registryRefusal } from "./connection.ts";
import {
  type Descriptor,
  indexSchema,
  maxDocumentBytes,
  maxReferrers,
  mediaTypes,
  type OciDocument,
  parseOciDocument,
} from "./manifest.ts";
import type { Package } from "./package.ts";
import type { Reference } from "./reference.ts";
import { checkedBytes, type PackageSource } from "./source.ts";

/** Sent at once; registries in front of object stores ask for at least 5 MiB. */
const chunkBytes = 8 * 1024 * 1024;
/** Tries without a new byte. */
const mostTries = 5;

const referrersTag = (digest: string): string => digest.replace(":", "-");
const isNetwork = (error: unknown): boolean => isLoamError(error, "registry/remote") && (error as Error).cause !== undefined;

/** A document by tag or digest; undefined where there is none. */
async function documentAt(
  c: RegistryConnection,
  which: string,
  digest: string | undefined,
  accept: string,
): Promise<OciDocument | undefined> {
  const response = await c.call(`${c.base}/manifests/${which}`, { headers: { accept }, accepts: [200, 404] });
  if (response.status === 404) {
    await response.body?.cancel();
    return undefined;
  }
  const all: Buffer[] = [];
  let size = 0;
  for await (const piece of response.body ?? []) {
    size += (piece as Uint8Array).length;
    if (size > maxDocumentBytes)
      throw registryErrors.fail("package", {
        place: `${c.place}: manifest`,
        expected: `at most ${maxDocumentBytes} bytes`,
        received: "more",
      });
    all.push(Buffer.from(piece as Uint8Array));
  }
  const bytes = Buffer.concat(all);
  const named = digest ?? response.headers.get("docker-content-digest") ?? undefined;
  const own = `sha256:${sha256(bytes)}`;
  if (named !== undefined) checkedBytes(bytes, named, `${c.place}: manifest`);
  const mediaType = response.headers.get("content-type")?.split(";")[0]?.trim() ?? accept;
  return { descriptor: { mediaType, digest: own, size: bytes.length }, bytes };
}

/** Pieces of a blob; a connection that breaks off is taken up where it stopped. */
async function* download(c: RegistryConnection, of: Descriptor, options: RegistryOptions, progress: Progress): AsyncGenerator<Buffer> {
  const url = `${c.base}/${of.mediaType === mediaTypes.manifest ? "manifests" : "blobs"}/${of.digest}`;
  let at = 0;
  for (let failures = 0; at < of.size; ) {
    const before = at;
    let problem: unknown = registryErrors.fail("remote", {
      place: `${c.place}: ${of.digest}`,
      expected: `${of.size} bytes`,
      received: `an end after ${at}`,
    });
    const idle = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => idle.abort(new Error("no byte came for too long")), options.idleMs ?? 60_000);
    };
    try {
      const headers: Record<string, string> = { accept: of.mediaType, ...(at > 0 ? { range: `bytes=${at}-` } : {}) };
      const response = await c.call(url, { headers, accepts: [200, 206], signal: idle.signal });
      // a registry without ranges sends the whole again: what we have of it is passed over
      let skip = response.status === 206 ? 0 : at;
      alive();
      for await (const raw of response.body ?? []) {
        alive();
        const piece = Buffer.from(raw as Uint8Array);
        const fresh = piece.subarray(Math.min(skip, piece.length));
        skip -= piece.length - fresh.length;
        if (fresh.length === 0) continue;
        at += fresh.length;
        progress({ stage: "pull", done: at / of.size, message: `${formatBytes(at)} of ${formatBytes(of.size)}` });
        yield fresh;
      }
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason;
      if (isLoamError(error) && !isNetwork(error)) throw error;
      problem = isLoamError(error)
        ? error
        : registryErrors.fail(
            "remote",
            { place: `${c.place}: ${of.digest}`, expected: `${of.size} bytes`, received: `an end after ${at}` },
            error,
          );
    } finally {
      clearTimeout(timer);
    }
    failures = at > before ? 0 : failures + 1;
    if (failures >= mostTries) throw problem;
    if (at < of.size) await wait((options.pauseMs ?? 500) * 2 ** failures, undefined, options.signal ? { signal: options.signal } : {});
  }
}

/** Those that the registry lists, or the index under the referrers tag. */
async function referrersOf(c: RegistryConnection, of: Descriptor, artifactType: string): Promise<Descriptor[]> {
  const response = await c.call(`${c.base}/referrers/${of.digest}?artifactType=${encodeURIComponent(artifactType)}`, {
    headers: { accept: mediaTypes.index },
    // a registry that knows no such route says so in one of these ways
    accepts: [200, 400, 404, 405, 501],
  });
  let bytes: Buffer | undefined;
  if (response.status === 200 && /json/.test(response.headers.get("content-type") ?? "")) bytes = Buffer.from(await response.arrayBuffer());
  else {
    await response.body?.cancel();
    bytes = (await documentAt(c, referrersTag(of.digest), undefined, mediaTypes.index))?.bytes;
  }
  if (!bytes) return [];
  const { manifests } = parseOciDocument(indexSchema, bytes, `${c.place}: referrers`);
  return manifests.filter(m => m.artifactType === artifactType).slice(0, maxReferrers);
}

/** A manifest by tag or digest; undefined where there is none. Errors: registry/remote, registry/package. */
export const findManifest = (reference: Reference, options: RegistryOptions = {}): Promise<OciDocument | undefined> =>
  documentAt(connect(reference, options), reference.which, reference.isDigest ? reference.which : undefined, mediaTypes.manifest);

/** A version in a registry, to be received. Errors of its methods: registry/remote, registry/package. */
export function remotePackage(reference: Reference, options: RegistryOptions = {}, progress: Progress = silent): PackageSource {
  const c = connect(reference, options);
  return {
    place: c.place,
    async manifest() {
      const found = await documentAt(
        c,
        reference.which,
        reference.isDigest ? reference.which : undefined,
        `${mediaTypes.manifest}, ${mediaTypes.index}`,
      );
      if (!found)
        throw registryErrors.fail("remote", {
          place: c.place,
          expected: "a version under this name",
          received: "404, none",
          hint: "Check host, repository and tag.",
        });
      return found;
    },
    blob: of => download(c, of, options, progress),
    referrers: (of, artifactType) => referrersOf(c, of, artifactType),
  };
}

interface Upload {
  readonly descriptor: Descriptor;
  readonly name: string;
  /** Bytes from a place on. */
  from(offset: number): AsyncIterable<Buffer> | Iterable<Buffer>;
}

async function* chunks(pieces: AsyncIterable<Buffer> | Iterable<Buffer>, size: number): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    held.push(piece);
    bytes += piece.length;
    if (bytes < size) continue;
    yield Buffer.concat(held);
    held = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(held);
}

/**
 * The next byte that an upload wants: `Range: 0-N` names the last it has. Registries say `0-0` of nothing as of one byte: nothing is taken to be meant,
 * unless that was refused.
 */
const wanted = (response: Response, refusedAt: number | undefined): number => {
  const last = Number(/^(?:bytes=)?0-(\d+)$/.exec(response.headers.get("range") ?? "")?.[1] ?? 0);
  return last === 0 && refusedAt !== 0 ? 0 : last + 1;
};

/** Sends a blob unless it is there; answers the bytes sent. */
async function upload(c: RegistryConnection, blob: Upload, options: RegistryOptions, onBytes: (at: number) => void): Promise<number> {
  const { digest, size } = blob.descriptor;
  const there = await c.call(`${c.base}/blobs/${digest}`, { method: "HEAD", accepts: [200, 404] });
  if (there.status === 200) return 0;
  const locationOf = (response: Response): string => {
    const location = response.headers.get("location");
    if (location === null)
      throw registryErrors.fail("remote", { place: `${c.place}: ${blob.name}`, expected: "a place to upload to", received: "none" });
    return new URL(location, response.url || c.base).href;
  };
  const begun = await c.call(`${c.base}/blobs/uploads/`, { method: "POST", headers: { "content-length": "0" }, accepts: [202] });
  let location = locationOf(begun);
  const least = Number(begun.headers.get("oci-chunk-min-length") ?? 0);
  const finish = (body: Buffer) => {
    const url = new URL(location);
    url.searchParams.set("digest", digest);
    return c.call(url.href, { method: "PUT", headers: { "content-type": "application/octet-stream" }, body, accepts: [201] });
  };
  const step = Math.max(chunkBytes, Number.isSafeInteger(least) ? least : 0);
  let at = 0;
  let sent = 0;
  for (let failures = 0; ; ) {
    let problem: unknown;
    let refusedAt: number | undefined;
    try {
      for await (const chunk of at < size ? chunks(blob.from(at), step) : []) {
        const headers = { "content-type": "application/octet-stream", "content-range": `${at}-${at + chunk.length - 1}` };
        const response = await c.call(location, { method: "PATCH", headers, body: chunk, accepts: [202, 416] });
        // the registry has another number of bytes by now: of a request that broke off, some were still being written when it was asked
        if (response.status === 416) {
          problem = await registryRefusal(`${c.place}: ${blob.name}`, response, true);
          refusedAt = at;
          break;
        }
        location = locationOf(response);
        at += chunk.length;
        sent += chunk.length;
        failures = 0;
        onBytes(at);
      }
      if (refusedAt === undefined) {
        await (await finish(Buffer.alloc(0))).body?.cancel();
        return sent;
      }
    } catch (error) {
      // what the registry refuses, or we find damaged, does not change by asking again
      if (options.signal?.aborted || !isNetwork(error)) throw error;
      problem = error;
    }
    if (++failures >= mostTries) throw problem;
    await wait((options.pauseMs ?? 500) * 2 ** failures, undefined, options.signal ? { signal: options.signal } : {});
    const isThere = await c.call(`${c.base}/blobs/${digest}`, { method: "HEAD", accepts: [200, 404] }).catch(() => undefined);
    // only the answer was lost
    if (isThere?.status === 200) return sent;
    const state = await c.call(location, { accepts: [204] }).catch(() => undefined);
    if (!state) continue;
    location = state.headers.get("location") === null ? location : locationOf(state);
    at = wanted(state, refusedAt);
  }
}

const put = (c: RegistryConnection, which: string, { bytes, descriptor }: OciDocument) =>
  c.call(`${c.base}/manifests/${which}`, { method: "PUT", headers: { "content-type": descriptor.mediaType }, body: bytes, accepts: [201] });

/** Adds to the index under the referrers tag what a registry without referrers does not list by itself. */
async function tagReferrer(c: RegistryConnection, subject: Descriptor, referrer: Descriptor): Promise<void> {
  const tag = referrersTag(subject.digest);
  const before = await documentAt(c, tag, undefined, mediaTypes.index);
  const manifests = before ? parseOciDocument(indexSchema, before.bytes, `${c.place}: referrers`).manifests : [];
  if (manifests.some(m => m.digest === referrer.digest)) return;
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [...manifests, referrer] };
  const bytes = Buffer.from(JSON.stringify(index));
  await put(c, tag, { descriptor: { mediaType: mediaTypes.index, digest: "", size: bytes.length }, bytes });
}

export interface Pushed {
  readonly digest: string;
  /** Bytes of blobs that were sent; those that were there are not. */
  readonly sentBytes: number;
  readonly skipped: number;
}

/** What goes to a registry: blobs, the manifest that names them, and manifests that refer to it, with theirs. */
interface Pushing {
  readonly blobs: readonly Upload[];
  readonly manifest: OciDocument;
  readonly referrers: Package["referrers"];
}

export const documentUpload = ({ descriptor, bytes }: OciDocument): Upload => ({
  descriptor,
  name: descriptor.mediaType,
  from: at => [bytes.subarray(at)],
});

/** A blob that is a file here, of content that was verified. */
export const fileUpload = (descriptor: Descriptor, name: string, path: () => Promise<string>): Upload => ({
  descriptor,
  name,
  async *from(at) {
    yield* createReadStream(await path(), { start: at, highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
  },
});

/** Pushes blobs first, the manifest under its tag when they are all there, then what refers to it. Errors: registry/remote, registry/reference. */
export async function pushManifest(
  p: Pushing,
  reference: Reference,
  options: RegistryOptions = {},
  progress: Progress = silent,
): Promise<Pushed> {
  if (reference.isDigest)
    throw registryErrors.fail("reference", { place: "push", expected: "a tag", received: reference.which, hint: "HOST/REPOSITORY:TAG." });
  const c = connect(reference, options);
  const blobs = [...p.blobs, ...p.referrers.flatMap(r => r.blobs).map(documentUpload)];
  const total = blobs.reduce((sum, b) => sum + b.descriptor.size, 0);
  let [done, sentBytes, skipped] = [0, 0, 0];
  for (const blob of blobs) {
    const sent = await upload(c, blob, options, at =>
      progress({ stage: "push", done: (done + at) / total, message: `${blob.name}  ${formatBytes(done + at)} of ${formatBytes(total)}` }),
    );
    if (sent === 0 && blob.descriptor.size > 0) skipped++;
    sentBytes += sent;
    done += blob.descriptor.size;
  }
  await put(c, reference.which, p.manifest);
  for (const { manifest } of p.referrers) {
    const response = await put(c, manifest.descriptor.digest, manifest);
    if (response.headers.get("oci-subject") === null) await tagReferrer(c, p.manifest.descriptor, manifest.descriptor);
  }
  return { digest: p.manifest.descriptor.digest, sentBytes, skipped };
}

/** Pushes a version. Errors: registry/remote, registry/reference, store/blobDamaged. */
export function pushPackage(p: Package, reference: Reference, options: RegistryOptions = {}, progress: Progress = silent): Promise<Pushed> {
  const layers = p.layers.map((descriptor, i) => {
    const { name } = p.files.files[i]!;
    return fileUpload(descriptor, name, () => p.files.localPath(name));
  });
  return pushManifest({ ...p, blobs: [documentUpload(p.config), ...layers] }, reference, options, progress);
}
