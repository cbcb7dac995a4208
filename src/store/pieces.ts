/** Data on its way into a blob: bytes, text, or pieces of either, gathered into chunks so that a writer of single lines costs no system call a line. */

export type Pieces = string | Uint8Array | Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;

/** Bytes of one chunk: large enough that hashing and writing, not the calls, take the time; small enough to keep the event loop free (< 1 ms). */
export const chunkBytes = 256 * 1024;

const bytesOf = (piece: string | Uint8Array): Uint8Array => (typeof piece === "string" ? Buffer.from(piece) : piece);

/** The bytes at once where the data is already whole; undefined for a stream. */
export const wholeBytes = (data: Pieces): Uint8Array | undefined =>
  typeof data === "string" || data instanceof Uint8Array ? bytesOf(data) : undefined;

/** Chunks of at most about `chunkBytes` (a larger piece is cut), never empty. A chunk is valid until the next one is asked for. */
export async function* bytesOfPieces(data: Pieces): AsyncIterable<Uint8Array> {
  const whole = wholeBytes(data);
  if (whole) {
    for (let at = 0; at < whole.length; at += chunkBytes) yield whole.subarray(at, at + chunkBytes);
    return;
  }
  const buffer = Buffer.allocUnsafe(chunkBytes);
  let held = 0;
  for await (const piece of data as AsyncIterable<string | Uint8Array>) {
    const bytes = bytesOf(piece);
    for (let at = 0; at < bytes.length; ) {
      const n = Math.min(bytes.length - at, chunkBytes - held);
      buffer.set(bytes.subarray(at, at + n), held);
      held += n;
      at += n;
      if (held === chunkBytes) {
        yield buffer;
        held = 0;
      }
    }
  }
  if (held > 0) yield buffer.subarray(0, held);
}
