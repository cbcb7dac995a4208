/**
 * A document as the step's messages carry it: its rank (bytes that sort as documents do, best first), its vector's code, its name. About
 * 450 bytes with 384 numbers a vector.
 */
import { createHash } from "node:crypto";
import { type Document, textBytes } from "../../document.ts";
import { type Named, namedMessage, nameFrom } from "../messages.ts";
import type { Ref } from "../step.ts";

/** Quality, size, hash of the text. */
const [sizeAt, hashAt] = [8, 16];
/** Bytes of a rank; documents of one text share it and are told apart by their names. */
const rankBytes = 32;

/** Bytes that sort as numbers do, the greatest first. NaN is the smallest number. */
function descending(x: number, into: Buffer, at: number): void {
  // Adding 0 makes one of the two zeros.
  into.writeDoubleBE(Number.isNaN(x) ? Number.NEGATIVE_INFINITY : x + 0, at);
  // The sign makes negative numbers sort last and upside down; turned over, the greatest comes first.
  if (into[at]! < 0x80) for (let i = at; i < at + 8; i++) into[i] = (into[i]! ^ (i === at ? 0x7f : 0xff)) & 0xff;
}

/** Best quality (where there is none: as if the smallest number), then the longest, then the smallest hash. */
export function semanticRank({ text, attributes }: Pick<Document, "text" | "attributes">, quality: string | undefined): Buffer {
  const bytes = Buffer.alloc(rankBytes);
  const value = quality === undefined ? undefined : attributes[quality];
  descending(typeof value === "number" ? value : Number.NaN, bytes, 0);
  descending(textBytes(text), bytes, sizeAt);
  createHash("sha256")
    .update(text)
    .digest()
    .copy(bytes, hashAt, 0, rankBytes - hashAt);
  return bytes;
}

/** Behind the rank: whether the document visits, how many numbers the code has, the code, the name. */
const [visitsAt, widthAt, codeAt] = [rankBytes, rankBytes + 1, rankBytes + 3];

/** The value says how wide its code is: rounds run where no model is that could be asked. */
export function carried(document: Document, ref: Ref, rank: Buffer, code: Int8Array): Buffer {
  const head = Buffer.alloc(3);
  head.writeUInt16BE(code.length, widthAt - visitsAt);
  return Buffer.concat([rank, head, Buffer.from(code.buffer, code.byteOffset, code.length), namedMessage(document, ref)]);
}

/** The value of a cell in which the document only visits. */
export function asVisitor(value: Buffer): Buffer {
  const copy = Buffer.from(value);
  copy[visitsAt] = 1;
  return copy;
}
export const isVisitor = (value: Buffer): boolean => value[visitsAt] === 1;

const widthIn = (value: Buffer): number => value.readUInt16BE(widthAt);

/** The code in a value; a view. */
export const codeIn = (value: Buffer): Int8Array => new Int8Array(value.buffer, value.byteOffset + codeAt, widthIn(value));

/** 32 bits of the text's hash, uniform. */
export const drawIn = (value: Buffer): number => value.readUInt32BE(hashAt);

/** What names a document and its place in the order: rank and name. */
export function orderOf(value: Buffer): Buffer {
  return Buffer.concat([value.subarray(0, rankBytes), value.subarray(codeAt + widthIn(value))]);
}
export const nameInOrder = (order: Buffer): Named => nameFrom(order, rankBytes);

/** Two documents that are alike, the better one first. */
export function likenessOf(better: Buffer, other: Buffer, similarity: number): Buffer {
  const head = Buffer.allocUnsafe(12);
  head.writeDoubleLE(similarity);
  head.writeUInt32LE(better.length, 8);
  return Buffer.concat([head, better, other]);
}
export function likenessIn(bytes: Buffer): { better: Buffer; other: Buffer; similarity: number } {
  const end = 12 + bytes.readUInt32LE(8);
  return { similarity: bytes.readDoubleLE(0), better: bytes.subarray(12, end), other: bytes.subarray(end) };
}
