/**
 * The header of a safetensors file (huggingface/safetensors, format 0.6): 8 bytes of length (little endian), JSON that names each tensor's
 * dtype, shape and byte range, then the bytes without holes or overlaps. Everything is checked before a single tensor is read or allocated.
 */
import { showValue } from "../../base/index.ts";
import { type DType, dtypes, dtypeTable, type Shape } from "../../tensor/index.ts";
import { nnErrors } from "../errors.ts";
import { duplicateKey } from "./duplicate-key.ts";

/** Bytes before the header: its length as u64. */
export const lengthBytes = 8;
/**
 * 16 MiB of header. Room for 100,000 tensors at 160 bytes each, ten times what the largest published shards have; parsed JSON takes up to
 * twenty times its text in memory, so a larger one could exhaust a small machine.
 */
export const maxHeaderBytes = 16 * 1024 * 1024;
/** Data starts at a multiple of this, so that a mapped file gives aligned arrays. */
export const alignment = 8;
const metadataKey = "__metadata__";

/** Element types of the format and their bits; ours are those with a row in the dtype table, the others are named when read. */
const foreignBits = {
  F64: 64,
  I16: 16,
  U16: 16,
  U32: 32,
  U64: 64,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F6_E2M3: 6,
  F6_E3M2: 6,
  F4: 4,
  C64: 64,
} as const;
const ours: ReadonlyMap<string, DType> = new Map(dtypes.map(d => [dtypeTable[d].safetensors, d]));
const bitsOf = (name: string): number | undefined => {
  const dtype = ours.get(name);
  if (dtype) return 8 * dtypeTable[dtype].sizeBytes;
  return Object.hasOwn(foreignBits, name) ? foreignBits[name as keyof typeof foreignBits] : undefined;
};
/** Names of the element types that can be read. */
export const readable: readonly string[] = [...ours.keys()];

export interface TensorEntry {
  readonly name: string;
  /** As the file writes it. */
  readonly fileDtype: string;
  /** Undefined for an element type of the format that Loam has no arrays for (F64, F8_E4M3, ...). */
  readonly dtype: DType | undefined;
  readonly shape: Shape;
  /** Byte range in the file, from its start. */
  readonly from: number;
  readonly to: number;
}

export interface Header {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of the header. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/** Room for a name in a sentence: hostile names can be megabytes. */
const shown = (name: string): string => JSON.stringify(name.length > 80 ? `${name.slice(0, 77)}...` : name);
const show = (value: unknown): string => showValue(value, 80);
const isObject = (x: unknown): x is Record<string, unknown> => x !== null && typeof x === "object" && !Array.isArray(x);
const isCount = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0 && !Object.is(x, -0);
/** Half a surrogate pair: no UTF-8 file can hold it. */
const loneSurrogate = /\p{Surrogate}/u;

/** The header's length of a file of `fileBytes` bytes, from its first 8; errors when it cannot be. */
export function headerLength(first: Uint8Array, fileBytes: number, place: string): number {
  if (first.length < lengthBytes)
    throw nnErrors.fail("file", {
      place,
      expected: "a safetensors file (8 bytes of header length first)",
      received: `${first.length} bytes`,
    });
  const length = new DataView(first.buffer, first.byteOffset, lengthBytes).getBigUint64(0, true);
  const room = fileBytes - lengthBytes;
  const received = `a header of ${length} bytes`;
  if (length > BigInt(maxHeaderBytes))
    throw nnErrors.fail("file", {
      place,
      expected: `a header of at most ${maxHeaderBytes} bytes`,
      received,
      hint: "Is it a safetensors file?",
    });
  if (length > BigInt(room))
    throw nnErrors.fail("file", {
      place,
      expected: `a header within the file's ${room} bytes`,
      received,
      hint: "The file may be truncated.",
    });
  return Number(length);
}

function parseJson(bytes: Uint8Array, place: string): Record<string, unknown> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw nnErrors.fail("file", { place, expected: "a header in UTF-8", received: "other bytes" }, error);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw nnErrors.fail("file", { place, expected: "a header of JSON", received: show(text.slice(0, 80)) }, error);
  }
  if (!text.startsWith("{") || !isObject(value))
    throw nnErrors.fail("file", { place, expected: "a JSON object as header", received: show(value) });
  const twice = duplicateKey(text);
  if (twice !== undefined)
    throw nnErrors.fail("file", { place, expected: "each key once in the header", received: `${shown(twice)} twice` });
  return value;
}

function parseMetadata(value: unknown, place: string): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  if (!isObject(value))
    throw nnErrors.fail("file", { place: `${place}: ${metadataKey}`, expected: "texts by name", received: show(value) });
  for (const [key, text] of Object.entries(value))
    if (typeof text !== "string")
      throw nnErrors.fail("file", { place: `${place}: ${metadataKey}.${key.slice(0, 80)}`, expected: "a text", received: show(text) });
  return value as Record<string, string>;
}

