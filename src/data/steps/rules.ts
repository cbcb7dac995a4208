/**
 * Rules as data: a measured value held against an option. A step that measures lists its rules once; verdicts follow from the values, in a
 * run and later, when somebody asks what another threshold would have kept.
 */
import type { StepVerdict } from "../ledger.ts";

export interface StepRule<Option extends string = string> {
  /** The option that holds the threshold; a rule whose option is absent does not judge. */
  readonly option: Option;
  /** The document stays while the value is at least, or at most, the threshold. */
  readonly keep: "atLeast" | "atMost";
}
export type Rules<Name extends string = string, Option extends string = string> = Readonly<Record<Name, StepRule<Option>>>;

/** Verdicts of all rules that have a threshold, kept or not, in the order of the rules. */
export function judgeByRules<Name extends string, Option extends string>(
  rules: Rules<Name, Option>,
  values: Readonly<Record<Name, number>>,
  options: { readonly [O in Option]?: number | null | undefined },
): StepVerdict[] {
  const verdicts: StepVerdict[] = [];
  for (const rule in rules) {
    const { option, keep } = rules[rule];
    const threshold = options[option];
    if (threshold === undefined || threshold === null) continue;
    const value = values[rule];
    verdicts.push({ rule, keep: keep === "atLeast" ? value >= threshold : value <= threshold, value, threshold });
  }
  return verdicts;
}
