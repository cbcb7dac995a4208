/**
 * The format of encrypted bytes: a header of 96 bytes, then chunks of AES-256-GCM. Each object has a key of its own, derived from a data key and a random
 * salt (HKDF-SHA-256), so a nonce is the chunk's index and whether it is the last (the STREAM construction: Hoang, Reyhanitabar, Rogaway, Vizár 2015).
 * Every chunk authenticates the header (format version, key id, salt, purpose); the last one also authenticates the object's id, which a stream that is
 * named by its digest knows only then. No keys are kept or found here (`key-ring.ts`).
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { defined, sha256 } from "../../base/index.ts";
import { storeErrors } from "../errors.ts";

/** Format and its version. */
const magic = Buffer.from("LOAMENC\x01", "latin1");
export const headerBytes = 96;
/** Plain bytes of a chunk: what an opened stream holds in memory at most; 16 bytes of tag on each are 0.02 %. */
const plainChunkBytes = 64 * 1024;
const tagBytes = 16;
/** Largest chunk size that a header may ask for, in bytes: a forged header must not make a reader allocate more. */
const maxChunkBytes = 1024 * 1024;
export const keyIdBytes = 16;

/** What an object's bytes are bound to beside their key. */
interface SealContext {
  /** Name of the object: a blob's digest, or `kind/identifier`. */
  readonly id: string;
  /** Purpose for which the data are kept, where one is stated. */
  readonly purpose?: string | undefined;
}

export interface DataKey {
  /** 32 hex digits. */
  readonly id: string;
  readonly bytes: Uint8Array;
}

const damaged = (id: string, received: string, cause?: unknown) =>
  storeErrors.fail(
    "sealDamaged",
    {
      place: id,
      expected: "encrypted bytes as they were written",
      received,
      hint: "The bytes were changed, cut short, or belong to another object. Restore them from a copy.",
    },
    cause,
  );

const purposeHash = (purpose: string | undefined): Buffer =>
  purpose === undefined ? Buffer.alloc(32) : Buffer.from(sha256(purpose), "hex");

/** The last 4 bytes are a checksum: a flipped bit in a key id is damage and not an unknown key. */
const checksum = (header: Buffer): Buffer => Buffer.from(sha256(header.subarray(0, headerBytes - 4)), "hex").subarray(0, 4);

function newHeader(keyId: string, purpose: string | undefined): Buffer {
  const header = Buffer.alloc(headerBytes);
  magic.copy(header, 0);
  header.writeUInt32BE(plainChunkBytes, 8);
  Buffer.from(keyId, "hex").copy(header, 12);
  randomBytes(32).copy(header, 28);
  purposeHash(purpose).copy(header, 60);
  checksum(header).copy(header, headerBytes - 4);
  return header;
}

interface SealHeader {
  readonly bytes: Buffer;
  readonly keyId: string;
  readonly chunkBytes: number;
}

/** Are these bytes in the format of encrypted objects? Looks at the first 8 bytes. */
export const isSealed = (bytes: Uint8Array): boolean => magic.equals(bytes.subarray(0, magic.length));

/** Reads a header. Errors: sealDamaged. */
export function readHeader(bytes: Uint8Array, id: string): SealHeader {
  const header = Buffer.from(bytes.subarray(0, headerBytes));
  if (header.length < headerBytes || !isSealed(header)) throw damaged(id, "no header of encrypted bytes");
  if (!checksum(header).equals(header.subarray(headerBytes - 4))) throw damaged(id, "a header that does not match its checksum");
  const chunkBytes = header.readUInt32BE(8);
  if (chunkBytes < 1 || chunkBytes > maxChunkBytes) throw damaged(id, `chunks of ${chunkBytes} bytes`);
  return { bytes: header, keyId: header.toString("hex", 12, 12 + keyIdBytes), chunkBytes };
}

/** Bytes of the plain object in an encrypted one of this size that was written here. */
export function plainSize(sealedBytes: number): number {
  const body = Math.max(sealedBytes - headerBytes, tagBytes);
  return body - tagBytes * Math.ceil(body / (plainChunkBytes + tagBytes));
}

const objectKey = (key: DataKey, header: Buffer): Buffer =>
  Buffer.from(hkdfSync("sha256", key.bytes, header.subarray(28, 60), "loam/sealed/1", 32));

function nonceOf(index: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64BE(BigInt(index), 0);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}

const associated = (header: Buffer, isLast: boolean, id: string): Buffer => (isLast ? Buffer.concat([header, Buffer.from(id)]) : header);

/** Encrypts chunk after chunk; the bytes so far are always whole chunks. */
class Sealing {
  readonly header: Buffer;
  readonly #key: Buffer;
  #index = 0;

  constructor(key: DataKey, purpose: string | undefined) {
    this.header = newHeader(key.id, purpose);
    this.#key = objectKey(key, this.header);
  }

  chunk(plain: Uint8Array, isLast: boolean, id: string): Buffer {
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonceOf(this.#index++, isLast));
    cipher.setAAD(associated(this.header, isLast, id));
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  }
}

/** Decrypts chunk after chunk and gives no byte that is not authenticated. */
class Opening {
  readonly #header: SealHeader;
  readonly #key: Buffer;
  readonly #context: SealContext;
  #index = 0;

