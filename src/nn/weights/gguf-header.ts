/**
 * The head of a GGUF file (ggml-org/ggml, docs/gguf.md, versions 2 and 3): magic, counts, metadata as typed values, then name, sizes, type and
 * offset of each tensor; the data follows at a multiple of the alignment. Everything is checked before a tensor is read, and nothing is
 * allocated on the word of a count that the bytes at hand cannot hold.
 */
import { nnErrors } from "../errors.ts";
import { type GgufType, ggufTypes } from "./gguf-types.ts";

/**
 * 64 MiB of head. A vocabulary of 262,144 tokens with its merges, the largest known, takes 16 MB; each byte of it may become ten in memory.
 */
export const maxGgufHead = 64 * 1024 * 1024;
/** The largest published models have some thousands. */
const maxTensors = 100_000;
/** The format's own limit of a key; names of tensors are shorter. */
const maxKeyBytes = 65_535;
const maxNameBytes = 512;
const maxAxes = 4;
/** Keys that the largest known heads have, a thousand times. */
const maxKeys = 65_536;
const defaultAlignment = 32;

type GgufNumbers = Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;
type GgufList = GgufNumbers | BigInt64Array | BigUint64Array | readonly boolean[] | readonly string[];
type GgufScalar = number | bigint | boolean;
/** Whole numbers past 2^53 are bigints. */
export type GgufValue = GgufScalar | string | GgufList;

interface GgufTensor {
  readonly name: string;
  readonly type: GgufType;
  /** Outermost first, as everywhere in Loam; the file has them the other way round. */
  readonly shape: readonly number[];
  /** Byte range in the file, from its start. */
  readonly from: number;
  readonly to: number;
}

