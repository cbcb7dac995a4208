/**
 * Scanning in WebAssembly: normal form of ASCII, word hashes of ASCII and of UTF-16, shingles of word hashes. The same results as the plain loops in
 * `words.ts` and `shingles.ts`, bit for bit. Words are hashed from two places of a text at once, because a letter's hash waits for the one
 * before it; no branch depends on a letter, because words end too irregularly for a processor to foresee.
 */
import {
  assembleWasm,
  type Code,
  type Func,
  getLocal,
  type Instance,
  instantiate,
  lessUnsigned,
  loadAt,
  loadByte,
  loadHalf,
  repeatWhile,
  set,
  shiftLeft,
  shiftRight,
  splat,
  store,
  storeByte,
  vectorAdd,
  vectorLoad,
  vectorMul,
  vectorShiftRight,
  vectorStore,
  vectorXor,
  wasmAdd,
  wasmAnd,
  wasmConstant,
  wasmMul,
  wasmSelect,
  wasmSub,
  xor,
} from "./wasm.ts";
import { fnv, foldedBytes, shingleFactor, unitBits, unitTable } from "./words.ts";

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
      set(to, getLocal(from)),
      // As if white space stood before the text.
      set(was, wasmConstant(1)),
      repeatWhile(
        lessUnsigned(getLocal(from), getLocal(end)),
        set(byte, loadByte(getLocal(from))),
        set(space, loadByte(getLocal(byte), SPACE)),
        storeByte(getLocal(to), loadByte(getLocal(byte), PLAIN)),
        set(to, wasmSub(wasmAdd(getLocal(to), wasmConstant(1)), wasmAnd(getLocal(space), getLocal(was)))),
        set(was, getLocal(space)),
        set(from, wasmAdd(getLocal(from), wasmConstant(1))),
      ),
    ],
    result: getLocal(to),
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
      begin: [set(hash, wasmConstant(fnv.basis)), set(was, wasmConstant(0))],
      step: [
        set(byte, loadByte(getLocal(at))),
        set(letter, loadByte(getLocal(byte), LETTER)),
        // On to the next place where a word ended.
        set(out, wasmAdd(getLocal(out), wasmAnd(getLocal(was), xor(getLocal(letter), wasmConstant(4))))),
        set(
          hash,
          wasmSelect(
            wasmMul(xor(getLocal(hash), loadByte(getLocal(byte), FOLDED)), wasmConstant(fnv.prime)),
            wasmConstant(fnv.basis),
            getLocal(letter),
          ),
        ),
        store(getLocal(out), getLocal(hash)),
        set(was, getLocal(letter)),
        set(at, wasmAdd(getLocal(at), wasmConstant(1))),
      ],
      finish: [set(out, wasmAdd(getLocal(out), getLocal(was)))],
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
      repeatWhile(lessUnsigned(getLocal(a), getLocal(end)), ...first.step, ...second.step),
      ...first.finish,
      ...second.finish,
      store(getLocal(outEnd), getLocal(outB)),
    ],
    result: getLocal(outA),
  };
}

