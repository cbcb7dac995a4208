/**
 * Scanning in WebAssembly: normal form of ASCII, word hashes of ASCII and of UTF-16, shingles of word hashes. The same results as the plain loops in
 * `words.ts` and `shingles.ts`, bit for bit. Words are hashed from two places of a text at once, because a letter's hash waits for the one
 * before it; no branch depends on a letter, because words end too irregularly for a processor to foresee.
 */
import {
  add,
  and,
  assemble,
  type Code,
  constant,
  type Func,
  get,
  type Instance,
  instantiate,
  lessUnsigned,
  load,
  loadByte,
  loadHalf,
  mul,
  repeatWhile,
  select,
  set,
  shiftLeft,
  shiftRight,
  splat,
  store,
  storeByte,
  sub,
  vectorAdd,
  vectorLoad,
  vectorMul,
  vectorShiftRight,
  vectorStore,
  vectorXor,
  xor,
} from "./wasm.ts";
import { fnv, folded, shingleFactor, unitBits, unitTable } from "./words.ts";

/**
 * Where the tables lie: a byte's lower case with white space as a space, 1 for white space, letters and digits folded, 4 for those, and what is
 * to know of every UTF-16 unit.
 */
const [PLAIN, SPACE, FOLDED, LETTER, UNITS, TEXT] = [0, 256, 512, 768, 1024, 1024 + 4 * 0x10000];

/** normalise(text, end): in place; gives the new end. */
function normaliseFunction(): Func {
  const [from, end, to, was, byte, space] = [0, 1, 2, 3, 4, 5];
  return {
    name: "normalise",
    numParams: 2,
    numInts: 4,
    numVectors: 0,
    body: [
      set(to, get(from)),
      // As if white space stood before the text.
      set(was, constant(1)),
      repeatWhile(
        lessUnsigned(get(from), get(end)),
        set(byte, loadByte(get(from))),
        set(space, loadByte(get(byte), SPACE)),
        storeByte(get(to), loadByte(get(byte), PLAIN)),
        set(to, sub(add(get(to), constant(1)), and(get(space), get(was)))),
        set(was, get(space)),
        set(from, add(get(from), constant(1))),
      ),
    ],
    result: get(to),
  };
}

/**
 * words(a, end, b, outA, outB, outEnd): hashes of the words of [a, end) to outA and, as many bytes, of those from b on to outB; the end of
 * A's hashes is the result, that of B's is stored at outEnd.
 */
function wordsFunction(): Func {
  const [a, end, b, outA, outB, outEnd] = [0, 1, 2, 3, 4, 5];
  const stream = (at: number, out: number, own: number) => {
    const [hash, was, byte, letter] = [own, own + 1, own + 2, own + 3];
    return {
      begin: [set(hash, constant(fnv.basis)), set(was, constant(0))],
      step: [
        set(byte, loadByte(get(at))),
        set(letter, loadByte(get(byte), LETTER)),
        // On to the next place where a word ended.
        set(out, add(get(out), and(get(was), xor(get(letter), constant(4))))),
        set(hash, select(mul(xor(get(hash), loadByte(get(byte), FOLDED)), constant(fnv.prime)), constant(fnv.basis), get(letter))),
        store(get(out), get(hash)),
        set(was, get(letter)),
        set(at, add(get(at), constant(1))),
      ],
      finish: [set(out, add(get(out), get(was)))],
    };
  };
  const [first, second] = [stream(a, outA, 6), stream(b, outB, 10)];
  return {
    name: "words",
    numParams: 6,
    numInts: 8,
    numVectors: 0,
    body: [
      ...first.begin,
      ...second.begin,
      repeatWhile(lessUnsigned(get(a), get(end)), ...first.step, ...second.step),
      ...first.finish,
      ...second.finish,
      store(get(outEnd), get(outB)),
    ],
    result: get(outA),
  };
}