export interface GgufHead {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** In the order of the file. */
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

/** More of the file is needed: so many bytes from its start at least. */
interface MoreBytes {
  readonly needs: number;
}

const shown = (name: string): string => JSON.stringify(name.length > 80 ? `${name.slice(0, 77)}...` : name);

/** Thrown inside only: the bytes at hand end before the value does. */
class Short extends Error {
  readonly needs: number;
  constructor(needs: number) {
    super();
    this.needs = needs;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

class Cursor {
  at = 0;
  readonly bytes: Uint8Array;
  private readonly view: DataView;
  readonly fileBytes: number;
  private readonly place: string;

  constructor(bytes: Uint8Array, fileBytes: number, place: string) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.fileBytes = fileBytes;
    this.place = place;
  }

  wrong(what: string, expected: string, received: string, hint?: string) {
    const place = what ? `${this.place}: ${what}` : this.place;
    return nnErrors.fail("file", { place, expected, received, ...(hint ? { hint } : {}) });
  }

  /** Where the next `n` bytes begin. `least` says how much of the file what is counted must take. */
  take(n: number, what: string): number {
    const from = this.at;
    if (n > this.fileBytes - from)
      throw this.wrong(what, `${n} bytes`, `an end of the file ${this.fileBytes - from} bytes on`, "The file may be truncated.");
    if (n > maxGgufHead - from)
      throw this.wrong(what, `metadata and names of at most ${maxGgufHead} bytes`, `more than ${from}, and ${n} to come`);
    if (n > this.bytes.length - from) throw new Short(from + n);
    this.at = from + n;
    return from;
  }

  u32(what: string): number {
    return this.view.getUint32(this.take(4, what), true);
  }
  /** A u64 that counts something. */
  count(what: string): number {
    const value = this.view.getBigUint64(this.take(8, what), true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw this.wrong(what, "a number that can be counted to", String(value));
    return Number(value);
  }
  text(what: string, most = Number.POSITIVE_INFINITY): string {
    const length = this.count(what);
    if (length > most) throw this.wrong(what, `at most ${most} bytes`, String(length));
    const from = this.take(length, what);
    try {
      return utf8.decode(this.bytes.subarray(from, from + length));
    } catch (error) {
      throw nnErrors.fail("file", { place: `${this.place}: ${what}`, expected: "UTF-8", received: "other bytes" }, error);
    }
  }
  scalar(read: (view: DataView, at: number) => GgufScalar, size: number, what: string): GgufScalar {
    return read(this.view, this.take(size, what));
  }
  /** The next `n` bytes, copied, so that a typed array may lie over them. */
  copy(n: number, what: string): ArrayBuffer {
    const from = this.take(n, what);
    // not `slice`, which shares a Buffer's memory
    return new Uint8Array(this.bytes.subarray(from, from + n)).buffer;
  }
}

const whole = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;

interface Kind {
  readonly size: number;
  readonly read: (view: DataView, at: number) => GgufScalar;
  readonly list: (bytes: ArrayBuffer) => GgufList;
}
/** Numbers and booleans by the number of their type; 8 is a text and 9 a list. */
const kinds: ReadonlyMap<number, Kind> = new Map<number, Kind>([
  [0, { size: 1, read: (v, at) => v.getUint8(at), list: b => new Uint8Array(b) }],
  [1, { size: 1, read: (v, at) => v.getInt8(at), list: b => new Int8Array(b) }],
  [2, { size: 2, read: (v, at) => v.getUint16(at, true), list: b => new Uint16Array(b) }],
  [3, { size: 2, read: (v, at) => v.getInt16(at, true), list: b => new Int16Array(b) }],
  [4, { size: 4, read: (v, at) => v.getUint32(at, true), list: b => new Uint32Array(b) }],
  [5, { size: 4, read: (v, at) => v.getInt32(at, true), list: b => new Int32Array(b) }],
  [6, { size: 4, read: (v, at) => v.getFloat32(at, true), list: b => new Float32Array(b) }],
  [7, { size: 1, read: (v, at) => v.getUint8(at) !== 0, list: b => Array.from(new Uint8Array(b), x => x !== 0) }],
  [10, { size: 8, read: (v, at) => whole(v.getBigUint64(at, true)), list: b => new BigUint64Array(b) }],
  [11, { size: 8, read: (v, at) => whole(v.getBigInt64(at, true)), list: b => new BigInt64Array(b) }],
  [12, { size: 8, read: (v, at) => v.getFloat64(at, true), list: b => new Float64Array(b) }],
]);
const textKind = 8;
const listKind = 9;
/** Bytes before a text: its length. */
const textHead = 8;

function readValue(c: Cursor, kind: number, key: string): GgufValue {
  if (kind === textKind) return c.text(key);
  const number = kinds.get(kind);
  if (number) return c.scalar(number.read, number.size, key);
  if (kind !== listKind) throw c.wrong(key, "a type from 0 to 12", String(kind));
  const inner = c.u32(key);
  const length = c.count(key);
  const numbers = kinds.get(inner);
  // the format allows lists in lists; no file has them, and a million empty ones would cost more memory than they say
  if (inner === listKind) throw c.wrong(key, "a list of numbers or texts", "a list of lists");
  if (!numbers && inner !== textKind) throw c.wrong(key, "a type from 0 to 12", String(inner));
  const least = numbers?.size ?? textHead;
  const room = Math.min(c.fileBytes, maxGgufHead) - c.at;
  if (length > room / least)
    throw c.wrong(key, `a list that fits the ${room} bytes that follow`, `${length} elements of at least ${least} bytes`);
  if (numbers) return numbers.list(c.copy(length * numbers.size, key));
  const list: string[] = [];
  for (let i = 0; i < length; i++) list.push(c.text(key));
  return list;
}

interface Info {
  readonly name: string;
  readonly type: GgufType;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly sizeBytes: number;
}

function readInfo(c: Cursor, index: number): Info {
  const name = c.text(`tensor ${index}`, maxNameBytes);
  const what = shown(name);
  const axes = c.u32(what);
  if (axes < 1 || axes > maxAxes) throw c.wrong(what, `1 to ${maxAxes} axes`, String(axes));
  const inFile = Array.from({ length: axes }, () => c.count(what));
  const number = c.u32(what);
  const offset = c.count(what);
  const type = ggufTypes.get(number);
  if (!type) throw c.wrong(what, `a type among ${[...ggufTypes.values()].map(t => t.name).join(", ")}`, `number ${number}`);
  if (inFile.some(d => d === 0)) throw c.wrong(what, "axes from 1", `[${inFile.join(", ")}]`);
  if (inFile[0]! % type.length) throw c.wrong(what, `rows of whole blocks of ${type.length} (${type.name})`, `rows of ${inFile[0]}`);
  // a product past 2^53 is inexact, and no file is so large
  const length = inFile.reduce((n, d) => (Number.isSafeInteger(n * d) ? n * d : Number.NaN), 1);
  const sizeBytes = (length / type.length) * type.sizeBytes;
  if (!Number.isSafeInteger(sizeBytes)) throw c.wrong(what, "a size that can be counted", `[${inFile.join(", ")}]`);
  return { name, type, shape: inFile.reverse(), offset, sizeBytes };
}

function alignmentOf(metadata: ReadonlyMap<string, GgufValue>, c: Cursor): number {
  const key = "general.alignment";
  const value = metadata.get(key) ?? defaultAlignment;
  // a power of two, so that what is aligned in the file can be aligned in memory
  if (typeof value !== "number" || value < 1 || value > 2 ** 20 || !Number.isInteger(Math.log2(value)))
    throw c.wrong(key, "a power of two up to 2^20", String(value).slice(0, 40));
  return value;
}

/** Ranges of the tensors in the file: aligned, inside it, and apart. */
function placed(infos: readonly Info[], start: number, alignment: number, c: Cursor): Map<string, GgufTensor> {
  const room = c.fileBytes - start;
  const tensors = new Map<string, GgufTensor>();
  for (const { name, type, shape, offset, sizeBytes } of infos) {
    const what = shown(name);
    if (tensors.has(name)) throw c.wrong(what, "each name once", "it again");
    if (offset % alignment) throw c.wrong(what, `an offset that ${alignment} divides`, String(offset));
    if (offset > room || sizeBytes > room - offset)
      throw c.wrong(
        what,
        `${sizeBytes} bytes from ${offset} on within the ${Math.max(room, 0)} bytes of data`,
        "an end of the file before",
        "The file may be truncated.",
      );
    tensors.set(name, { name, type, shape, from: start + offset, to: start + offset + sizeBytes });
  }
  let end = start;
  for (const t of [...tensors.values()].sort((a, b) => a.from - b.from)) {
    if (t.from < end)
      throw c.wrong(shown(t.name), `bytes from ${end - start}, where the tensor before it ends`, `bytes from ${t.from - start}`);
    end = t.to;
  }
  return tensors;
}

function parse(c: Cursor): GgufHead {
  const magic = String.fromCharCode(...c.bytes.subarray(c.take(4, ""), c.at));
  if (magic !== "GGUF") throw c.wrong("", 'the letters "GGUF" first', shown(magic), "Is it a GGUF file?");
  const version = c.u32("version");
  if (version !== 2 && version !== 3)
    throw c.wrong(
      "version",
      "2 or 3",
      String(version),
      version > 0xffff
        ? "Its bytes are in big-endian order, which is not read."
        : version === 1
          ? "Convert it with a newer program."
          : "Use a newer Loam.",
    );
  const numTensors = c.count("number of tensors");
  const numKeys = c.count("number of metadata keys");
  if (numKeys > maxKeys) throw c.wrong("number of metadata keys", `at most ${maxKeys}`, String(numKeys));
  if (numTensors > maxTensors) throw c.wrong("number of tensors", `at most ${maxTensors}`, String(numTensors));
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < numKeys; i++) {
    const key = c.text(`metadata key ${i}`, maxKeyBytes);
    const place = key.slice(0, 100);
    if (metadata.has(key)) throw c.wrong(place, "each key once", "it again");
    metadata.set(key, readValue(c, c.u32(place), place));
  }
  const infos: Info[] = [];
  for (let i = 0; i < numTensors; i++) infos.push(readInfo(c, i));
  const alignment = alignmentOf(metadata, c);
  return { version, metadata, tensors: placed(infos, Math.ceil(c.at / alignment) * alignment, alignment, c) };
}

/**
 * The head of a file of `fileBytes` bytes, from its first bytes; `needs` where they are not enough. Errors: nn/file with the key or tensor.
 */
export function parseGgufHead(first: Uint8Array, fileBytes: number, place: string): GgufHead | MoreBytes {
  try {
    return parse(new Cursor(first, fileBytes, place));
  } catch (error) {
    if (error instanceof Short) return { needs: error.needs };
    throw error;
  }
}
