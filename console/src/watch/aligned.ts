/** Several histories on one axis of time. A step that one of them lacks is a gap of its line. */
import type { WatchHistory } from "../generated/watch.ts";

type Points = WatchHistory["points"];

export interface Aligned {
  /** Seconds since 1970, rising. */
  readonly x: readonly number[];
  readonly values: readonly (readonly (number | null)[])[];
}

/** From a time on, in ms since 1970. */
export function aligned(lines: readonly Points[], fromMs: number): Aligned {
  const recent = lines.map(points => points.filter(([atMs]) => atMs >= fromMs));
  const x = [...new Set(recent.flatMap(points => points.map(([atMs]) => atMs)))].sort((a, b) => a - b);
  const values = recent.map(points => {
    const at = new Map(points.map(([atMs, value]) => [atMs, value]));
    return x.map(atMs => at.get(atMs) ?? null);
  });
  return { x: x.map(atMs => atMs / 1000), values };
}
