/** What a training run costs in privacy, by either accountant, and the noise that a wished epsilon needs. Pure functions of what was done. */
import { governanceErrors } from "../errors.ts";
import { epsilonOfLosses } from "./loss-distribution.ts";
import { epsilonOfRenyi, type PrivacySteps, renyiCurve } from "./renyi.ts";

/** `pld`: privacy loss distribution, tight. `rdp`: Rényi divergences, 8 to 23 % above it, and quick. */
export const accountants = ["pld", "rdp"] as const;
export type AccountantName = (typeof accountants)[number];

const epsilons: { readonly [A in AccountantName]: (runs: readonly PrivacySteps[], delta: number) => number } = {
  pld: epsilonOfLosses,
  rdp: (runs, delta) => (runs.every(r => r.steps === 0) ? 0 : epsilonOfRenyi(renyiCurve(runs), delta).epsilon),
};

/** The epsilon of runs of steps at a delta: neighbours differ by one person who is added or removed. Errors: governance/accountant. */
export const epsilonOf = (runs: readonly PrivacySteps[], delta: number, accountant: AccountantName = "pld"): number =>
  epsilons[accountant](runs, delta);

/** Noise multipliers that are looked at, and to which part of itself one is found. */
const [leastNoise, mostNoise, precision] = [0.1, 1e4, 1e-3];

/** The least noise between two at which a falling cost is at most a limit; `high` must be. */
function leastWithin(costs: (noise: number) => number, limit: number, from: number, to: number): number {
  let [low, high] = [from, to];
  while (high - low > precision * high) {
    const middle = (low + high) / 2;
    if (costs(middle) > limit) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * The least noise multiplier at which steps cost at most epsilon, within 0.1 %, rounded up. Errors: governance/accountant where none up to 10,000 does.
 */
export function noiseFor(
  given: { readonly epsilon: number; readonly delta: number; readonly rate: number; readonly steps: number },
  accountant: AccountantName = "pld",
): number {
  const { epsilon, delta, rate, steps } = given;
  const costs = (by: AccountantName) => (noise: number) => epsilonOf([{ rate, noise, steps }], delta, by);
  let high = leastNoise;
  while (costs("rdp")(high) > epsilon) {
    high *= 2;
    if (high > mostNoise)
      throw governanceErrors.fail("accountant", {
        place: "privacy.epsilon",
        expected: `an epsilon that a noise multiplier up to ${mostNoise} reaches`,
        received: `${epsilon} over ${steps} steps`,
        hint: "Raise epsilon, or train fewer steps.",
      });
  }
  const enough = leastWithin(costs("rdp"), epsilon, high / 2, high);
  if (accountant === "rdp") return enough;
  // the quick accountant lies above the tight one, so its noise is enough; less is looked for below it
  let low = 0.8 * enough;
  while (low > leastNoise / 2 && costs("pld")(low) <= epsilon) low *= 0.8;
  return leastWithin(costs("pld"), epsilon, low, enough);
}
