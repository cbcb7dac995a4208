/** Elements of a JSON array, one at a time: a file of any length is never held whole. */
import { BadFile } from "./bad-file.ts";
import { maxLineBytes } from "./file.ts";

const [tab, newLine, carriageReturn, blank, quote, comma, openList, backslash, closeList, openMap, closeMap] = [
  9, 10, 13, 32, 34, 44, 91, 92, 93, 123, 125,
];
const isBlank = (byte: number): boolean => byte === blank || byte === newLine || byte === carriageReturn || byte === tab;

/** One element as it is written; undefined where it is longer than `maxLineBytes`. */
interface JsonElement {
  readonly bytes: Buffer | undefined;
  /** From 1. */
  readonly number: number;
}

/** First byte that is no white space and no byte order mark; undefined where there is none among these. */
export function firstByte(bytes: Uint8Array): number | undefined {
  const from = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  for (let at = from; at < bytes.length; at++) if (!isBlank(bytes[at]!)) return bytes[at];
  return undefined;
}

/** Where in an array the scan is. */
class ArrayScan {
  #depth = 0;
  #isText = false;
  #isEscaped = false;
  #isOver = false;
  #parts: Buffer[] = [];
  #size = 0;
  #count = 0;

  get isOver(): boolean {
    return this.#isOver;
  }

  get count(): number {
    return this.#count;
  }

  #keep(piece: Buffer): void {
    this.#size += piece.length;
    if (this.#size > maxLineBytes) this.#parts = [];
    else if (piece.length > 0) this.#parts.push(piece);
  }

  #take(isLast: boolean): JsonElement | undefined {
    const bytes = this.#size > maxLineBytes ? undefined : Buffer.concat(this.#parts);
    const isNothing = bytes !== undefined && firstByte(bytes) === undefined;
    this.#parts = [];
    this.#size = 0;
    if (isNothing && isLast) return undefined;
    this.#count++;
    return { bytes, number: this.#count };
  }

  /** Elements that end in a piece. Errors: BadFile "json" for what follows the array. */
  *take(piece: Buffer): Generator<JsonElement> {
    let from = 0;
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at]!;
      if (this.#isOver) {
        if (!isBlank(byte)) throw new BadFile("json", "expected the end of the file behind the array");
      } else if (this.#isText) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (byte === backslash) this.#isEscaped = true;
        else if (byte === quote) this.#isText = false;
      } else if (byte === quote) this.#isText = true;
      else if (byte === openList || byte === openMap) {
        this.#depth++;
        if (this.#depth === 1) from = at + 1;
      } else if ((byte === closeList || byte === closeMap) && --this.#depth > 0) continue;
      else if (byte === closeList || byte === closeMap || (byte === comma && this.#depth === 1)) {
        this.#keep(piece.subarray(from, at));
        from = at + 1;
        this.#isOver = byte !== comma;
        const found = this.#take(this.#isOver);
        if (found) yield found;
      }
    }
    if (this.#depth > 0) this.#keep(piece.subarray(from));
  }
}

/**
 * Elements of the array that pieces hold, as they are written; what they are is the caller's to parse. Errors: `BadFile` "json" where the array does not end, after
 * all elements that did.
 */
export async function* jsonElements(pieces: AsyncIterable<Buffer>): AsyncGenerator<JsonElement> {
  const scan = new ArrayScan();
  for await (const piece of pieces) yield* scan.take(piece);
  if (!scan.isOver) throw new BadFile("json", `an array that does not end, after ${scan.count} elements`);
}
