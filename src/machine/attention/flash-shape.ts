/** What FlashAttention (Dao 2023) computes here, in tiles of queries over blocks of keys, and where its packed operands lie. */

/** Operands as they are, or rounded to bf16 and multiplied in pairs; sums are float32. */
export type FlashForm = "f32" | "bf16";

export interface FlashShape {
  readonly form: FlashForm;
  readonly batch: number;
  /** Heads of keys and values, and heads of queries that look at each. */
  readonly kvHeads: number;
  readonly group: number;
  readonly queries: number;
  readonly keys: number;
  /** Numbers of a query, a key and a value. */
  readonly size: number;
  /** Scores are multiplied by it. */
  readonly scale: number;
  /** Query i is at position i + offset; it sees keys at or before it where `causal`, and within `window` of it. */
  readonly causal: boolean;
  readonly offset: number;
  readonly window?: number;
  /** Numbers of queries and keys: a query sees keys of its own number ("equal"), or those whose range [first, end) has it. */
  readonly segments: "none" | "equal" | "range";
}

/** Queries of a tile: three vectors, a lane each. */
export const tileQueries = 48;
export const tileVectors = tileQueries / 16;
/** Bytes of one row of a tile: a number for each of its queries. */
export const tileRowBytes = 4 * tileQueries;
/** Keys whose scores are in registers at once. */
export const keyStrip = 8;
/** Keys between two looks at the sums. */
export const flashKeys = 96;

/** Inner places that one instruction multiplies. */
export const innerPlaces = (form: FlashForm): 1 | 2 => (form === "bf16" ? 2 : 1);

const mostSize = 128;
/** Offsets within an array stand in instructions of 32 bits. */
const mostElements = 2 ** 28;

/** Has the operator code for heads of this size, and for arrays as large as these? */
export const isFlash = (s: Omit<FlashShape, "form" | "scale" | "causal" | "offset" | "window" | "segments">): boolean =>
  s.size > 0 &&
  s.size % 16 === 0 &&
  s.size <= mostSize &&
  s.batch * s.kvHeads * s.group * s.queries * s.keys > 0 &&
  Math.max(s.batch * s.kvHeads * s.group * (s.queries + tileQueries), s.batch * s.kvHeads * (s.keys + keyStrip)) * s.size <= mostElements;

export const flashKey = (s: FlashShape): string =>
  [
    s.form,
    s.batch,
    s.kvHeads,
    s.group,
    s.queries,
    s.keys,
    s.size,
    s.scale,
    s.causal ? "causal" : "both",
    s.offset,
    s.window ?? "all",
    s.segments,
  ].join("_");

/** Sizes that the code is made from. */
export function flashLayout(s: FlashShape) {
  const { form, size } = s;
  const keyRows = keyStrip * Math.ceil(s.keys / keyStrip);
  const isPacked = form === "bf16" || keyRows !== s.keys;
  const rowBytes = form === "bf16" ? 2 * size : 4 * size;
  /** Instructions along the numbers of a head. */
  const sizeSteps = size / innerPlaces(form);
  /** A tile's numbers, one dimension (or two) of all its queries side by side. */
  const acrossBytes = sizeSteps * tileRowBytes;
  const sumBytes = size * tileRowBytes;
  /** Rows of a tile in pairs, as the products over queries read them. */
  const pairedBytes = form === "bf16" ? (tileQueries / 2) * 4 * size : 0;
  return {
    tiles: Math.ceil(s.queries / tileQueries),
    matrices: s.batch * s.kvHeads,
    heads: s.batch * s.kvHeads * s.group,
    keyRows,
    isPacked,
    rowBytes,
    sizeSteps,
    acrossBytes,
    sumBytes,
    pairedBytes,
    /** Rows of a matrix of keys or values, and the same in pairs (as floats: as they are). */
    rowsBytes: keyRows * rowBytes,
    pairsBytes: form === "bf16" ? keyRows * 2 * size : keyRows * 4 * size,
    /** Sixteen rows are packed at a time. */
    packItems: Math.ceil(keyRows / 16),
  };
}
export type FlashLayout = ReturnType<typeof flashLayout>;
