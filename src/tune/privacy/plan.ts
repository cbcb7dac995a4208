/** What a private run does and costs: who its people are, how often each is drawn, the noise, and the steps that the budget allows. */
import { random } from "../../base/index.ts";
import { epsilonOf, noiseFor } from "../../governance/index.ts";
import { tuneErrors } from "../errors.ts";
import type { PrivacyOptions } from "./options.ts";

/** Told of a private model, in `tuning.json` and on its card. */
export interface PrivacyReport {
  /** Upper bound over all planned steps, whichever of them gave the weights. */
  readonly epsilon: number;
  readonly delta: number;
  readonly noise: number;
  readonly clip: number;
  /** Whose presence epsilon is about: one document, or all documents of one value of an attribute. */
  readonly unit: string;
  readonly people: number;
  /** Texts beyond a person's cap, which train nothing. */
  readonly leftOut: number;
  readonly samplingRate: number;
  readonly steps: number;
  readonly accountant: string;
  readonly method: string;
  /** What of the run is not covered by epsilon. */
  readonly notCovered: readonly string[];
}

/** People with their texts, each with at most so many: which ones is drawn, and does not depend on other people. */
export function peopleOf(
  names: readonly string[],
  most: number,
  seed: number | string,
): { readonly people: number[][]; readonly leftOut: number } {
  const byName = new Map<string, number[]>();
  for (const [text, name] of names.entries()) {
    const own = byName.get(name);
    if (own) own.push(text);
    else byName.set(name, [text]);
  }
  const people = [...byName].map(([name, texts]) => {
    if (texts.length <= most) return texts;
    const order = random(`${seed}/person/${name}`).permutation(texts.length);
    return Array.from(order.subarray(0, most), i => texts[i]!).sort((a, b) => a - b);
  });
  return { people, leftOut: names.length - people.reduce((n, p) => n + p.length, 0) };
}

/** The most steps that stay within a budget, and none more. */
function stepsWithin(
  given: { readonly rate: number; readonly noise: number; readonly steps: number },
  epsilon: number,
  o: PrivacyOptions,
): number {
  const costs = (steps: number) => epsilonOf([{ ...given, steps }], o.delta, o.accountant);
  if (costs(given.steps) <= epsilon) return given.steps;
  let [within, beyond] = [0, given.steps];
  while (beyond - within > 1) {
    const middle = Math.floor((within + beyond) / 2);
    if (costs(middle) <= epsilon) within = middle;
    else beyond = middle;
  }
  return within;
}

/** Noise and steps of a run. Errors: tune/privacy where the budget allows no step, or delta is no small probability for so many people. */
export function privacyPlan(
  o: PrivacyOptions,
  given: { readonly people: number; readonly leftOut: number; readonly rate: number; readonly steps: number },
): PrivacyReport {
  const { rate, people, leftOut } = given;
  if (!(o.delta < 1 / people))
    throw tuneErrors.fail("privacy", {
      place: "privacy.delta",
      expected: `less than 1 / ${people}, the number of people`,
      received: String(o.delta),
      hint: "A larger delta would allow to publish one person's texts as they are.",
    });
  const noise = o.noise ?? noiseFor({ epsilon: o.epsilon!, delta: o.delta, rate, steps: given.steps }, o.accountant);
  const steps = o.epsilon === undefined ? given.steps : stepsWithin({ rate, noise, steps: given.steps }, o.epsilon, o);
  if (steps < 1)
    throw tuneErrors.fail("privacy", {
      place: "privacy.epsilon",
      expected: "a budget for one step at least",
      received: `${o.epsilon} with noise ${noise}`,
      hint: "Raise noise, or leave it out: it then follows from epsilon.",
    });
  return {
    epsilon: epsilonOf([{ rate, noise, steps }], o.delta, o.accountant),
    delta: o.delta,
    noise,
    clip: o.clip,
    unit: o.person === undefined ? "document" : `attribute ${o.person}, at most ${o.textsPerPerson} documents each`,
    people,
    leftOut,
    samplingRate: rate,
    steps,
    accountant: o.accountant,
    method: "DP-SGD: Poisson sampling, clipping per person, Gaussian noise, neighbours differ by one person added or removed",
    notCovered: [
      "the validation set, which selects weights and thresholds",
      "the test set",
      "settings chosen by other runs, such as a search",
      "the training loss in logs",
      "the number of people",
    ],
  };
}
