/** Rotary position embedding (Su et al. 2021), in the half-split form of Llama: pairs are (i, i + D/2). */
import { constant, gather, reshape, rotary, slice, type Tensor } from "../tensor/index.ts";

export interface RotaryTables {
  /** [context, D/2] each. */
  readonly cos: Tensor;
  readonly sin: Tensor;
}

export interface Angles {
  readonly base: number;
  /** What each of the D/2 angles is divided by; 1 when absent. */
  readonly factors?: readonly number[] | undefined;
  /** What is turned is multiplied by it; 1 when absent. */
  readonly scale?: number | undefined;
}

/** Cosines and sines of position * base^(-2i/D) / factor[i] for all positions, [context, D/2]. */
export function rotaryNumbers(context: number, headSize: number, { base, factors, scale = 1 }: Angles) {
  const half = headSize / 2;
  const speeds = Float64Array.from({ length: half }, (_, i) => base ** (-(2 * i) / headSize) / (factors?.[i] ?? 1));
  const angles = Float64Array.from({ length: context * half }, (_, n) => Math.floor(n / half) * speeds[n % half]!);
  const make = (f: (a: number) => number) => Float32Array.from(angles, a => scale * f(a));
  return { cos: make(Math.cos), sin: make(Math.sin) };
}

/** The latest numbers: a model's programs are traced one after another, and all have the same. */
let latest: { readonly of: string; readonly numbers: ReturnType<typeof rotaryNumbers> } | undefined;

/** The same as constants. */
export function rotaryTables(context: number, headSize: number, angles: Angles): RotaryTables {
  const of = JSON.stringify([context, headSize, angles]);
  if (latest?.of !== of) latest = { of, numbers: rotaryNumbers(context, headSize, angles) };
  const made = (numbers: Float32Array) => constant(numbers, "f32", [context, headSize / 2]);
  return { cos: made(latest.numbers.cos), sin: made(latest.numbers.sin) };
}

/** Tables for positions [B, T]: [B, 1, T, D/2], so that they broadcast over heads; or for 0..T-1 when no positions are given. */
export function rotaryAt(tables: RotaryTables, length: number, positions?: Tensor): RotaryTables {
  const at = (t: Tensor) => {
    if (!positions) return reshape(slice(t, [0, length]), [1, 1, length, t.shape[1]!]);
    const rows = gather(t, positions);
    return reshape(rows, [rows.shape[0]!, 1, rows.shape[1]!, rows.shape[2]!]);
  };
  return { cos: at(tables.cos), sin: at(tables.sin) };
}

/** x [B, H, T, D] turned by its positions' angles. */
export const rotate = (x: Tensor, { cos, sin }: RotaryTables): Tensor => rotary(x, cos, sin);
