/**
 * Thresholds of one class by the group of a text (`thresholds:`; post-processing after Hardt, Price and Srebro 2016), chosen on the validation part and written
 * into the classifier's configuration. Groups that are too few to choose by are refused before anything is trained.
 */
import { defined } from "../../base/index.ts";
import type { CostRule, FairnessTable } from "../../evaluate/index.ts";
import { type ClassGroupThresholds, type ClassifierConfig, toldLabel } from "../../nn/index.ts";
import { groupThresholds } from "../../statistics/index.ts";
import { tuneErrors } from "../errors.ts";
import type { DescribedExample } from "./examples.ts";
import { checkGroupAttributes, classifierFairness, groupValue } from "./groups.ts";
import type { ThresholdOptions } from "./options.ts";

/** What a recipe says, with the class that it is about. */
export interface GroupThresholdRule extends ThresholdOptions {
  readonly positive: string;
}

const groupOfExample = (rule: Pick<GroupThresholdRule, "group">, example: Pick<DescribedExample, "attributes">): string | undefined => {
  const value = groupValue(example.attributes[rule.group]);
  return value === undefined || value === "" ? undefined : String(value);
};
/** The group of every text; undefined: the attribute has no value, and the common threshold decides. */
export const groupsOfExamples = (rule: Pick<GroupThresholdRule, "group">, examples: readonly Pick<DescribedExample, "attributes">[]) =>
  examples.map(e => groupOfExample(rule, e));

/** Groups of a validation part, sorted, each with its texts and those of the positive class. */
function countsOf(rule: GroupThresholdRule, validation: readonly DescribedExample[], classes: readonly string[]) {
  const counts = new Map<string, { texts: number; positive: number }>();
  for (const [i, group] of groupsOfExamples(rule, validation).entries()) {
    if (group === undefined) continue;
    const own = counts.get(group) ?? { texts: 0, positive: 0 };
    counts.set(group, own);
    own.texts++;
    if (classes[validation[i]!.label] === rule.positive) own.positive++;
  }
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * Errors: tune/labels for a positive class that is none, an attribute that no document has, one group, a group of fewer than `least` texts, a group without
 * texts of both outcomes.
 */
export function checkGroupThresholds(
  rule: GroupThresholdRule,
  validation: readonly DescribedExample[],
  classes: readonly string[],
  place: string,
): readonly string[] {
  const fail = (expected: string, received: string, hint: string, at = `${place}.group`) =>
    tuneErrors.fail("labels", { place: at, expected, received, hint });
  const { group: attribute, positive, least } = rule;
  if (!classes.includes(positive))
    throw fail(
      `one of the classes ${classes.join(", ")}`,
      JSON.stringify(positive),
      "Name the class that counts as the outcome.",
      `${place}.positive`,
    );
  checkGroupAttributes([attribute], validation, `${place}.group`);
  const counts = countsOf(rule, validation, classes);
  if (counts.length < 2)
    throw fail(
      `two groups or more by "${attribute}" in the validation part`,
      `one: ${counts[0]?.[0]}`,
      "Name another attribute, or leave thresholds out.",
    );
  for (const [name, { texts, positive: hits }] of counts) {
    const more = "Enlarge the validation part (validation:), join groups in the source, or lower least:.";
    if (texts < least)
      throw fail(`at least ${least} validation texts of each group by "${attribute}"`, `${texts} of the group "${name}"`, more);
    if (hits === 0 || hits === texts)
      throw fail(
        `validation texts of "${positive}" and of other classes in each group by "${attribute}"`,
        `${hits} of "${positive}" among ${texts} of the group "${name}"`,
        "Enlarge the validation part (validation:), or join groups in the source.",
      );
  }
  return counts.map(([name]) => name);
}

interface ChosenGroupThresholds {
  readonly thresholds: ClassGroupThresholds;
  /** On the validation part. */
  readonly gap: number;
  readonly isWithinBound: boolean;
}

/** The middle between a threshold and the next lower probability, so that rounding moves no text over it; null where nothing is taken. */
function midway(threshold: number, probabilities: readonly number[]): number | null {
  if (threshold > 1) return null;
  const below = Math.max(0, ...probabilities.filter(p => p < threshold));
  return probabilities.some(p => p < threshold) ? (threshold + below) / 2 : 0;
}

/** Probabilities [text][class] of the validation part, in the order of its texts. Errors: as `checkGroupThresholds`. */
export function chooseGroupThresholds(
  rule: GroupThresholdRule,
  costs: CostRule | undefined,
  validation: readonly DescribedExample[],
  { classes, probabilities }: { readonly classes: readonly string[]; readonly probabilities: readonly (readonly number[])[] },
): ChosenGroupThresholds {
  const groups = checkGroupThresholds(rule, validation, classes, "tune.thresholds");
  const positive = classes.indexOf(rule.positive);
  const own = groupsOfExamples(rule, validation).flatMap((group, i) =>
    group === undefined
      ? []
      : [{ group: groups.indexOf(group), probability: probabilities[i]![positive]!, isPositive: validation[i]!.label === positive }],
  );
  const chosen = groupThresholds(
    { probability: own.map(o => o.probability), positive: own.map(o => o.isPositive), groups, groupOf: own.map(o => o.group) },
    { goal: rule.goal, bound: rule.bound, ...defined({ costs }) },
  );
  const at = groups.map((_, g) =>
    midway(
      chosen.thresholds[g]!,
      own.filter(o => o.group === g).map(o => o.probability),
    ),
  );
  return {
    thresholds: {
      attribute: rule.group,
      label: rule.positive,
      goal: rule.goal,
      bound: rule.bound,
      groups: groups.map((group, g) => ({ group, at: at[g]! })),
    },
    gap: chosen.gap,
    isWithinBound: chosen.isWithinBound,
  };
}

/** Figures of the decisions on the test part. */
interface DecidedBy {
  readonly by: "group thresholds" | "common threshold";
  readonly accuracy: number;
  readonly fairness: FairnessTable;
}
export interface GroupThresholdReport extends ClassGroupThresholds {
  /** Test texts without a group, which the common threshold decides in both rows. */
  readonly without: number;
  readonly rows: readonly DecidedBy[];
}

/** The test part decided with and without the thresholds of groups. */
export function groupThresholdReport(
  classifier: ClassifierConfig & { readonly groupThresholds: ClassGroupThresholds },
  least: number,
  test: readonly DescribedExample[],
  probabilities: readonly (readonly number[])[],
): GroupThresholdReport {
  const { labels: classes, groupThresholds: thresholds } = classifier;
  const rule = { group: thresholds.attribute };
  const groups = groupsOfExamples(rule, test);
  const compared = { by: [[rule.group]], positive: thresholds.label, least, small: "leave-out" } as const;
  const decided = (by: DecidedBy["by"]): DecidedBy => {
    const predicted = probabilities.map((p, i) => toldLabel(classifier, p, by === "group thresholds" ? groups[i] : undefined));
    const [fairness] = classifierFairness(compared, test, { classes, predicted, probabilities });
    return { by, accuracy: predicted.filter((t, i) => t === test[i]!.label).length / test.length, fairness: fairness! };
  };
  return {
    ...thresholds,
    without: groups.filter(g => g === undefined).length,
    rows: [decided("group thresholds"), decided("common threshold")],
  };
}
