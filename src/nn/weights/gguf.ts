/**
 * GGUF files as named tensors: the head is read in growing bites, a tensor when it is asked for, in pieces that are decoded to float32 as they
 * come. So a file of any size costs its head, one tensor, and one piece.
 */
import { type FileHandle, open } from "node:fs/promises";
import { fileError } from "../../base/index.ts";
import { sizeOf } from "../../tensor/index.ts";
import { nnErrors } from "../errors.ts";
import type { OnRead } from "./files.ts";
import { type GgufHead, type GgufValue, maxGgufHead, parseGgufHead } from "./gguf-header.ts";
import { readableGgufTypes } from "./gguf-types.ts";
import type { TensorEntry } from "./header.ts";
import type { WeightFile } from "./safetensors.ts";

export interface GgufFile extends WeightFile {
  readonly version: number;
  readonly values: ReadonlyMap<string, GgufValue>;
  /** The elements of a tensor as float32. Errors: nn/weights where there is none of that name, nn/file where its type has no decoder. */
  read(name: string): Promise<Float32Array<ArrayBuffer>>;
}

type ReadAt = (from: number, to: number) => Promise<Uint8Array>;

/** The first bite of a head; small models' are a little over a megabyte. */
const firstBite = 2 * 1024 * 1024;
/** Bytes decoded at once, about: whole blocks. */
const pieceStep = 4 * 1024 * 1024;

async function readHead(readAt: ReadAt, fileBytes: number, place: string): Promise<GgufHead> {
  for (let size = firstBite; ; ) {
    const bytes = await readAt(0, Math.min(size, fileBytes));
    const head = parseGgufHead(bytes, fileBytes, place);
    if (!("needs" in head)) return head;
    size = Math.min(maxGgufHead, Math.max(4 * size, head.needs));
  }
}

async function readTensor(head: GgufHead, place: string, name: string, readAt: ReadAt): Promise<Float32Array<ArrayBuffer>> {
  const tensor = head.tensors.get(name);
  if (!tensor)
    throw nnErrors.fail("weights", { place, expected: `one of ${head.tensors.size} tensors`, received: `"${name.slice(0, 80)}"` });
  const { type } = tensor;
  if (!type.decode)
    throw nnErrors.fail("file", {
      place: `${place}: ${name}`,
      expected: `a type among ${readableGgufTypes.join(", ")}`,
      received: type.name,
      hint: "Take a file of another quantisation.",
    });
  const out = new Float32Array(sizeOf(tensor.shape));
  const step = Math.floor(pieceStep / type.sizeBytes) * type.sizeBytes;
  for (let from = tensor.from; from < tensor.to; from += step) {
    const to = Math.min(from + step, tensor.to);
    const at = ((from - tensor.from) / type.sizeBytes) * type.length;
    type.decode(await readAt(from, to), out.subarray(at, at + ((to - from) / type.sizeBytes) * type.length));
  }
  return out;
}

async function ggufOver(readAt: ReadAt, fileBytes: number, place: string, close: () => Promise<void>): Promise<GgufFile> {
  const head = await readHead(readAt, fileBytes, place);
  const tensors = new Map<string, TensorEntry>();
  for (const { name, type, shape, from, to } of head.tensors.values())
    tensors.set(name, { name, fileDtype: type.name, dtype: type.decode ? "f32" : undefined, shape, from, to });
  return {
    version: head.version,
    values: head.metadata,
    metadata: {},
    tensors,
    types: readableGgufTypes,
    place,
    read: name => readTensor(head, place, name, readAt),
    close,
  };
}

/** Opens a file by its path, or the bytes of one. The head is checked whole; no tensor is read yet. Close it when done. Errors: nn/file. */
export async function openGguf(
  source: string | Uint8Array,
  place = typeof source === "string" ? source : "gguf",
  onRead?: OnRead,
): Promise<GgufFile> {
  if (typeof source !== "string")
    return ggufOver(
      async (from, to) => source.subarray(from, to),
      source.length,
      place,
      async () => {},
    );
  let file: FileHandle | undefined;
  try {
    file = await open(source, "r");
    const handle = file;
    const stat = await handle.stat();
    if (!stat.isFile())
      throw nnErrors.fail("file", { place, expected: "a file", received: stat.isDirectory() ? "a folder" : "something else" });
    const readAt: ReadAt = async (from, to) => {
      const bytes = new Uint8Array(to - from);
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await handle.read(bytes, at, bytes.length - at, from + at);
        if (bytesRead === 0)
          throw nnErrors.fail("file", {
            place,
            expected: `${to} bytes`,
            received: `an end at ${from + at}`,
            hint: "It was cut while it was open.",
          });
        await onRead?.(from + at, bytes.subarray(at, at + bytesRead));
        at += bytesRead;
      }
      return bytes;
    };
    return await ggufOver(readAt, stat.size, place, () => handle.close());
  } catch (error) {
    await file?.close();
    throw fileError(error, place);
  }
}
