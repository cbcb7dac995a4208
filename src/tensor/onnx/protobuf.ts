/**
 * Protocol Buffers' wire format, as much of it as ONNX needs. The writer keeps a list of chunks, so a large tensor is copied once, into
 * the final bytes. A nested message gets a length of fixed width (a padded varint) that is filled in when the message ends: one pass,
 * no nested writers. Left out: groups, packed writing, unknown-field keeping. Source: protobuf.dev, "Encoding".
 */
import { onnxErrors } from "./errors.ts";

const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** The parsers of the format take lengths as signed 32-bit numbers. */
export const maxMessageBytes = 2 ** 31 - 1;

/** Below this a copy into the running chunk is cheaper than a chunk of its own. */
const ownChunkBytes = 4096;
const paddedLengthBytes = 5;

const text = new TextEncoder();
const utf8 = new TextDecoder("utf-8", { fatal: true });

export class ProtobufWriter {
  #chunks: Uint8Array[] = [];
  #chunk = new Uint8Array(16 * 1024);
  #at = 0;
  #closedBytes = 0;

  /** Bytes written so far. */
  get length(): number {
    return this.#closedBytes + this.#at;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#chunk.length) return;
    this.#close();
    this.#chunk = new Uint8Array(Math.max(64 * 1024, bytes));
  }

  #close(): void {
    if (this.#at > 0) this.#chunks.push(this.#chunk.subarray(0, this.#at));
    this.#closedBytes += this.#at;
    this.#chunk = this.#chunk.subarray(this.#at);
    this.#at = 0;
  }

  #varint(value: number | bigint): void {
    this.#room(10);
    if (typeof value === "number" && value >= 0 && value < 2 ** 31) {
      let v = value;
      for (; v > 127; v >>>= 7) this.#chunk[this.#at++] = (v & 127) | 128;
      this.#chunk[this.#at++] = v;
      return;
    }
    // A negative integer is written as its 64-bit two's complement.
    let v = BigInt.asUintN(64, BigInt(value));
    for (; v > 127n; v >>= 7n) this.#chunk[this.#at++] = Number(v & 127n) | 128;
    this.#chunk[this.#at++] = Number(v);
  }

  #tag(field: number, type: number): void {
    this.#varint((field << 3) | type);
  }

  int(field: number, value: number | bigint): void {
    this.#tag(field, wire.varint);
    this.#varint(value);
  }

  float(field: number, value: number): void {
    this.#tag(field, wire.fixed32);
    this.#room(4);
    new DataView(this.#chunk.buffer, this.#chunk.byteOffset + this.#at, 4).setFloat32(0, value, true);
    this.#at += 4;
  }

  string(field: number, value: string): void {
    this.bytes(field, text.encode(value));
  }

  /** Large arrays are referred to, not copied: do not change them before `finish`. */
  bytes(field: number, value: Uint8Array): void {
    this.#tag(field, wire.bytes);
    this.#varint(value.length);
    if (value.length >= ownChunkBytes) {
      this.#close();
      this.#chunks.push(value);
      this.#closedBytes += value.length;
      return;
    }
    this.#room(value.length);
    this.#chunk.set(value, this.#at);
    this.#at += value.length;
  }

  message(field: number, body: () => void): void {
    this.#tag(field, wire.bytes);
    this.#room(paddedLengthBytes);
    const place = this.#chunk.subarray(this.#at, this.#at + paddedLengthBytes);
    this.#at += paddedLengthBytes;
    const start = this.length;
    body();
    let size = this.length - start;
    for (let i = 0; i < paddedLengthBytes; i++, size = Math.floor(size / 128))
      place[i] = (size % 128) | (i < paddedLengthBytes - 1 ? 128 : 0);
  }

  /** All bytes in one array whose memory never moves. */
  finish(): Uint8Array<ArrayBuffer> {
    this.#close();
    const out = new Uint8Array(new ArrayBuffer(this.#closedBytes));
    let at = 0;
    for (const chunk of this.#chunks) {
      out.set(chunk, at);
      at += chunk.length;
    }
    return out;
  }
}

export interface ProtobufField {
  readonly field: number;
  readonly type: number;
  /** The value of a varint, as a signed 64-bit integer; 0n for other wire types. */
  readonly int: bigint;
  /** The payload of bytes and fixed types (a view, not a copy); empty for varints. */
  readonly bytes: Uint8Array;
}

const nothing = new Uint8Array(0);

const broken = (at: number, expected: string, received: string) =>
  onnxErrors.fail("syntax", { place: `byte ${at}`, expected, received, hint: "The file is damaged or not an ONNX model." });

/** The fields of one message in the order they stand. Throws `onnx/syntax` on damaged bytes. */
export function* protobufFields(data: Uint8Array): Generator<ProtobufField> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = data[at++];
      if (byte === undefined) throw broken(at, "a number", "the end of the data");
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw broken(at, "a number of at most 10 bytes", "a longer one");
  };
  const take = (count: number): Uint8Array => {
    if (count > data.length - at) throw broken(at, `${count} bytes`, `${data.length - at} bytes`);
    at += count;
    return data.subarray(at - count, at);
  };
  while (at < data.length) {
    const key = Number(varint());
    const field = Math.floor(key / 8);
    const type = key % 8;
    if (field < 1) throw broken(at, "a field number above 0", String(field));
    if (type === wire.varint) yield { field, type, int: BigInt.asIntN(64, varint()), bytes: nothing };
    else if (type === wire.bytes) yield { field, type, int: 0n, bytes: take(Number(varint())) };
    else if (type === wire.fixed32) yield { field, type, int: 0n, bytes: take(4) };
    else if (type === wire.fixed64) yield { field, type, int: 0n, bytes: take(8) };
    else throw broken(at, "wire type 0, 1, 2 or 5", String(type));
  }
}

/** UTF-8 text of a field; throws `onnx/syntax` where it is none. */
export function protobufText(field: ProtobufField): string {
  try {
    return utf8.decode(field.bytes);
  } catch {
    throw broken(0, "UTF-8 text", `${field.bytes.length} other bytes in field ${field.field}`);
  }
}

/** Integers of a repeated field: one unpacked value, or all of a packed run. */
export function protobufInts(field: ProtobufField): bigint[] {
  if (field.type === wire.varint) return [field.int];
  const out: bigint[] = [];
  let value = 0n;
  let shift = 0n;
  for (const byte of field.bytes) {
    value |= BigInt(byte & 127) << shift;
    shift += 7n;
    if (byte < 128) {
      out.push(BigInt.asIntN(64, value));
      value = 0n;
      shift = 0n;
    }
  }
  if (shift > 0n) throw broken(0, "whole numbers", `a number cut off in field ${field.field}`);
  return out;
}

/** Floats of a repeated field: one unpacked value, or all of a packed run. */
export function protobufFloats(field: ProtobufField): number[] {
  const { bytes } = field;
  if (bytes.length % 4) throw broken(0, "a multiple of 4 bytes", `${bytes.length} in field ${field.field}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(i * 4, true));
}
