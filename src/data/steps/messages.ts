/** What corpus steps write into messages: keys, numbers, documents, JSON. */
import { hash } from "node:crypto";
import type { Document } from "../document.ts";
import type { Key, Ref } from "./step.ts";

/** The key that the first 128 bits of a hash make. */
export const keyFrom = (bytes: Buffer): Key => [
  bytes.readUInt32LE(0),
  bytes.readUInt32LE(4),
  bytes.readUInt32LE(8),
  bytes.readUInt32LE(12),
];
/** The bytes that `keyFrom` took. */
export const bytesOfKey = (key: Key): Buffer => {
  const bytes = Buffer.allocUnsafe(16);
  for (const [i, word] of key.entries()) bytes.writeUInt32LE(word, 4 * i);
  return bytes;
};
/** A text's key: 128 bits of SHA-256. */
export const textKey = (text: string): Key => keyFrom(hash("sha256", text, "buffer"));

/** The key under which everything meets in one group. */
export const everything: Key = [0, 0, 0, 0];

export const jsonMessage = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
export const fromJson = <T>(bytes: Buffer): T => JSON.parse(bytes.toString("utf8")) as T;

/** A document as a round knows it. */
export interface Named {
  readonly id: string;
  readonly ref: Ref;
}
/** Id first and a mark behind it, so that bytes sort as ids do. */
export function namedMessage({ id }: Pick<Document, "id">, ref: Ref): Buffer {
  const bytes = Buffer.allocUnsafe(Buffer.byteLength(id) + 9);
  const end = bytes.write(id, "utf8");
  bytes[end] = 0;
  bytes.writeDoubleLE(ref, end + 1);
  return bytes;
}
/** The document that ends the bytes from `from` on. */
export const nameFrom = (bytes: Buffer, from = 0): Named => ({
  id: bytes.toString("utf8", from, bytes.length - 9),
  ref: bytes.readDoubleLE(bytes.length - 8),
});
