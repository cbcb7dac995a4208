/** Many tests at once. Each gives corrected p-values in the order of the given ones. */
import { checkArgument } from "./errors.ts";

function stepped(p: readonly number[], factor: (rank: number) => number, direction: "up" | "down"): number[] {
  for (const [i, v] of p.entries()) checkArgument(v >= 0 && v <= 1, `p[${i}]`, "a probability", v);
  const order = p.map((_, i) => i).sort((a, b) => p[a]! - p[b]!);
  const corrected = order.map((i, rank) => p[i]! * factor(rank));
  if (direction === "down") for (let i = 1; i < corrected.length; i++) corrected[i] = Math.max(corrected[i]!, corrected[i - 1]!);
  else for (let i = corrected.length - 2; i >= 0; i--) corrected[i] = Math.min(corrected[i]!, corrected[i + 1]!);
  const out = new Array<number>(p.length);
  for (const [rank, i] of order.entries()) out[i] = Math.min(1, corrected[rank]!);
  return out;
}

/** Holm (1979): the chance of any false finding stays below the level, whatever depends on what. */
export const holm = (p: readonly number[]): number[] => stepped(p, rank => p.length - rank, "down");

/** Benjamini and Hochberg (1995): the expected share of false findings among the findings, for independent tests. */
export const benjaminiHochberg = (p: readonly number[]): number[] => stepped(p, rank => p.length / (rank + 1), "up");

/**
 * Level of look number `look` (from 0) at data that grow: alpha x 6 / (pi^2 (look + 1)^2). The levels of all looks sum to alpha, so the chance of any false
 * finding stays below it however often one looks, whatever the looks share.
 */
export const levelOfLook = (alpha: number, look: number): number => (alpha * 6) / (Math.PI * (look + 1)) ** 2;
