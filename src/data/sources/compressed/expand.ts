/** Compressed files are told by their first bytes, whatever their name, and opened as a stream. */
import { bunzip2 } from "./bzip2.ts";
import { gunzip } from "./gzip.ts";
import { Meter } from "./meter.ts";
import { unzstd } from "./zstd.ts";

type Compression = "gzip" | "zstd" | "bzip2";

/** Bytes needed to tell. */
const headBytes = 10;

/** Endings that compressed files have on top of their own. */
const endings = /\.(?:gz|gzip|bgz|zst|zstd|bz2)$/i;
/** What a file is called once opened. */
export const openedName = (path: string): string => path.replace(endings, "");

/** How a file that begins with these bytes is compressed. */
export function compressionOf(head: Uint8Array): Compression | undefined {
  const [a, b, c, d, ...rest] = head;
  if (a === 0x1f && b === 0x8b && c === 8) return "gzip";
  if (b === 0xb5 && a === 0x28 && c === 0x2f && d === 0xfd) return "zstd";
  // Text may begin with "BZh9" too; not with the signature of a block or an end behind it.
  const signature = rest.slice(0, 6).map(x => x.toString(16).padStart(2, "0"));
  const isBlock = ["314159265359", "177245385090"].includes(signature.join(""));
  return a === 0x42 && b === 0x5a && c === 0x68 && d! > 0x30 && d! <= 0x39 && isBlock ? "bzip2" : undefined;
}

const openers = { gzip: gunzip, zstd: unzstd, bzip2: bunzip2 } as const;

/**
 * The content of a file that may be compressed, with bounded memory. Errors: `BadFile` "damaged" (after everything that came before the
 * damage), "bomb" (more than `maxExpansion` times its size).
 */
export async function* expand(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const source = pieces[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  let ended = false;
  try {
    while (head.length < headBytes && !ended) {
      const next = await source.next();
      if (next.done) ended = true;
      else head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
    }
    const whole = (async function* () {
      if (head.length > 0) yield head;
      while (!ended) {
        const next = await source.next();
        if (next.done) return;
        yield next.value;
      }
    })();
    const compression = compressionOf(head.subarray(0, headBytes));
    if (compression === undefined) yield* whole;
    else yield* openers[compression](whole, new Meter());
  } finally {
    await source.return?.();
  }
}
