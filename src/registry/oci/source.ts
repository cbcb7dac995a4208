/** Where a packed version is read from: a file with an OCI layout, or a registry. What it gives is held against digest and size here. */
import { createHash } from "node:crypto";
import { sha256 } from "../../base/index.ts";
import { registryErrors } from "../errors.ts";
import { type Descriptor, maxDocumentBytes, type OciDocument } from "./manifest.ts";

export interface PackageSource {
  /** For sentences. */
  readonly place: string;
  /** The version's manifest; its bytes are those of its digest. */
  manifest(): Promise<OciDocument>;
  /** The bytes of a blob or a manifest, not checked yet. */
  blob(of: Descriptor): AsyncIterable<Buffer>;
  /** Manifests whose subject this one is, of an artifact type. */
  referrers(of: Descriptor, artifactType: string): Promise<readonly Descriptor[]>;
}

const damaged = (place: string, expected: string, received: string) =>
  registryErrors.fail("package", { place, expected, received, hint: "Nothing was registered. Fetch or pack it again." });

/** Passes pieces through; fails at the first byte too many, and at the end where they are others than named. Errors: registry/package. */
export async function* checkedPieces(pieces: AsyncIterable<Buffer>, of: Descriptor, place: string): AsyncGenerator<Buffer> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const piece of pieces) {
    size += piece.length;
    if (size > of.size) throw damaged(place, `${of.size} bytes`, "more");
    hash.update(piece);
    yield piece;
  }
  const got = `sha256:${hash.digest("hex")}`;
  if (size !== of.size) throw damaged(place, `${of.size} bytes`, String(size));
  if (got !== of.digest) throw damaged(place, of.digest, got);
}

/** A small document whole. Errors: registry/package. */
export async function readDocument(source: PackageSource, of: Descriptor, place: string): Promise<Buffer> {
  if (of.size > maxDocumentBytes) throw damaged(place, `at most ${maxDocumentBytes} bytes`, String(of.size));
  const all: Buffer[] = [];
  for await (const piece of checkedPieces(source.blob(of), of, place)) all.push(piece);
  return Buffer.concat(all);
}

/** Errors: registry/package. */
export function checkedBytes(bytes: Buffer, digest: string, place: string): Buffer {
  const got = `sha256:${sha256(bytes)}`;
  if (got !== digest) throw damaged(place, digest, got);
  return bytes;
}
