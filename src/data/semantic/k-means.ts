/**
 * Spherical k-means (Dhillon & Modha 2001): centres are directions, the nearest is the one with the greatest cosine. Seeded; the result
 * depends on the points and their order alone, so whoever calls it sorts them. Lloyd's rounds from points drawn at random; a centre that
 * lost all its points takes the point that fits its own centre worst.
 */
import { random } from "../../base/index.ts";
import type { Codes } from "./codes.ts";

/** Directions of length 1, side by side. */
export interface Centres {
  readonly count: number;
  readonly width: number;
  readonly values: Float32Array;
}

/** The cosine of a code (times its length) with a centre. */
export function affinity(centres: Centres, centre: number, code: Int8Array, at: number): number {
  const { width, values } = centres;
  let [c, sum0, sum1] = [centre * width, 0, 0];
  const end = at + width;
  let i = at;
  for (const last = end - 1; i < last; i += 2, c += 2) {
    sum0 += values[c]! * code[i]!;
    sum1 += values[c + 1]! * code[i + 1]!;
  }
  if (i < end) sum0 += values[c]! * code[i]!;
  return sum0 + sum1;
}

/** The centre nearest to a code, and its fit; the first of several that fit equally. */
export function nearestCentre(centres: Centres, code: Int8Array, at: number): { centre: number; fit: number } {
  let [centre, best] = [0, Number.NEGATIVE_INFINITY];
  for (let c = 0; c < centres.count; c++) {
    const f = affinity(centres, c, code, at);
    if (f > best) [centre, best] = [c, f];
  }
  return { centre, fit: best };
}

/** At most `count` centres of the points; fewer where there are fewer points. */
export function kMeans(points: Codes, { count, seed, rounds = 10 }: { count: number; seed: number; rounds?: number }): Centres {
  const { width } = points;
  const k = Math.min(count, points.count);
  const centres: Centres = { count: k, width, values: new Float32Array(k * width) };
  const put = (centre: number, sums: Float64Array) => {
    let length = 0;
    for (const x of sums) length += x * x;
    const scale = length > 0 ? 1 / Math.sqrt(length) : 0;
    for (let i = 0; i < width; i++) centres.values[centre * width + i] = scale * sums[i]!;
  };
  const pointOf = (p: number) => Float64Array.from(points.values.subarray(p * width, (p + 1) * width));
  const drawn = random(`k-means ${seed}`).permutation(points.count);
  for (let c = 0; c < k; c++) put(c, pointOf(drawn[c]!));
  const owner = new Int32Array(points.count).fill(-1);
  const fits = new Float64Array(points.count);
  for (let round = 0; round < rounds; round++) {
    let changed = 0;
    for (let p = 0; p < points.count; p++) {
      const nearest = nearestCentre(centres, points.values, p * width);
      if (owner[p] !== nearest.centre) changed++;
      owner[p] = nearest.centre;
      fits[p] = nearest.fit * points.scales[p]!;
    }
    if (changed === 0) break;
    const sums = Array.from({ length: k }, () => new Float64Array(width));
    const sizes = new Uint32Array(k);
    for (let p = 0; p < points.count; p++) {
      const sum = sums[owner[p]!]!;
      sizes[owner[p]!]!++;
      for (let i = 0; i < width; i++) sum[i] = sum[i]! + points.values[p * width + i]! * points.scales[p]!;
    }
    for (let c = 0; c < k; c++) {
      if (sizes[c] === 0) {
        let worst = 0;
        for (let p = 1; p < points.count; p++) if (fits[p]! < fits[worst]!) worst = p;
        fits[worst] = 1;
        put(c, pointOf(worst));
      } else put(c, sums[c]!);
    }
  }
  return centres;
}