/** units(at, end, out): hashes of the words of UTF-16 units in [at, end) to out, the end of which is the result. */
function unitsFunction(): Func {
  const [at, end, out, hash, was, unit, letter, single] = [0, 1, 2, 3, 4, 5, 6, 7];
  const lower = wasmAnd(getLocal(unit), wasmConstant(0xffff));
  /** A bit of the unit as 0 or 4: bytes of a hash. */
  const bit = (mask: number): Code => wasmAnd(shiftRight(getLocal(unit), wasmConstant(Math.log2(mask) - 2)), wasmConstant(4));
  return {
    name: "units",
    numParams: 3,
    numInts: 5,
    numVectors: 0,
    body: [
      set(hash, wasmConstant(fnv.basis)),
      set(was, wasmConstant(0)),
      repeatWhile(
        lessUnsigned(getLocal(at), getLocal(end)),
        set(unit, loadAt(shiftLeft(loadHalf(getLocal(at)), wasmConstant(2)), UNITS)),
        set(letter, bit(unitBits.inWord)),
        set(single, bit(unitBits.isWord)),
        // On to the next place where a word ended, and where a unit is one.
        set(out, wasmAdd(getLocal(out), wasmAnd(getLocal(was), xor(getLocal(letter), wasmConstant(4))))),
        set(hash, wasmSelect(wasmMul(xor(getLocal(hash), lower), wasmConstant(fnv.prime)), wasmConstant(fnv.basis), getLocal(letter))),
        store(getLocal(out), wasmSelect(lower, getLocal(hash), getLocal(single))),
        set(out, wasmAdd(getLocal(out), getLocal(single))),
        set(was, getLocal(letter)),
        set(at, wasmAdd(getLocal(at), wasmConstant(2))),
      ),
      set(out, wasmAdd(getLocal(out), getLocal(was))),
    ],
    result: getLocal(out),
  };
}

/** shingle(words, end, n, out): mixes the hashes of words in place, then writes the shingle that begins at every word. Four at a time. */
function shingleFunction(): Func {
  const [words, end, n, out, at, k] = [0, 1, 2, 3, 4, 5];
  const h = 6;
  const shifted = (x: Code, bits: number): Code => vectorXor(x, vectorShiftRight(x, wasmConstant(bits)));
  const mix = (local: number): Code[] => [
    set(local, vectorMul(shifted(getLocal(local), 16), splat(wasmConstant(0x85ebca6b)))),
    set(local, vectorMul(shifted(getLocal(local), 13), splat(wasmConstant(0xc2b2ae35)))),
    set(local, shifted(getLocal(local), 16)),
  ];
  return {
    name: "shingle",
    numParams: 4,
    numInts: 2,
    numVectors: 1,
    body: [
      set(at, getLocal(words)),
      repeatWhile(
        lessUnsigned(getLocal(at), getLocal(end)),
        set(h, vectorLoad(getLocal(at))),
        ...mix(h),
        vectorStore(getLocal(at), getLocal(h)),
        set(at, wasmAdd(getLocal(at), wasmConstant(16))),
      ),
      repeatWhile(
        lessUnsigned(getLocal(words), getLocal(end)),
        set(h, splat(wasmConstant(0))),
        set(k, wasmConstant(0)),
        set(at, getLocal(words)),
        repeatWhile(
          lessUnsigned(getLocal(k), getLocal(n)),
          set(
            h,
            vectorAdd(vectorMul(vectorXor(getLocal(h), vectorLoad(getLocal(at))), splat(wasmConstant(shingleFactor))), splat(getLocal(k))),
          ),
          set(at, wasmAdd(getLocal(at), wasmConstant(4))),
          set(k, wasmAdd(getLocal(k), wasmConstant(1))),
        ),
        ...mix(h),
        vectorStore(getLocal(out), getLocal(h)),
        set(words, wasmAdd(getLocal(words), wasmConstant(16))),
        set(out, wasmAdd(getLocal(out), wasmConstant(16))),
      ),
    ],
  };
}

interface Scanner {
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
  bytes.set(foldedBytes, FOLDED);
  bytes.set(
    foldedBytes.map(c => (c === 0 ? 0 : 4)),
    LETTER,
  );

  /** Word hashes of ASCII bytes into `to`, as many as given. */
  const asciiWords = (text: Uint8Array, to: number): number => {
    const { length } = text;
    bytes.set(text, TEXT);
    // The first part ends between words and is not the shorter one; behind the second come bytes that are in no word.
    let middle = (length + 1) >> 1;
    while (middle < length && foldedBytes[text[middle]!] !== 0) middle++;
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
      assembleWasm([normaliseFunction(), wordsFunction(), unitsFunction(), shingleFunction()]),
    );
    made = { scanner: instance && makeScanner(instance) };
  }
  return made.scanner;
}