/** units(at, end, out): hashes of the words of UTF-16 units in [at, end) to out, the end of which is the result. */
function unitsFunction(): Func {
  const [at, end, out, hash, was, unit, letter, single] = [0, 1, 2, 3, 4, 5, 6, 7];
  const lower = and(get(unit), constant(0xffff));
  /** A bit of the unit as 0 or 4: bytes of a hash. */
  const bit = (mask: number): Code => and(shiftRight(get(unit), constant(Math.log2(mask) - 2)), constant(4));
  return {
    name: "units",
    numParams: 3,
    numInts: 5,
    numVectors: 0,
    body: [
      set(hash, constant(fnv.basis)),
      set(was, constant(0)),
      repeatWhile(
        lessUnsigned(get(at), get(end)),
        set(unit, load(shiftLeft(loadHalf(get(at)), constant(2)), UNITS)),
        set(letter, bit(unitBits.inWord)),
        set(single, bit(unitBits.isWord)),
        // On to the next place where a word ended, and where a unit is one.
        set(out, add(get(out), and(get(was), xor(get(letter), constant(4))))),
        set(hash, select(mul(xor(get(hash), lower), constant(fnv.prime)), constant(fnv.basis), get(letter))),
        store(get(out), select(lower, get(hash), get(single))),
        set(out, add(get(out), get(single))),
        set(was, get(letter)),
        set(at, add(get(at), constant(2))),
      ),
      set(out, add(get(out), get(was))),
    ],
    result: get(out),
  };
}

/** shingle(words, end, n, out): mixes the hashes of words in place, then writes the shingle that begins at every word. Four at a time. */
function shingleFunction(): Func {
  const [words, end, n, out, at, k] = [0, 1, 2, 3, 4, 5];
  const h = 6;
  const shifted = (x: Code, bits: number): Code => vectorXor(x, vectorShiftRight(x, constant(bits)));
  const mix = (local: number): Code[] => [
    set(local, vectorMul(shifted(get(local), 16), splat(constant(0x85ebca6b)))),
    set(local, vectorMul(shifted(get(local), 13), splat(constant(0xc2b2ae35)))),
    set(local, shifted(get(local), 16)),
  ];
  return {
    name: "shingle",
    numParams: 4,
    numInts: 2,
    numVectors: 1,
    body: [
      set(at, get(words)),
      repeatWhile(
        lessUnsigned(get(at), get(end)),
        set(h, vectorLoad(get(at))),
        ...mix(h),
        vectorStore(get(at), get(h)),
        set(at, add(get(at), constant(16))),
      ),
      repeatWhile(
        lessUnsigned(get(words), get(end)),
        set(h, splat(constant(0))),
        set(k, constant(0)),
        set(at, get(words)),
        repeatWhile(
          lessUnsigned(get(k), get(n)),
          set(h, vectorAdd(vectorMul(vectorXor(get(h), vectorLoad(get(at))), splat(constant(shingleFactor))), splat(get(k)))),
          set(at, add(get(at), constant(4))),
          set(k, add(get(k), constant(1))),
        ),
        ...mix(h),
        vectorStore(get(out), get(h)),
        set(words, add(get(words), constant(16))),
        set(out, add(get(out), constant(16))),
      ),
    ],
  };
}

export interface Scanner {
  /** Normal form of an ASCII text as bytes: lower case, runs of white space as one space, none at the ends. A view, valid until the next call. */
  normalise(text: string): Uint8Array;
  /** Shingles of `n` words in the order of the text, ASCII as bytes or any text. A view, valid until the next call. */
  shingles(text: Uint8Array | string, n: number): Uint32Array;
}

/** Texts above are left to the plain loops: a scan takes ten times a text's units, and memory ends at 4 GiB. */
export const maxScanBytes = 2 ** 27;

const align = (x: number): number => Math.ceil(x / 16) * 16;

