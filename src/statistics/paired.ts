/** Two systems on the same items, right or wrong. */
import { chiSquareAbove, normalQuantile } from "./distributions.ts";
import { checkArgument, outOf } from "./errors.ts";
import { signTest } from "./proportion.ts";

export interface McNemar {
  /** Items that only the first, and only the second, gets right. */
  readonly onlyFirst: number;
  readonly onlySecond: number;
  readonly p: number;
  readonly isExact: boolean;
}

/** Below so many items that the two differ on, the exact test is made. */
const exactBelow = 25;

/** McNemar's test (1947): exact below 25 items that differ, chi-square with Edwards' correction from there on. */
export function mcNemar(onlyFirst: number, onlySecond: number): McNemar {
  for (const [place, k] of [
    ["onlyFirst", onlyFirst],
    ["onlySecond", onlySecond],
  ] as const)
    checkArgument(Number.isInteger(k) && k >= 0, place, "a whole number from 0 on", k);
  const n = onlyFirst + onlySecond;
  const isExact = n < exactBelow;
  const p = isExact ? signTest(onlyFirst, n) : chiSquareAbove(Math.max(0, Math.abs(onlyFirst - onlySecond) - 1) ** 2 / n, 1);
  return { onlyFirst, onlySecond, p, isExact };
}

/**
 * The smallest difference of two shares on the same n items that a two-sided test at `level` finds with probability `power`, when the systems
 * differ on a share `discordant` of them (Connor 1987, solved for the difference).
 */
export function detectableDifference(n: number, discordant: number, { level = 0.05, power = 0.8 } = {}): number {
  checkArgument(n > 0, "n", "an item or more", n);
  checkArgument(discordant > 0 && discordant <= 1, "discordant", "a share above 0, at most 1", discordant);
  outOf(level, "level");
  outOf(power, "power");
  const [a, b] = [normalQuantile(1 - level / 2), normalQuantile(power)];
  // sqrt(n) d = a sqrt(q) + b sqrt(q - d^2): the right side falls with d, the left rises.
  let [low, high] = [0, Math.sqrt(discordant)];
  for (let i = 0; i < 200; i++) {
    const d = (low + high) / 2;
    if (Math.sqrt(n) * d < a * Math.sqrt(discordant) + b * Math.sqrt(discordant - d * d)) low = d;
    else high = d;
  }
  return Math.min(discordant, high);
}

/**
 * Whether a paired comparison can tell anything at a confidence: with `differing` independent groups in which the two differ at all, the most extreme
 * outcome of the exact sign-flip test (all of them one way) has probability 2^(1 - differing). A bootstrap of so few knows nothing of the other outcomes.
 */
export const canDiffer = (differing: number, confidence: number): boolean => 2 ** (1 - differing) <= 1 - confidence;
