/** The bytes of every token of a byte-level vocabulary in one block, for decoding whole lists of ids and for counting bytes. */
import { fromByteChars } from "./byte-chars.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export class TokenBytes {
  /** Token i is `block[starts[i], starts[i + 1])`. */
  private readonly block: Uint8Array;
  readonly starts: Uint32Array;

  /** Added tokens, and tokens that are not in byte characters, stand for their own text. */
  constructor(tokens: readonly (string | undefined)[], isAdded: (id: number) => boolean) {
    this.starts = new Uint32Array(tokens.length + 1);
    const all: Uint8Array[] = [];
    let size = 0;
    for (let id = 0; id < tokens.length; id++) {
      const token = tokens[id] ?? "";
      const bytes = (isAdded(id) ? undefined : fromByteChars(token)) ?? encoder.encode(token);
      all.push(bytes);
      size += bytes.length;
      this.starts[id + 1] = size;
    }
    this.block = new Uint8Array(size);
    for (const [id, bytes] of all.entries()) this.block.set(bytes, this.starts[id]!);
  }

  of(id: number): Uint8Array {
    return this.block.subarray(this.starts[id]!, this.starts[id + 1]!);
  }

  text(ids: ArrayLike<number>): string {
    const { block, starts } = this;
    let size = 0;
    for (let i = 0; i < ids.length; i++) size += starts[ids[i]! + 1]! - starts[ids[i]!]!;
    const bytes = new Uint8Array(size);
    let at = 0;
    for (let i = 0; i < ids.length; i++) {
      const to = starts[ids[i]! + 1]!;
      for (let k = starts[ids[i]!]!; k < to; k++) bytes[at++] = block[k]!;
    }
    return decoder.decode(bytes);
  }
}
