/**
 * Element types of GGUF files: how many numbers a block holds, in how many bytes, and what they are. Formulas follow ggml's reference
 * (`ggml-quants.c`); each number is rounded to float32 once, which is what that code does too, so decoded weights are the same bits. Types
 * without a decoder are known by name and size, so that a file that holds one is refused by name.
 */
import { halfTable, widenBf16, widenF16 } from "./halves.ts";

/** Reads whole blocks of `bytes` into `out`, which holds exactly their numbers. */
type Decode = (bytes: Uint8Array, out: Float32Array) => void;

export interface GgufType {
  readonly name: string;
  /** Numbers of a block. */
  readonly length: number;
  /** Bytes of a block. */
  readonly sizeBytes: number;
  readonly decode?: Decode;
}

const word = (b: Uint8Array, at: number): number => b[at]! | (b[at + 1]! << 8);
/** The bytes as words: in place where they lie evenly. */
const words = (b: Uint8Array): Uint16Array =>
  b.byteOffset % 2 === 0 ? new Uint16Array(b.buffer, b.byteOffset, b.length / 2) : new Uint16Array(new Uint8Array(b).buffer);

/** Calls back for every block: where its bytes begin, and its numbers. */
const blocks =
  (length: number, sizeBytes: number, block: (b: Uint8Array, at: number, out: Float32Array, to: number, half: Float32Array) => void) =>
  (name: string): GgufType => ({
    name,
    length,
    sizeBytes,
    decode(bytes, out) {
      const half = halfTable();
      for (let at = 0, to = 0; at < bytes.length; at += sizeBytes, to += length) block(bytes, at, out, to, half);
    },
  });

const q4_0 = blocks(32, 18, (b, at, out, to, half) => {
  const d = half[word(b, at)]!;
  for (let i = 0; i < 16; i++) {
    const q = b[at + 2 + i]!;
    out[to + i] = d * ((q & 15) - 8);
    out[to + 16 + i] = d * ((q >> 4) - 8);
  }
});
const q4_1 = blocks(32, 20, (b, at, out, to, half) => {
  const d = half[word(b, at)]!;
  const m = half[word(b, at + 2)]!;
  for (let i = 0; i < 16; i++) {
    const q = b[at + 4 + i]!;
    out[to + i] = d * (q & 15) + m;
    out[to + 16 + i] = d * (q >> 4) + m;
  }
});
/** The fifth bits lie apart: bit i for number i. */
const fifth = (b: Uint8Array, at: number, i: number): number => ((b[at + (i >> 3)]! >> (i & 7)) & 1) << 4;
const q5_0 = blocks(32, 22, (b, at, out, to, half) => {
  const d = half[word(b, at)]!;
  for (let i = 0; i < 16; i++) {
    const q = b[at + 6 + i]!;
    out[to + i] = d * (((q & 15) | fifth(b, at + 2, i)) - 16);
    out[to + 16 + i] = d * (((q >> 4) | fifth(b, at + 2, i + 16)) - 16);
  }
});
const q5_1 = blocks(32, 24, (b, at, out, to, half) => {
  const d = half[word(b, at)]!;
  const m = half[word(b, at + 2)]!;
  for (let i = 0; i < 16; i++) {
    const q = b[at + 8 + i]!;
    out[to + i] = d * ((q & 15) | fifth(b, at + 4, i)) + m;
    out[to + 16 + i] = d * ((q >> 4) | fifth(b, at + 4, i + 16)) + m;
  }
});
const q8_0 = blocks(32, 34, (b, at, out, to, half) => {
  const d = half[word(b, at)]!;
  for (let i = 0; i < 32; i++) out[to + i] = d * ((b[at + 2 + i]! << 24) >> 24);
});

/** Scale and minimum of part `j` of eight: six bits each, packed into twelve bytes. */
const scaleOf = (b: Uint8Array, at: number, j: number): number =>
  j < 4 ? b[at + j]! & 63 : (b[at + j + 4]! & 15) | ((b[at + j - 4]! >> 6) << 4);
const minimumOf = (b: Uint8Array, at: number, j: number): number =>
  j < 4 ? b[at + j + 4]! & 63 : (b[at + j + 4]! >> 4) | ((b[at + j]! >> 6) << 4);

/** Where in its 256 a number of two or three bits lies: 16 numbers share a scale, 32 bytes hold a pair of bits of four times 32 numbers. */
const eachOf256 = (number: (at: number, scale: number, byte: number, shift: number, index: number) => void): void => {
  for (let n = 0; n < 2; n++)
    for (let j = 0; j < 4; j++) for (let i = 0; i < 32; i++) number(128 * n + 32 * j + i, 8 * n + 2 * j + (i >> 4), 32 * n + i, 2 * j, i);
};
const q2_k = blocks(256, 84, (b, at, out, to, half) => {
  const d = half[word(b, at + 80)]!;
  const m = half[word(b, at + 82)]!;
  eachOf256((k, scale, byte, shift) => {
    const s = b[at + scale]!;
    out[to + k] = d * (s & 15) * ((b[at + 16 + byte]! >> shift) & 3) - m * (s >> 4);
  });
});
/** Scale `k` of sixteen: six bits, of which four lie in eight bytes and two in four. */
const signedScaleOf = (b: Uint8Array, at: number, k: number): number =>
  (((b[at + (k & 7)]! >> (4 * (k >> 3))) & 15) | (((b[at + 8 + (k & 3)]! >> (2 * (k >> 2))) & 3) << 4)) - 32;
