/**
 * bzip2 as a stream: blocks are found by their 48-bit signatures, which stand at any bit, and decoded one by one by seek-bzip, which checks
 * each block's CRC. What is held is one block (900 kB) and what comes out of it. The CRC over all blocks is not checked again.
 */
import { BadFile } from "../bad-file.ts";
import type { Meter } from "./meter.ts";

/** The digits of pi and of its root, in halves of 24 bits. */
const blockSign = [0x314159, 0x265359] as const;
const endSign = [0x177245, 0x385090] as const;
/** A block holds at most 900,000 symbols of at most 20 bits, and its tables. */
const maxBlockBytes = 2 ** 22;

class Output {
  readonly parts: Buffer[] = [];
  private part = Buffer.allocUnsafe(2 ** 16);
  private used = 0;
  private readonly meter: Meter;

  constructor(meter: Meter) {
    this.meter = meter;
  }

  writeByte(byte: number): void {
    if (this.used === this.part.length) this.flush();
    this.part[this.used++] = byte;
  }

  flush(): void {
    if (this.used === 0) return;
    this.meter.give(this.used);
    this.parts.push(this.part.subarray(0, this.used));
    this.part = Buffer.allocUnsafe(2 ** 16);
    this.used = 0;
  }
}

export async function* bunzip2(pieces: AsyncIterable<Buffer>, meter: Meter): AsyncGenerator<Buffer> {
  const { default: Bunzip } = await import("seek-bzip");
  const damaged = (message: string) => new BadFile("damaged", `bzip2: ${message}`);
  /** Bytes not yet decoded; `scanned` of them were looked through. */
  let rest: Buffer = Buffer.alloc(0);
  let scanned = 0;
  let [high, low] = [0, 0];
  let header: Buffer | undefined;
  /** Bit in `rest` at which the open block's signature begins. */
  let blockBit: number | undefined;
  /** Bit behind the signature that ends the stream. */
  let endBit: number | undefined;

  const decode = (from: number): Buffer[] => {
    const output = new Output(meter);
    try {
      Bunzip.decodeBlock(Buffer.concat([header!, rest.subarray(from >> 3)]), 32 + (from & 7), output);
      output.flush();
    } catch (error) {
      throw error instanceof BadFile ? error : damaged((error as Error).message);
    }
    return output.parts;
  };
  const dropBefore = (byte: number) => {
    rest = rest.subarray(byte);
    scanned -= byte;
    if (blockBit !== undefined) blockBit -= byte * 8;
  };

  for await (const piece of pieces) {
    meter.take(piece.length);
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    for (;;) {
      if (endBit !== undefined) {
        // Behind the end stand 32 bits of CRC, filled up to a byte; then the file ends, or another stream begins.
        const next = Math.ceil((endBit + 32) / 8);
        if (rest.length < next) break;
        endBit = undefined;
        header = undefined;
        dropBefore(next);
      }
      if (header === undefined) {
        if (rest.length < 4) break;
        if (rest.toString("latin1", 0, 3) !== "BZh") throw damaged("something else behind the end");
        header = Buffer.from(rest.subarray(0, 4));
        scanned = 4;
        [high, low] = [0, 0];
      }
      let found: number | undefined;
      let isEnd = false;
      scan: for (; scanned < rest.length; scanned++) {
        const byte = rest[scanned]!;
        for (let bit = 7; bit >= 0; bit--) {
          high = ((high << 1) | (low >>> 23)) & 0xffffff;
          low = ((low << 1) | ((byte >> bit) & 1)) & 0xffffff;
          if ((high === blockSign[0] && low === blockSign[1]) || (high === endSign[0] && low === endSign[1])) {
            isEnd = high === endSign[0];
            found = scanned * 8 + 8 - bit - 48;
            // The rest of this byte is looked at again from the next one on: no two signatures overlap.
            [high, low] = [0, 0];
            scanned++;
            break scan;
          }
        }
      }
      if (found === undefined) {
        if (rest.length - (blockBit ?? 0) / 8 > maxBlockBytes) throw damaged("no end of a block");
        break;
      }
      if (blockBit !== undefined) yield* decode(blockBit);
      if (!isEnd) {
        blockBit = found;
        dropBefore(found >> 3);
        continue;
      }
      blockBit = undefined;
      endBit = found + 48;
    }
  }
  if (header !== undefined || rest.length > 0) throw damaged("cut off");
}
