/** Compression of a stream of bytes, piece by piece with bounded memory: none, gzip, or Zstandard. */
import { createGzip } from "node:zlib";
import { zstdCompressor } from "./zstd.ts";

interface ExportPacker {
  /** Takes bytes, gives those that are ready. */
  push(bytes: Buffer): Promise<Uint8Array>;
  end(): Promise<Uint8Array>;
}

const none: ExportPacker = { push: async bytes => bytes, end: async () => Buffer.alloc(0) };

function gzip(): ExportPacker {
  const stream = createGzip();
  let ready: Buffer[] = [];
  let failure: Error | undefined;
  stream.on("data", (piece: Buffer) => ready.push(piece));
  stream.on("error", (error: Error) => {
    failure = error;
  });
  const taken = (): Buffer => {
    if (failure) throw failure;
    const bytes = Buffer.concat(ready);
    ready = [];
    return bytes;
  };
  return {
    async push(bytes) {
      await new Promise<void>(done => stream.write(bytes, () => done()));
      return taken();
    },
    async end() {
      await new Promise<void>(done => {
        stream.on("close", done);
        stream.end();
      });
      return taken();
    },
  };
}

/** Bytes of a frame: large enough for nearly the whole of what compression can gain, small enough to hold several times. */
const frameBytes = 2 ** 22;

/** Frames one after another: together they are one Zstandard file (RFC 8878, 3.1). */
async function zstd(): Promise<ExportPacker> {
  const compress = await zstdCompressor();
  let waiting: Buffer[] = [];
  let size = 0;
  const frame = (): Uint8Array => {
    const bytes = Buffer.concat(waiting);
    waiting = [];
    size = 0;
    return compress(bytes);
  };
  let isEmpty = true;
  return {
    async push(bytes) {
      waiting.push(bytes);
      size += bytes.length;
      isEmpty = false;
      return size >= frameBytes ? frame() : Buffer.alloc(0);
    },
    // No bytes at all are one empty frame: a file of none would be no Zstandard.
    end: async () => (size > 0 || isEmpty ? frame() : Buffer.alloc(0)),
  };
}

export const packings = { none: async () => none, gzip: async () => gzip(), zstd } as const satisfies Record<
  string,
  () => Promise<ExportPacker>
>;
export type Packing = keyof typeof packings;
