import type { Json } from "../../../base/index.ts";
import { isActive, type Point, type Space, valueAt, valueCount } from "../space.ts";
import type { Sampler } from "./sampler.ts";

/** Every combination, the last parameter first; a range of real numbers as `pointsPerRange` values at equal distances, its ends among them. */
export function* gridPoints(space: Space, pointsPerRange: number): Generator<Point> {
  const parameters = Object.entries(space);
  function* from(i: number, above: Readonly<Record<string, Json>>): Generator<Point> {
    if (i === parameters.length) {
      yield above;
      return;
    }
    const [name, p] = parameters[i]!;
    if (!isActive(p, above)) {
      yield* from(i + 1, above);
      return;
    }
    const size = valueCount(p);
    const all = Math.min(size, size === Number.POSITIVE_INFINITY || ("log" in p && p.log) ? pointsPerRange : size);
    const seen = new Set<Json>();
    for (let k = 0; k < all; k++) {
      const value = valueAt(p, size === all ? (k + 0.5) / all : all === 1 ? 0.5 : k / (all - 1));
      if (!seen.has(value)) yield* from(i + 1, { ...above, [name]: value });
      seen.add(value);
    }
  }
  yield* from(0, {});
}

/** Every combination once, in the order of `gridPoints`. */
export function gridSampler({ pointsPerRange = 5 } = {}): Sampler {
  return {
    name: "grid",
    suggest({ space, trials }) {
      const tried = new Set(trials.map(t => keyOf(t.point)));
      for (const point of gridPoints(space, pointsPerRange)) if (!tried.has(keyOf(point))) return point;
      return undefined;
    },
  };
}

const keyOf = (point: Point): string => JSON.stringify(Object.entries(point).sort(([a], [b]) => (a < b ? -1 : 1)));
