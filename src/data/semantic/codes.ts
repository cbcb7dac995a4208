/**
 * Unit vectors in one byte a number, for messages and disk: 384 bytes instead of 1,536. Each is scaled so that its largest number is 127;
 * the scale is not kept, because only directions are compared. The cosine of two codes is off by about .001 (measured in `codes.test.ts`).
 */

/** The code of a direction. Zero stays zero and is like nothing. */
export function encode(vector: Float32Array): Int8Array {
  let most = 0;
  for (const x of vector) most = Math.max(most, Math.abs(x));
  const scale = most > 0 && Number.isFinite(most) ? 127 / most : 0;
  return Int8Array.from(vector, x => Math.round(scale * x) || 0);
}

/** Many codes of one width, side by side. */
export interface Codes {
  readonly count: number;
  readonly width: number;
  readonly values: Int8Array;
  /** 1 / length of each, 0 for zero. */
  readonly scales: Float64Array;
}

export function codesOf(list: readonly Int8Array[], width: number): Codes {
  const values = new Int8Array(list.length * width);
  list.forEach((code, i) => {
    values.set(code, i * width);
  });
  const scales = Float64Array.from(list, code => {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += code[i]! * code[i]!;
    return sum > 0 ? 1 / Math.sqrt(sum) : 0;
  });
  return { count: list.length, width, values, scales };
}

/** The cosine of two of them: whole numbers until the end, so that it does not hang on the order of adding. */
export function cosineOfCodes({ width, values, scales }: Codes, a: number, b: number): number {
  let [x, y] = [a * width, b * width];
  const end = x + width;
  let [p, q, r, s] = [0, 0, 0, 0];
  for (const last = end - 3; x < last; x += 4, y += 4) {
    p = (p + values[x]! * values[y]!) | 0;
    q = (q + values[x + 1]! * values[y + 1]!) | 0;
    r = (r + values[x + 2]! * values[y + 2]!) | 0;
    s = (s + values[x + 3]! * values[y + 3]!) | 0;
  }
  for (; x < end; x++, y++) p = (p + values[x]! * values[y]!) | 0;
  return Math.min(1, (p + q + r + s) * (scales[a]! * scales[b]!));
}
