/** Tests' own: packs bytes as each of the known compressions, by the library or program that is there. Undefined where none is. */
import { execFileSync } from "node:child_process";
import { gzipSync } from "node:zlib";

export type Pack = (bytes: Buffer) => Buffer;

/** A program that packs what it is given, or undefined where it is not installed. */
function program(name: string, ...parameters: string[]): Pack | undefined {
  const pack: Pack = bytes => execFileSync(name, parameters, { input: bytes, maxBuffer: 2 ** 30, stdio: ["pipe", "pipe", "ignore"] });
  try {
    pack(Buffer.from("x"));
    return pack;
  } catch {
    return undefined;
  }
}

export const packers: Readonly<Record<"gz" | "zst" | "bz2", Pack | undefined>> = {
  gz: bytes => gzipSync(bytes),
  zst: program("zstd", "-c", "-q"),
  bz2: program("bzip2", "-c"),
};

/** Rows for `test.each` with why one is skipped. */
export const packings = Object.entries(packers).map(([ending, pack]) => ({
  ending,
  pack,
  name: pack ? ending : `${ending} (skipped: no program here that packs it)`,
}));
