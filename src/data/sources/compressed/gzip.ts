/**
 * gzip by Node's zlib, members one after another included. Output is taken as it comes, never through the stream's own buffer: that one is
 * thrown away when the data turn out damaged, and which records were read before the damage would be a matter of timing.
 */
import { createGunzip, type Gunzip, type InflateRaw, type ZlibOptions } from "node:zlib";
import { BadFile } from "../bad-file.ts";
import type { Meter } from "./meter.ts";

/** Fed at once; its output (at most 1,032 times as much, stopped by the meter) is held until it is taken. */
const sliceBytes = 2 ** 16;

export const gunzip = (pieces: AsyncIterable<Buffer>, meter: Meter): AsyncGenerator<Buffer> =>
  inflated(pieces, meter, "gzip", createGunzip);

/** What a decoder of Node's makes of pieces; `format` is what errors name. Errors: `BadFile` "damaged", "bomb". */
export async function* inflated(
  pieces: AsyncIterable<Buffer>,
  meter: Meter,
  format: string,
  create: (options: ZlibOptions) => Gunzip | InflateRaw,
): AsyncGenerator<Buffer> {
  const unzip = create({ chunkSize: sliceBytes });
  let out: Buffer[] = [];
  let failure: unknown;
  let wake = () => {};
  const fail = (error: unknown) => {
    failure ??= error;
    wake();
  };
  unzip.on("data", (piece: Buffer) => {
    try {
      meter.give(piece.length);
      out.push(piece);
    } catch (error) {
      fail(error);
      unzip.destroy();
    }
  });
  unzip.on("error", error => fail(new BadFile("damaged", `${format}: ${error.message}`)));
  const settled = (start: (done: () => void) => void) =>
    new Promise<void>(resolve => {
      wake = resolve;
      if (failure) resolve();
      else start(resolve);
    });
  const taken = () => {
    const now = out;
    out = [];
    return now;
  };
  try {
    for await (const piece of pieces)
      for (let at = 0; at < piece.length; at += sliceBytes) {
        const slice = piece.subarray(at, at + sliceBytes);
        meter.take(slice.length);
        await settled(done => unzip.write(slice, () => done()));
        yield* taken();
        if (failure) throw failure;
      }
    await settled(done => {
      unzip.once("end", done);
      unzip.end();
    });
    yield* taken();
    if (failure) throw failure;
  } finally {
    unzip.destroy();
  }
}
