/** Watches how much comes out of a compressed file for what went in, so that a few bytes cannot fill a machine. */
import { formatBytes } from "../../../base/index.ts";
import { BadFile } from "../bad-file.ts";

/** Text packs to a fifth, logs to a hundredth; what grows more than this was made to (deflate allows 1,032, zstd and bzip2 far more). */
export const maxExpansion = 250;
/** What may always come out: short files of blanks are no attack. */
export const freeBytes = 2 ** 26;

export class Meter {
  private taken = 0;
  private given = 0;

  take(bytes: number): void {
    this.taken += bytes;
  }

  /** Errors: `BadFile` "bomb" beyond the limit. */
  give(bytes: number): void {
    this.given += bytes;
    if (this.given > freeBytes && this.given > maxExpansion * this.taken)
      throw new BadFile(
        "bomb",
        `${formatBytes(this.taken)} became more than ${maxExpansion} times as much; unpack it yourself if that is meant`,
      );
  }
}
