/** Overlapping findings settled: the longest first, then the type of the higher priority, then the higher score, then the earlier. */
import type { PrivateFinding } from "./scan.ts";
import { type PrivateSpan, privateTypeNames } from "./types.ts";

const priority = Object.fromEntries(["nobody", ...privateTypeNames].map((type, i) => [type, i])) as Record<PrivateFinding["type"], number>;
const byPlace = (a: PrivateFinding, b: PrivateFinding): number => a.start - b.start || a.end - b.end;

/** Findings without overlaps, by place. Linear in their length besides sorting. */
export function resolve(found: readonly PrivateFinding[]): PrivateSpan[] {
  const sorted = [...found].sort(byPlace);
  const kept: PrivateFinding[] = [];
  for (let i = 0; i < sorted.length; ) {
    // A chain of findings each of which touches one before it.
    let j = i + 1;
    let { end } = sorted[i]!;
    while (j < sorted.length && sorted[j]!.start < end) end = Math.max(end, sorted[j++]!.end);
    kept.push(...(j === i + 1 ? [sorted[i]!] : settle(sorted.slice(i, j), end)));
    i = j;
  }
  return kept.filter((s): s is PrivateSpan => s.type !== "nobody");
}

function settle(chain: readonly PrivateFinding[], end: number): PrivateFinding[] {
  const origin = chain[0]!.start;
  const taken = new Uint8Array(end - origin);
  const ranked = [...chain].sort(
    (a, b) => b.end - b.start - (a.end - a.start) || priority[a.type] - priority[b.type] || b.score - a.score || byPlace(a, b),
  );
  // What was taken before is at least as long, so it can touch a later one only at an end of that.
  const free = ranked.filter(s => {
    if (taken[s.start - origin] === 1 || taken[s.end - 1 - origin] === 1) return false;
    taken.fill(1, s.start - origin, s.end - origin);
    return true;
  });
  return free.sort(byPlace);
}