const q3_k = blocks(256, 110, (b, at, out, to, half) => {
  const d = half[word(b, at + 108)]!;
  eachOf256((k, scale, byte, shift, i) => {
    const low = (b[at + 32 + byte]! >> shift) & 3;
    // the third bit says that nothing is taken off
    const high = (b[at + i]! >> (k >> 5)) & 1;
    out[to + k] = d * signedScaleOf(b, at + 96, scale) * (low - (high ? 0 : 4));
  });
});

const q4_k = blocks(256, 144, (b, at, out, to, half) => {
  const d = half[word(b, at)]!;
  const m = half[word(b, at + 2)]!;
  for (let j = 0; j < 8; j++) {
    const scale = d * scaleOf(b, at + 4, j);
    const least = m * minimumOf(b, at + 4, j);
    const from = at + 16 + 32 * (j >> 1);
    const shift = 4 * (j & 1);
    for (let i = 0; i < 32; i++) out[to + 32 * j + i] = scale * ((b[from + i]! >> shift) & 15) - least;
  }
});
const q5_k = blocks(256, 176, (b, at, out, to, half) => {
  const d = half[word(b, at)]!;
  const m = half[word(b, at + 2)]!;
  for (let j = 0; j < 8; j++) {
    const scale = d * scaleOf(b, at + 4, j);
    const least = m * minimumOf(b, at + 4, j);
    const from = at + 48 + 32 * (j >> 1);
    const shift = 4 * (j & 1);
    for (let i = 0; i < 32; i++)
      out[to + 32 * j + i] = scale * (((b[from + i]! >> shift) & 15) | (((b[at + 16 + i]! >> j) & 1) << 4)) - least;
  }
});
const q6_k = blocks(256, 210, (b, at, out, to, half) => {
  const d = half[word(b, at + 208)]!;
  for (let n = 0; n < 2; n++)
    for (let j = 0; j < 4; j++)
      for (let i = 0; i < 32; i++) {
        const low = (b[at + 64 * n + 32 * (j & 1) + i]! >> (4 * (j >> 1))) & 15;
        const high = (b[at + 128 + 32 * n + i]! >> (2 * j)) & 3;
        const scale = d * ((b[at + 192 + 8 * n + 2 * j + (i >> 4)]! << 24) >> 24);
        out[to + 128 * n + 32 * j + i] = scale * ((low | (high << 4)) - 32);
      }
});

/** Known by name and size only. */
const foreign =
  (length: number, sizeBytes: number) =>
  (name: string): GgufType => ({ name, length, sizeBytes });
const plain =
  (sizeBytes: number, decode: Decode) =>
  (name: string): GgufType => ({ name, length: 1, sizeBytes, decode });

/** The number that stands for a type in a file, its name, and what it is. */
const rows: readonly (readonly [number, string, (name: string) => GgufType])[] = [
  [0, "F32", plain(4, (bytes, out) => new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(bytes))],
  [1, "F16", plain(2, (bytes, out) => void widenF16(words(bytes), out))],
  [2, "Q4_0", q4_0],
  [3, "Q4_1", q4_1],
  [6, "Q5_0", q5_0],
  [7, "Q5_1", q5_1],
  [8, "Q8_0", q8_0],
  [9, "Q8_1", foreign(32, 36)],
  [10, "Q2_K", q2_k],
  [11, "Q3_K", q3_k],
  [12, "Q4_K", q4_k],
  [13, "Q5_K", q5_k],
  [14, "Q6_K", q6_k],
  [15, "Q8_K", foreign(256, 292)],
  [16, "IQ2_XXS", foreign(256, 66)],
  [17, "IQ2_XS", foreign(256, 74)],
  [18, "IQ3_XXS", foreign(256, 98)],
  [19, "IQ1_S", foreign(256, 50)],
  [20, "IQ4_NL", foreign(32, 18)],
  [21, "IQ3_S", foreign(256, 110)],
  [22, "IQ2_S", foreign(256, 82)],
  [23, "IQ4_XS", foreign(256, 136)],
  [24, "I8", foreign(1, 1)],
  [25, "I16", foreign(1, 2)],
  [26, "I32", foreign(1, 4)],
  [27, "I64", foreign(1, 8)],
  [28, "F64", foreign(1, 8)],
  [29, "IQ1_M", foreign(256, 56)],
  [30, "BF16", plain(2, (bytes, out) => void widenBf16(words(bytes), out))],
  [34, "TQ1_0", foreign(256, 54)],
  [35, "TQ2_0", foreign(256, 66)],
  [39, "MXFP4", foreign(32, 17)],
];
export const ggufTypes: ReadonlyMap<number, GgufType> = new Map(rows.map(([number, name, make]) => [number, make(name)]));
/** Names of the types that can be read. */
export const readableGgufTypes: readonly string[] = [...ggufTypes.values()].filter(t => t.decode).map(t => t.name);