function makeScanner(instance: Instance<"normalise" | "words" | "units" | "shingle">): Scanner {
  let bytes = Buffer.from(instance.memory(2 ** 20));
  let words = new Uint32Array(bytes.buffer);
  const reserve = (sizeBytes: number) => {
    const memory = instance.memory(sizeBytes);
    if (bytes.buffer === memory) return;
    bytes = Buffer.from(memory);
    words = new Uint32Array(memory);
  };
  for (let c = 0; c < 256; c++) {
    const space = c === 32 || (c >= 9 && c <= 13);
    bytes[PLAIN + c] = space ? 32 : c >= 65 && c <= 90 ? c + 32 : c;
    bytes[SPACE + c] = space ? 1 : 0;
  }
  bytes.set(folded, FOLDED);
  bytes.set(
    folded.map(c => (c === 0 ? 0 : 4)),
    LETTER,
  );

  /** Word hashes of ASCII bytes into `to`, as many as given. */
  const asciiWords = (text: Uint8Array, to: number): number => {
    const { length } = text;
    bytes.set(text, TEXT);
    // The first part ends between words and is not the shorter one; behind the second come bytes that are in no word.
    let middle = (length + 1) >> 1;
    while (middle < length && folded[text[middle]!] !== 0) middle++;
    bytes.fill(0, TEXT + length, TEXT + 2 * middle);
    // Words take two bytes at least, their hashes four.
    const second = to + align(2 * middle + 16);
    const endAt = second + align(2 * (length - middle) + 16);
    const endA = instance.call.words(TEXT, TEXT + middle, TEXT + middle, to, second, endAt);
    const endB = words[endAt / 4]!;
    bytes.copyWithin(endA, second, endB);
    return (endA + endB - second - to) / 4;
  };

  let hasUnits = false;
  /** Word hashes of any text into `to`, as many as given. */
  const unitWords = (text: string, to: number): number => {
    if (!hasUnits) words.set(unitTable(), UNITS / 4);
    hasUnits = true;
    bytes.write(text, TEXT, "utf16le");
    return (instance.call.units(TEXT, TEXT + 2 * text.length, to) - to) / 4;
  };

  return {
    normalise(text) {
      const { length } = text;
      if (length === 0) return bytes.subarray(TEXT, TEXT);
      reserve(TEXT + length);
      bytes.write(text, TEXT, "latin1");
      const end = instance.call.normalise(TEXT, TEXT + length);
      return bytes.subarray(TEXT, end > TEXT && bytes[end - 1] === 32 ? end - 1 : end);
    },
    shingles(text, n) {
      const { length } = text;
      if (length === 0) return words.subarray(0, 0);
      const isBytes = typeof text !== "string";
      const wordsAt = TEXT + align(2 * length + 16);
      // Up to n + 3 words behind the last are read, and as many shingles too many written.
      const outAt = wordsAt + align((isBytes ? 2 : 4) * length + 128 + 8 * (n + 4));
      const sizeBytes = outAt + (outAt - wordsAt);
      // A normal form lies in this memory, and growing takes it away.
      const kept = isBytes && text.buffer === bytes.buffer && sizeBytes > bytes.length ? new Uint8Array(text) : text;
      reserve(sizeBytes);
      const count = typeof kept === "string" ? unitWords(kept, wordsAt) : asciiWords(kept, wordsAt);
      if (count < n) return words.subarray(0, 0);
      instance.call.shingle(wordsAt, wordsAt + 4 * count, n, outAt);
      return words.subarray(outAt / 4, outAt / 4 + count - n + 1);
    },
  };
}

let made: { readonly scanner: Scanner | undefined } | undefined;

/** The scanner of this thread, undefined on a machine without WebAssembly's vectors. */
export function scanner(): Scanner | undefined {
  if (!made) {
    const instance = instantiate<"normalise" | "words" | "units" | "shingle">(
      assemble([normaliseFunction(), wordsFunction(), unitsFunction(), shingleFunction()]),
    );
    made = { scanner: instance && makeScanner(instance) };
  }
  return made.scanner;
}