function parseEntry(name: string, value: unknown, start: number, end: number, place: string): TensorEntry {
  const wrong = (expected: string, received: unknown) =>
    nnErrors.fail("file", {
      place: `${place}: ${shown(name)}`,
      expected,
      received: typeof received === "string" ? received : show(received),
    });
  if (loneSurrogate.test(name)) throw wrong("a name of whole characters", "half a surrogate pair");
  if (!isObject(value)) throw wrong("dtype, shape and data_offsets", value);
  const known = ["dtype", "shape", "data_offsets"];
  const odd = Object.keys(value).find(k => !known.includes(k));
  if (odd !== undefined) throw wrong(`only ${known.join(", ")}`, { [odd.slice(0, 60)]: "..." });
  const { dtype: fileDtype, shape, data_offsets: offsets } = value;
  const bits = typeof fileDtype === "string" ? bitsOf(fileDtype) : undefined;
  if (typeof fileDtype !== "string" || bits === undefined) throw wrong(`a dtype among ${readable.join(", ")}`, { dtype: fileDtype });
  if (!Array.isArray(shape) || !shape.every(isCount)) throw wrong("a shape of whole numbers from 0", { shape });
  // a product past 2^53 is inexact, so it is refused at the axis that passes it, even when a later axis is 0
  const sizeBits = (shape as number[]).reduce((n, d) => (Number.isSafeInteger(n * d) ? n * d : Number.NaN), bits);
  if (Number.isNaN(sizeBits)) throw wrong("a shape whose size can be counted", { shape });
  if (sizeBits % 8) throw wrong("a size of whole bytes", { dtype: fileDtype, shape });
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    throw wrong("data_offsets [from, to]", { data_offsets: offsets });
  const [from, to] = offsets as [number, number];
  if (from > to || to > end - start) throw wrong(`offsets in order within the ${end - start} bytes of data`, { data_offsets: offsets });
  if (to - from !== sizeBits / 8)
    throw wrong(`${sizeBits / 8} bytes for ${fileDtype} [${shape.join(", ").slice(0, 60)}]`, `${to - from} bytes`);
  return { name, fileDtype, dtype: ours.get(fileDtype), shape, from: start + from, to: start + to };
}

/** Parses and checks a header against the file's size. Byte ranges of the tensors cover the data exactly: no hole, overlap, or rest. */
export function parseHeader(json: Uint8Array, fileBytes: number, place: string): Header {
  const value = parseJson(json, place);
  const start = lengthBytes + json.length;
  const tensors = new Map<string, TensorEntry>();
  for (const [name, entry] of Object.entries(value))
    if (name !== metadataKey) tensors.set(name, parseEntry(name, entry, start, fileBytes, place));
  let at = start;
  // an empty tensor may stand where another begins
  for (const t of [...tensors.values()].sort((a, b) => a.from - b.from || a.to - b.to)) {
    if (t.from !== at)
      throw nnErrors.fail("file", {
        place: `${place}: ${shown(t.name)}`,
        expected: `bytes from ${at - start}, where the tensor before it ends`,
        received: `${t.from < at ? "an overlap" : "a hole"}: bytes from ${t.from - start}`,
      });
    at = t.to;
  }
  if (at !== fileBytes)
    throw nnErrors.fail("file", { place, expected: `data of ${at - start} bytes, as the header says`, received: `${fileBytes - at} more` });
  return { metadata: parseMetadata(value[metadataKey], place), tensors };
}

export interface TensorShape {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** The first bytes of a file: length and header for tensors that follow in this order, padded with spaces to the alignment. */
export function makeHeader(tensors: readonly TensorShape[], metadata: Readonly<Record<string, string>>, place: string): Buffer {
  const entries = new Map<string, object>();
  if (Object.keys(metadata).length) entries.set(metadataKey, metadata);
  let at = 0;
  for (const { name, dtype, shape } of tensors) {
    const row = dtypeTable[dtype];
    const to = at + shape.reduce((n, d) => n * d, row.sizeBytes);
    const wrong = (expected: string, received: string) => nnErrors.fail("file", { place: `${place}: ${shown(name)}`, expected, received });
    if (entries.has(name) || name === metadataKey) throw wrong("each name once", "it again");
    if (loneSurrogate.test(name)) throw wrong("a name of whole characters", "half a surrogate pair");
    if (!shape.every(isCount) || !Number.isSafeInteger(8 * to)) throw wrong("a shape whose size can be counted", show(shape));
    entries.set(name, { dtype: row.safetensors, shape, data_offsets: [at, to] });
    at = to;
  }
  // by hand: an object would sort names that look like indices first, and lose "__proto__"
  const json = Buffer.from(`{${[...entries].map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join(",")}}`);
  const padded = Math.ceil(json.length / alignment) * alignment;
  if (padded > maxHeaderBytes)
    throw nnErrors.fail("file", { place, expected: `a header of at most ${maxHeaderBytes} bytes`, received: `${padded} bytes` });
  const out = Buffer.alloc(lengthBytes + padded, " ");
  out.writeBigUInt64LE(BigInt(padded), 0);
  json.copy(out, lengthBytes);
  return out;
}
