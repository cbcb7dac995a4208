/**
 * A layer as a blob: a tar, compressed by a gzip coder in plain JavaScript, whose bytes are the same on every Node (zlib's differ between its versions,
 * and Node changes those). Weights are stored: the mantissas of floating-point numbers do not compress. Stored within gzip, since some programs read no other
 * layers (`crane validate`).
 */
import { createHash, type Hash } from "node:crypto";
import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { Gzip } from "fflate";
import { type Descriptor, tarOf } from "../../registry/index.ts";
import type { KeptLayers } from "./kept-layers.ts";
import { type TreeEntry, tarFiles, treeBytes, wholeTree } from "./tree.ts";

const layerMediaType = "application/vnd.oci.image.layer.v1.tar+gzip";
type LayerCoding = "stored" | "gzip";

/** By how often they change, the rarest first: a new version of a model sends its weights and nothing else. */
const layerNames = ["base", "library", "code", "weights"] as const;
type LayerName = (typeof layerNames)[number];

export interface LayerPlan {
  readonly name: LayerName;
  readonly coding: LayerCoding;
  readonly entries: readonly TreeEntry[];
}

export interface WrittenLayer {
  readonly name: LayerName | "given";
  readonly descriptor: Descriptor;
  /** Of the tar, before compression: what a container runtime compares after unpacking. */
  readonly diffId: string;
  /** Of all files in it; null of a layer that was taken from a base image. */
  readonly unpackedBytes: number | null;
}

/** A smaller level saves 1 s and costs 2 MB of a Node of 99 MB (measured). */
const gzipLevel = 6;

/** Pieces in, compressed pieces out. */
export async function* gzipped(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let out: Uint8Array[] = [];
  const coder = new Gzip({ level: gzipLevel, mtime: 0 }, piece => {
    out.push(piece);
  });
  for await (const piece of pieces) {
    // a view is kept until the coder has a window of it, and writers may reuse theirs
    coder.push(Uint8Array.from(piece), false);
    yield* out;
    out = [];
  }
  coder.push(new Uint8Array(0), true);
  yield* out;
}

/** Bytes of a stored block of DEFLATE, at most (RFC 1951, 3.2.4). */
const blockBytes = 65_535;
/** DEFLATE, no name, time 0, no flags, unknown system (RFC 1952): as the other coder has it. */
const gzipHead = Uint8Array.from([31, 139, 8, 0, 0, 0, 0, 0, 0, 3]);

const storedBlock = (data: Uint8Array, isLast: boolean): Uint8Array[] => {
  const head = new Uint8Array(5);
  const view = new DataView(head.buffer);
  head[0] = isLast ? 1 : 0;
  view.setUint16(1, data.length, true);
  view.setUint16(3, data.length ^ 0xffff, true);
  return [head, data];
};

/** Pieces in, gzip without compression out: the same bytes however the pieces are cut. */
async function* stored(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield gzipHead;
  let [crc, size] = [0, 0];
  let held = Buffer.alloc(0);
  for await (const piece of pieces) {
    crc = crc32(piece, crc);
    size += piece.length;
    held = held.length === 0 ? Buffer.from(piece) : Buffer.concat([held, piece]);
    let at = 0;
    const blocks: Uint8Array[] = [];
    for (; held.length - at >= blockBytes; at += blockBytes) blocks.push(...storedBlock(held.subarray(at, at + blockBytes), false));
    if (at === 0) continue;
    held = held.subarray(at);
    yield Buffer.concat(blocks);
  }
  const tail = Buffer.alloc(8);
  tail.writeUInt32LE(crc, 0);
  tail.writeUInt32LE(size % 2 ** 32, 4);
  yield Buffer.concat([...storedBlock(held, true), tail]);
}

const coders: { readonly [C in LayerCoding]: (pieces: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array> } = { stored, gzip: gzipped };

interface LayerWriting {
  readonly signal?: AbortSignal | undefined;
  /** Where compressed layers are looked for, and kept. */
  readonly kept?: KeptLayers | undefined;
}

/** Writes a layer as a blob into `folder`, under its digest. Errors: those of the file system. */
export async function writeLayer(plan: LayerPlan, folder: string, { signal, kept }: LayerWriting = {}): Promise<WrittenLayer> {
  const whole = wholeTree(plan.entries);
  const part = join(folder, `.${plan.name}.part`);
  const asKept = plan.coding === "gzip" && kept ? await keptBlob(whole, part, kept, signal) : undefined;
  const { tarHex, blobHex, sizeBytes } = asKept ?? (await codedBlob(plan.coding, whole, part, signal));
  if (plan.coding === "gzip" && !asKept) await kept?.keep(tarHex, blobHex, part);
  await rename(part, join(folder, blobHex));
  return {
    name: plan.name,
    descriptor: { mediaType: layerMediaType, digest: `sha256:${blobHex}`, size: sizeBytes },
    diffId: `sha256:${tarHex}`,
    unpackedBytes: treeBytes(whole),
  };
}

interface Blob {
  readonly tarHex: string;
  readonly blobHex: string;
  readonly sizeBytes: number;
}

/** The tar of a tree, piece by piece, each of them put into `hash`. */
async function* hashedTar(whole: readonly TreeEntry[], hash: Hash, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  for await (const piece of tarOf(tarFiles(whole))) {
    signal?.throwIfAborted();
    hash.update(piece);
    yield piece;
  }
}

async function keptBlob(
  whole: readonly TreeEntry[],
  path: string,
  kept: KeptLayers,
  signal: AbortSignal | undefined,
): Promise<Blob | undefined> {
  const hash = createHash("sha256");
  // a tar is read a hundred times as fast as it is compressed
  for await (const _ of hashedTar(whole, hash, signal));
  const tarHex = hash.digest("hex");
  const found = await kept.fetch(tarHex, path);
  return found && { tarHex, ...found };
}

async function codedBlob(coding: LayerCoding, whole: readonly TreeEntry[], path: string, signal: AbortSignal | undefined): Promise<Blob> {
  const [tarHash, blobHash] = [createHash("sha256"), createHash("sha256")];
  let sizeBytes = 0;
  const file = await open(path, "w");
  try {
    for await (const piece of coders[coding](hashedTar(whole, tarHash, signal))) {
      blobHash.update(piece);
      sizeBytes += piece.length;
      await file.writeFile(piece);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { tarHex: tarHash.digest("hex"), blobHex: blobHash.digest("hex"), sizeBytes };
}
