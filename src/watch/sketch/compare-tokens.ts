/** Two counts of token ids: which tokens are in more or fewer events, and how far the shares of all tokens are apart. */
import { sharesComparison } from "./compare-categories.ts";
import type { ComparisonContext, FeatureComparison } from "./compare-feature.ts";
import type { TokenData } from "./token-sketch.ts";

/** Shares of tokens with half a count added to each that either has: how far apart they are. */
function tokenDistances(a: TokenData, b: TokenData): { readonly jensenShannon: number; readonly totalVariation: number } {
  const counts = new Map<number, [number, number]>();
  for (const [i, id] of a.ids.entries()) counts.set(id, [a.counts[i]!, 0]);
  for (const [i, id] of b.ids.entries()) counts.set(id, [counts.get(id)?.[0] ?? 0, b.counts[i]!]);
  const sum = (side: 0 | 1) => [...counts.values()].reduce((n, c) => n + c[side] + 0.5, 0);
  const [n, m] = [sum(0), sum(1)];
  let [js, variation] = [0, 0];
  for (const [x, y] of counts.values()) {
    const [p, q] = [(x + 0.5) / n, (y + 0.5) / m];
    const middle = (p + q) / 2;
    js += (p * Math.log(p / middle) + q * Math.log(q / middle)) / 2;
    variation += Math.abs(q - p) / 2;
  }
  return { jensenShannon: Math.max(0, js), totalVariation: variation };
}

export function compareTokens(a: TokenData, b: TokenData, o: ComparisonContext): FeatureComparison {
  const inReference = new Map(a.ids.map((id, i) => [id, a.events[i]!]));
  const inWindow = new Map(b.ids.map((id, i) => [id, b.events[i]!]));
  const ids = [...new Set([...a.ids, ...b.ids])].sort((x, y) => x - y);
  const counts = ids.map(value => {
    const reference = inReference.get(value) ?? 0;
    return { value, reference, window: inWindow.get(value) ?? 0, isNew: reference === 0 };
  });
  const compared = sharesComparison(counts, a.values, b.values, o);
  if (a.total === 0 || b.total === 0) return compared;
  return { ...compared, tests: { ...compared.tests, ...tokenDistances(a, b) } };
}
