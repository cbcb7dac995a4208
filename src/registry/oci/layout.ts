/** An OCI image layout (image specification 1.1, "OCI Image Layout") in one tar file: `oci-layout`, `index.json`, `blobs/sha256/…`. Written whole or not at all. */
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { fileError, type Progress, silent, syncFolder, temporaryBeside } from "../../base/index.ts";
import { registryErrors } from "../errors.ts";
import {
  annotationNames,
  artifactTypes,
  type Descriptor,
  indexSchema,
  manifestSchema,
  maxDocumentBytes,
  mediaTypes,
  type OciDocument,
  parseOciDocument,
} from "./manifest.ts";
import type { Package } from "./package.ts";
import { checkedBytes, type PackageSource } from "./source.ts";
import { type TarEntry, type TarFile, tarEntries, tarOf } from "./tar.ts";

const layoutSchema = z.looseObject({ imageLayoutVersion: z.string().regex(/^1\./, "version 1") });
const blobName = (digest: string): string => `blobs/sha256/${digest.replace("sha256:", "")}`;
const pieceBytes = 1 << 20;

function* documents(p: Package): Generator<TarFile> {
  const plain = (name: string, bytes: Buffer): TarFile => ({ name, sizeBytes: bytes.length, pieces: [bytes] });
  const ref = { [annotationNames.refName]: `${p.version.model}-${p.version.version}` };
  const manifests = [{ ...p.manifest.descriptor, annotations: ref }, ...p.referrers.map(r => r.manifest.descriptor)];
  yield plain("oci-layout", Buffer.from(JSON.stringify({ imageLayoutVersion: "1.0.0" })));
  yield plain("index.json", Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests })));
  const all = [p.manifest, p.config, ...p.referrers.flatMap(r => [r.manifest, ...r.blobs])];
  const byName = new Map(all.map(d => [blobName(d.descriptor.digest), d.bytes]));
  for (const [name, bytes] of byName) yield plain(name, bytes);
  const written = new Set(byName.keys());
  for (const file of p.files.files) {
    const name = blobName(file.digest);
    if (written.has(name)) continue;
    written.add(name);
    yield { name, sizeBytes: file.sizeBytes, pieces: p.files.stream(file.name) };
  }
}

/** Writes the package as one file that appears when it is whole; answers its bytes. Errors: store/blobDamaged, base/diskFull, base/readOnly. */
export async function writeLayout(path: string, p: Package, progress: Progress = silent, signal?: AbortSignal): Promise<number> {
  const part = temporaryBeside(path);
  const total = p.layers.reduce((sum, l) => sum + l.size, 0);
  let handle: FileHandle | undefined;
  try {
    handle = await open(part, "wx");
    let size = 0;
    for await (const piece of tarOf(documents(p))) {
      signal?.throwIfAborted();
      await handle.writeFile(piece);
      size += piece.length;
      progress({ stage: "pack", done: Math.min(1, size / Math.max(1, total)) });
    }
    await handle.sync();
    await handle.close();
    handle = undefined;
    await rename(part, path);
    syncFolder(dirname(path));
    return size;
  } catch (error) {
    await handle?.close().catch(() => {});
    await rm(part, { force: true });
    if (signal?.aborted) throw signal.reason;
    throw (error as NodeJS.ErrnoException).code === undefined ? error : fileError(error, path);
  }
}

export interface OpenLayout extends PackageSource, AsyncDisposable {}

/** Opens such a file, of ours or of another program. Errors: registry/package, base/missingFile. */
export async function openLayout(path: string): Promise<OpenLayout> {
  const file = await open(path, "r").catch(error => {
    throw fileError(error, path);
  });
  try {
    const entries = await tarEntries(file, path);
    const missing = (name: string) =>
      registryErrors.fail("package", { place: path, expected: `an OCI image layout with ${name}`, received: "none of that name in it" });
    const entry = (name: string): TarEntry => {
      const found = entries.get(name);
      if (!found) throw missing(name);
      return found;
    };
    const whole = async (name: string): Promise<Buffer> => {
      const { offset, sizeBytes } = entry(name);
      if (sizeBytes > maxDocumentBytes)
        throw registryErrors.fail("package", {
          place: `${path}: ${name}`,
          expected: `at most ${maxDocumentBytes} bytes`,
          received: String(sizeBytes),
        });
      const bytes = Buffer.alloc(sizeBytes);
      await file.read(bytes, 0, sizeBytes, offset);
      return bytes;
    };
    parseOciDocument(layoutSchema, await whole("oci-layout"), `${path}: oci-layout`);
    const index = parseOciDocument(indexSchema, await whole("index.json"), `${path}: index.json`);
    const manifestAt = async (of: Descriptor): Promise<OciDocument> => ({
      descriptor: of,
      bytes: checkedBytes(await whole(blobName(of.digest)), of.digest, `${path}: ${blobName(of.digest)}`),
    });
    return {
      place: path,
      async manifest() {
        const own: OciDocument[] = [];
        for (const d of index.manifests) {
          if (d.mediaType !== mediaTypes.manifest) continue;
          const document = await manifestAt(d);
          if (parseOciDocument(manifestSchema, document.bytes, `${path}: ${d.digest}`).artifactType === artifactTypes.model)
            own.push(document);
        }
        if (own.length === 1) return own[0]!;
        throw registryErrors.fail("package", {
          place: path,
          expected: "one packed version",
          received: own.length === 0 ? "none; it holds something else" : String(own.length),
          hint: "`loam models pack NAME --out FILE.tar` makes one.",
        });
      },
      async *blob(of) {
        const { offset, sizeBytes } = entry(blobName(of.digest));
        for (let at = 0; at < sizeBytes; ) {
          const piece = Buffer.alloc(Math.min(pieceBytes, sizeBytes - at));
          const { bytesRead } = await file.read(piece, 0, piece.length, offset + at);
          if (bytesRead === 0) return;
          at += bytesRead;
          yield piece.subarray(0, bytesRead);
        }
      },
      async referrers(of, artifactType) {
        const found: Descriptor[] = [];
        for (const d of index.manifests) {
          if (d.mediaType !== mediaTypes.manifest || d.digest === of.digest || !entries.has(blobName(d.digest))) continue;
          const m = parseOciDocument(manifestSchema, (await manifestAt(d)).bytes, `${path}: ${d.digest}`);
          if (m.subject?.digest === of.digest && m.artifactType === artifactType) found.push(d);
        }
        return found;
      },
      [Symbol.asyncDispose]: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}
