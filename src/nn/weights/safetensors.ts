/**
 * Safetensors files in and out. A file on disk is read a tensor at a time by position, so opening one costs its header only; a file is
 * written in pieces, so memory holds one tensor. Numbers are little endian, as on every machine that Loam's runtimes exist for.
 */
import { type FileHandle, open } from "node:fs/promises";
import { fileError } from "../../base/index.ts";
import { dtypeTable, sizeOf, type TypedArray } from "../../tensor/index.ts";
import { nnErrors } from "../errors.ts";
import type { OnRead } from "./files.ts";
import { writePieces } from "./folder.ts";
import { type Header, headerLength, lengthBytes, makeHeader, parseHeader, readable, type TensorEntry, type TensorShape } from "./header.ts";

/** Named tensors of one file (or several that belong together), read on demand. */
export interface WeightFile extends Header {
  /** For messages: the path. */
  readonly place: string;
  /** Element types of its format that can be read, where they are not those of safetensors. */
  readonly types?: readonly string[];
  /** The elements of a tensor, copied. Errors when there is none of that name, or its element type has no array here. */
  read(name: string): Promise<TypedArray>;
  close(): Promise<void>;
}

/** Bytes a read asks for at once: below the 2 GiB that one system call takes. */
const readStep = 64 * 1024 * 1024;

type ReadAt = (from: number, to: number) => Promise<Uint8Array<ArrayBuffer>>;

async function readTensor(header: Header, place: string, name: string, readAt: ReadAt): Promise<TypedArray> {
  const entry = header.tensors.get(name);
  if (!entry)
    throw nnErrors.fail("weights", {
      place,
      expected: `one of ${header.tensors.size} tensors`,
      received: `"${name}"`,
      hint: "It has no such tensor.",
    });
  const dtype = readableDtype(entry, place);
  const bytes = await readAt(entry.from, entry.to);
  // a boolean is 0 or 1 for every backend, whatever byte stands for true in the file
  if (dtype === "bool") for (let i = 0; i < bytes.length; i++) bytes[i] = bytes[i] ? 1 : 0;
  return new dtypeTable[dtype].array(bytes.buffer);
}

/** The dtype that a tensor has in memory; errors for element types without one, of which `types` can be read. */
export function readableDtype(entry: TensorEntry, place: string, types?: readonly string[]) {
  if (entry.dtype) return entry.dtype;
  throw nnErrors.fail("weights", {
    place: `${place}: ${entry.name}`,
    expected: `a ${types ? "type" : "dtype"} among ${(types ?? readable).join(", ")}`,
    received: entry.fileDtype,
    hint: types ? "Take a file of another quantisation." : "Convert the file first.",
  });
}

/** Opens a file by its path, or the bytes of one. The header is checked whole; no tensor is read yet. Close it when done. */
export async function openSafetensors(
  source: string | Uint8Array,
  place = typeof source === "string" ? source : "safetensors",
  onRead?: OnRead,
): Promise<WeightFile> {
  if (typeof source !== "string") return openBytes(source, place);
  let file: FileHandle | undefined;
  try {
    file = await open(source, "r");
    const handle = file;
    const readAt: ReadAt = async (from, to) => {
      const bytes = new Uint8Array(to - from);
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await handle.read(bytes, at, Math.min(readStep, bytes.length - at), from + at);
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
    const stat = await handle.stat();
    if (!stat.isFile())
      throw nnErrors.fail("file", { place, expected: "a file", received: stat.isDirectory() ? "a folder" : "something else" });
    const length = headerLength(await readAt(0, Math.min(lengthBytes, stat.size)), stat.size, place);
    const header = parseHeader(await readAt(lengthBytes, lengthBytes + length), stat.size, place);
    return { ...header, place, read: name => readTensor(header, place, name, readAt), close: () => handle.close() };
  } catch (error) {
    await file?.close();
    throw fileError(error, place);
  }
}

/** The same over bytes in memory, at once. */
export function openBytes(bytes: Uint8Array, place = "safetensors"): WeightFile {
  const length = headerLength(bytes.subarray(0, lengthBytes), bytes.length, place);
  const header = parseHeader(bytes.subarray(lengthBytes, lengthBytes + length), bytes.length, place);
  const readAt: ReadAt = async (from, to) => new Uint8Array(bytes.subarray(from, to));
  return { ...header, place, read: name => readTensor(header, place, name, readAt), close: async () => {} };
}

/** A tensor to write; its elements are asked for when their turn comes. */
export interface TensorSource extends TensorShape {
  read(): TypedArray | Promise<TypedArray>;
}

/** The bytes of a file in pieces: header, then each tensor in the order given. */
export async function* safetensorsPieces(
  tensors: readonly TensorSource[],
  metadata: Readonly<Record<string, string>> = {},
  place = "safetensors",
): AsyncGenerator<Uint8Array> {
  yield makeHeader(tensors, metadata, place);
  for (const t of tensors) {
    const data = await t.read();
    const { array } = dtypeTable[t.dtype];
    if (!(data instanceof array) || data.length !== sizeOf(t.shape))
      throw nnErrors.fail("file", {
        place: `${place}: ${t.name}`,
        expected: `${sizeOf(t.shape)} elements in ${array.name}`,
        received: `${data.length} in ${data.constructor.name}`,
      });
    yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
}

/** Writes a file whole or not at all, durably, holding one tensor in memory at a time. */
export const writeSafetensors = (
  path: string,
  tensors: readonly TensorSource[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> => writePieces(path, safetensorsPieces(tensors, metadata, path));
