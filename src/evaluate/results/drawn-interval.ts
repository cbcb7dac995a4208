/** The interval of a figure that chooses something in every draw, and how its draws lie beside 0. */
import { bootstrap, type Interval } from "../../statistics/index.ts";
import type { ItemResult } from "./item.ts";
import type { Figure } from "./measure.ts";
import { clustersOf, draws, strataOf } from "./score.ts";

/** 95 %, by percentiles; p is two-sided: how many draws lie on the other side of 0. `items` are those that are told of and those that choose. */
export function drawnInterval(figure: Figure, items: readonly ItemResult[]): Interval & { readonly p: number } {
  const value = figure(Int32Array.from(items, (_, i) => i));
  const drawn: number[] = [];
  const seen: Figure = at => {
    const d = figure(at);
    drawn.push(d);
    return d;
  };
  const { low, high } = bootstrap(items.length, seen, {
    draws,
    method: "percentile",
    clusters: clustersOf(items),
    strata: strataOf(items),
    seed: 1,
  });
  // the whole sample was asked first
  const defined = drawn.slice(1).filter(d => !Number.isNaN(d));
  const share = (is: (d: number) => boolean) => (defined.filter(is).length + 1) / (defined.length + 1);
  const [below, above] = [share(d => d <= 0), share(d => d >= 0)];
  return { value, low, high, p: Math.min(1, 2 * below, 2 * above) };
}
