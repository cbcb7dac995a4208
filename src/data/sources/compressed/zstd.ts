/** Zstandard by fzstd, block by block, frames one after another included. Checksums are not verified (the library skips them). */
import { BadFile } from "../bad-file.ts";
import type { Meter } from "./meter.ts";

/** What the decoder keeps of the past. The format's own advice for decoders is 8 MiB; `--long` files use 128. */
const maxWindowBytes = 2 ** 27;
const sliceBytes = 2 ** 16;

/** Window size of the first frame's header (RFC 8878, 3.1.1.1), undefined for a skippable frame. */
function windowOf(head: Buffer): number | undefined {
  if (head.length < 6 || head.readUInt32LE(0) !== 0xfd2fb528) return undefined;
  const flags = head[4]!;
  const isSingle = (flags & 32) !== 0;
  if (!isSingle) {
    const base = 2 ** (10 + (head[5]! >> 3));
    return base + (base / 8) * (head[5]! & 7);
  }
  const at = 5 + [0, 1, 2, 4][flags & 3]!;
  const size = flags >> 6;
  if (head.length < at + 8) return undefined;
  if (size === 3) return Number(head.readBigUInt64LE(at));
  return size === 2 ? head.readUInt32LE(at) : size === 1 ? head.readUInt16LE(at) + 256 : head[at]!;
}

export async function* unzstd(pieces: AsyncIterable<Buffer>, meter: Meter): AsyncGenerator<Buffer> {
  const { Decompress } = await import("fzstd");
  let out: Buffer[] = [];
  const stream = new Decompress(piece => {
    meter.give(piece.length);
    // The decoder reuses nothing it gave, but gives views of what it still reads: a copy is ours.
    if (piece.length > 0) out.push(Buffer.from(piece));
  });
  let first = true;
  const push = (slice: Uint8Array, last: boolean) => {
    try {
      stream.push(slice, last);
    } catch (error) {
      throw error instanceof BadFile ? error : new BadFile("damaged", `zstd: ${(error as Error).message}`);
    }
  };
  const step = (slice: Uint8Array, last: boolean): { readonly pieces: Buffer[]; readonly failure: unknown } => {
    let failure: unknown;
    try {
      push(slice, last);
    } catch (error) {
      failure = error;
    }
    const now = out;
    out = [];
    return { pieces: now, failure };
  };
  for await (const piece of pieces) {
    if (first) {
      const window = windowOf(piece);
      if (window !== undefined && window > maxWindowBytes)
        throw new BadFile("too-long", `zstd: needs a window of ${window} bytes, more than ${maxWindowBytes}`);
      first = false;
    }
    for (let at = 0; at < piece.length; at += sliceBytes) {
      const slice = piece.subarray(at, at + sliceBytes);
      meter.take(slice.length);
      const { pieces: ready, failure } = step(slice, false);
      yield* ready;
      if (failure) throw failure;
    }
  }
  const { pieces: ready, failure } = step(new Uint8Array(0), true);
  yield* ready;
  if (failure) throw failure;
}