  constructor(key: DataKey, header: SealHeader, context: SealContext) {
    if (context.purpose !== undefined && !header.bytes.subarray(60, 92).equals(purposeHash(context.purpose)))
      throw damaged(context.id, `data that were encrypted for another purpose than "${context.purpose}"`);
    this.#header = header;
    this.#key = objectKey(key, header.bytes);
    this.#context = context;
  }

  get sealedChunkBytes(): number {
    return this.#header.chunkBytes + tagBytes;
  }

  chunk(sealed: Buffer, isLast: boolean): Buffer {
    const { id } = this.#context;
    const index = this.#index++;
    if (sealed.length < tagBytes) throw damaged(id, `chunk ${index} cut short`);
    const decipher = createDecipheriv("aes-256-gcm", this.#key, nonceOf(index, isLast), { authTagLength: tagBytes });
    decipher.setAAD(associated(this.#header.bytes, isLast, id));
    decipher.setAuthTag(sealed.subarray(-tagBytes));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(0, -tagBytes)), decipher.final()]);
    } catch (error) {
      throw damaged(id, isLast ? `a last chunk (${index}) that does not authenticate` : `chunk ${index} does not authenticate`, error);
    }
  }
}

/** Encrypts whole bytes. */
export function sealBytes(key: DataKey, data: Uint8Array, { id, purpose }: SealContext): Buffer {
  const sealing = new Sealing(key, purpose);
  const parts = [sealing.header];
  let at = 0;
  for (; data.length - at > plainChunkBytes; at += plainChunkBytes)
    parts.push(sealing.chunk(data.subarray(at, at + plainChunkBytes), false, id));
  parts.push(sealing.chunk(data.subarray(at), true, id));
  return Buffer.concat(parts);
}

/** Decrypts whole bytes with the key that their header names. Errors: sealDamaged. */
export function openSealed(key: DataKey, data: Uint8Array, context: SealContext): Buffer {
  const opening = new Opening(key, readHeader(data, context.id), context);
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const step = opening.sealedChunkBytes;
  const parts: Buffer[] = [];
  let at = headerBytes;
  for (; bytes.length - at > step; at += step) parts.push(opening.chunk(bytes.subarray(at, at + step), false));
  parts.push(opening.chunk(bytes.subarray(at), true));
  return Buffer.concat(parts);
}

/** Cuts pieces into blocks of `blockBytes`; the last one, which may be shorter or empty, is marked. A block is valid until the next. */
async function* blocks(
  pieces: AsyncIterable<Uint8Array>,
  blockBytes: number,
): AsyncIterable<{ readonly block: Buffer; readonly isLast: boolean }> {
  const held = Buffer.allocUnsafe(blockBytes);
  let length = 0;
  for await (const piece of pieces)
    for (let at = 0; at < piece.length; ) {
      // a full block goes on only when more comes, for the last one is marked
      if (length === blockBytes) {
        yield { block: held, isLast: false };
        length = 0;
      }
      const n = Math.min(piece.length - at, blockBytes - length);
      held.set(piece.subarray(at, at + n), length);
      length += n;
      at += n;
    }
  yield { block: held.subarray(0, length), isLast: true };
}

/** Encrypts a stream with bounded memory; `id` is asked for when the last plain byte has been read. */
export async function* sealStream(
  key: DataKey,
  pieces: AsyncIterable<Uint8Array>,
  { id, purpose }: { readonly id: () => string; readonly purpose?: string | undefined },
): AsyncIterable<Buffer> {
  const sealing = new Sealing(key, purpose);
  yield sealing.header;
  for await (const { block, isLast } of blocks(pieces, plainChunkBytes)) yield sealing.chunk(block, isLast, isLast ? id() : "");
}

/** Decrypts a stream with bounded memory; `keyOf` finds the key that the header names. Errors: sealDamaged, those of `keyOf`. */
export async function* openStream(
  pieces: AsyncIterable<Uint8Array>,
  keyOf: (keyId: string) => Promise<DataKey>,
  context: SealContext,
): AsyncIterable<Buffer> {
  const source = pieces[Symbol.asyncIterator]();
  try {
    let begin: Buffer = Buffer.alloc(0);
    while (begin.length < headerBytes) {
      const next = await source.next();
      if (next.done) break;
      begin = Buffer.concat([begin, next.value]);
    }
    const header = readHeader(begin, context.id);
    const opening = new Opening(await keyOf(header.keyId), header, context);
    const rest = (async function* () {
      yield begin.subarray(headerBytes);
      for (let next = await source.next(); !next.done; next = await source.next()) yield next.value;
    })();
    for await (const { block, isLast } of blocks(rest, opening.sealedChunkBytes)) {
      const plain = opening.chunk(block, isLast);
      if (plain.length > 0) yield plain;
    }
  } finally {
    await source.return?.();
  }
}

/** The context without keys that are undefined. */
export const sealContext = (id: string, purpose?: string | undefined): SealContext => ({ id, ...defined({ purpose }) });
