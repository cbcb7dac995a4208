/**
 * Tar files (POSIX ustar) as far as an image layout and its layers need them: plain files and folders of user 0 and time 0, written in order as a
 * stream; read from a file on this machine by place, so that no content is held. Folders, links and what is not a plain file are passed over when
 * read. Sizes from 8 GiB on are written in base 256, as GNU tar does, and read in that form and as a `size` record of pax.
 */
import type { FileHandle } from "node:fs/promises";
import { registryErrors } from "../errors.ts";

const block = 512;
/** Entries of an archive: a layout has one a blob. */
const maxEntries = 100_000;
/** Extended headers are some hundred bytes. */
const maxHeaderBytes = 64 * 1024;

/** A name of more than 100 bytes is cut at a slash: at most 155 bytes before it, 100 after. */
function splitName(name: string): readonly [prefix: string, rest: string] {
  if (Buffer.byteLength(name) <= 100) return ["", name];
  for (let at = name.lastIndexOf("/", name.length - 2); at > 0; at = name.lastIndexOf("/", at - 1)) {
    const [prefix, rest] = [name.slice(0, at), name.slice(at + 1)];
    if (Buffer.byteLength(prefix) <= 155 && Buffer.byteLength(rest) <= 100) return [prefix, rest];
  }
  throw registryErrors.fail("package", {
    place: name,
    expected: "a name of at most 155 bytes, a slash and 100 bytes, as a tar file has it",
    received: `${Buffer.byteLength(name)} bytes`,
  });
}

function header({ name, sizeBytes: size, mode = 0o644, isFolder = false }: TarFile): Buffer {
  const h = Buffer.alloc(block);
  const [prefix, rest] = splitName(name);
  h.write(rest, 0, 100, "utf8");
  h.write(`${mode.toString(8).padStart(7, "0")}\0`, 100);
  h.write("0000000\0", 108);
  h.write("0000000\0", 116);
  if (size < 8 ** 11) h.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  else {
    h[124] = 0x80;
    h.writeBigUInt64BE(BigInt(size), 128);
  }
  h.write("00000000000\0", 136);
  h.write("        ", 148);
  h.write(isFolder ? "5" : "0", 156);
  h.write("ustar\x0000", 257, "latin1");
  h.write(prefix, 345, 155, "utf8");
  h.write(`${checksum(h).toString(8).padStart(6, "0")}\0 `, 148);
  return h;
}

/** Sum of a header's bytes, its own field taken as blanks. */
const checksum = (h: Buffer): number => h.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 0x20 : byte), 0);
const padding = (size: number): Buffer => Buffer.alloc((block - (size % block)) % block);

export interface TarFile {
  /** Of a folder: with a slash at its end. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Permissions; default: 0644. */
  readonly mode?: number;
  readonly isFolder?: boolean;
  readonly pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

export async function* tarOf(files: AsyncIterable<TarFile> | Iterable<TarFile>): AsyncGenerator<Uint8Array> {
  for await (const file of files) {
    const { name, sizeBytes, pieces } = file;
    yield header(file);
    let size = 0;
    for await (const piece of pieces) {
      size += piece.length;
      yield piece;
    }
    if (size !== sizeBytes) throw new RangeError(`${name}: ${size} bytes for ${sizeBytes}`);
    yield padding(size);
  }
  yield Buffer.alloc(2 * block);
}

export interface TarEntry {
  readonly offset: number;
  readonly sizeBytes: number;
}

const text = (h: Buffer, from: number, to: number): string => {
  const end = h.indexOf(0, from);
  return h.toString("utf8", from, end >= 0 && end < to ? end : to);
};

function sizeOf(h: Buffer): number {
  if ((h[124]! & 0x80) !== 0) return Number(h.readBigUInt64BE(128));
  const octal = text(h, 124, 136).trim();
  return /^[0-7]+$/.test(octal) ? Number.parseInt(octal, 8) : Number.NaN;
}

/** Plain files of an archive, by name; the later of two of one name stands, as tar has it. Errors: registry/package. */
export async function tarEntries(file: FileHandle, place: string): Promise<Map<string, TarEntry>> {
  const { size: total } = await file.stat();
  const fail = (at: number, expected: string, received: string) =>
    registryErrors.fail("package", {
      place: `${place}: byte ${at}`,
      expected,
      received,
      hint: "It was cut off or changed, or is no tar file. Pack or fetch it again.",
    });
  const entries = new Map<string, TarEntry>();
  let next: { size?: number; path?: string } = {};
  for (let at = 0, seen = 0; ; seen++) {
    const h = Buffer.alloc(block);
    const { bytesRead } = await file.read(h, 0, block, at);
    if (bytesRead < block) throw fail(at, "a header of a tar file, or the end's empty blocks", `${bytesRead} bytes`);
    if (h.every(byte => byte === 0)) return entries;
    if (Number.parseInt(text(h, 148, 156).trim(), 8) !== checksum(h)) throw fail(at, "a header of a tar file", "one whose sum is another");
    if (seen >= maxEntries) throw fail(at, `at most ${maxEntries} entries`, "more");
    const size = next.size ?? sizeOf(h);
    const type = String.fromCharCode(h[156]!);
    const offset = at + block;
    if (!Number.isSafeInteger(size) || size < 0 || offset + size > total) throw fail(at, `${size} bytes of content`, `${total - offset}`);
    if (type === "x") {
      const records = Buffer.alloc(Math.min(size, maxHeaderBytes));
      await file.read(records, 0, records.length, offset);
      const of = (key: string) => new RegExp(`^\\d+ ${key}=(.*)$`, "m").exec(records.toString("utf8"))?.[1];
      next = {
        ...(of("size") === undefined ? {} : { size: Number(of("size")) }),
        ...(of("path") === undefined ? {} : { path: of("path")! }),
      };
    } else {
      const prefix = text(h, 345, 500);
      const name = next.path ?? (prefix && h.toString("latin1", 257, 262) === "ustar" ? `${prefix}/` : "") + text(h, 0, 100);
      if (type === "0" || type === "\0") entries.set(name.replace(/^(\.\/)+/, ""), { offset, sizeBytes: size });
      if (type !== "g") next = {};
    }
    at = offset + Math.ceil(size / block) * block;
  }
}
