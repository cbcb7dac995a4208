/** What a classifier's training is given against unfairness: an adversary by groups of its texts, or weights that make the class independent of them. */
import type { DocumentAttributes } from "../../data/index.ts";
import { groupingName, groupsBy, reweighing } from "../../statistics/index.ts";
import { tuneErrors } from "../errors.ts";
import type { HeadAdversary } from "../text-head/adversary.ts";
import type { DebiasOptions } from "./debias-options.ts";
import { groupAttributes, groupValue } from "./groups.ts";

/** Groups beyond which an attribute names texts rather than kinds of them. */
const mostGroups = 50;

interface GroupedTexts {
  readonly ids: readonly string[];
  readonly labels: Int32Array;
  readonly attributes?: readonly DocumentAttributes[];
}

/** Errors: tune/labels for an attribute that no document has, of one group, or of too many. */
function groupsOf({ labels, attributes = Array.from(labels, () => ({})) }: GroupedTexts, by: readonly string[], place: string) {
  const missing = by.find(name => attributes.every(a => groupValue(a[name]) === undefined));
  const grouping = groupsBy(
    attributes.map(a => groupAttributes(a, by)),
    by,
  );
  const { groups } = grouping;
  if (missing === undefined && groups.length >= 2 && groups.length <= mostGroups) return grouping;
  throw tuneErrors.fail("labels", {
    place: `${place}: ${groupingName(by)}`,
    expected: `an attribute of the documents with 2 to ${mostGroups} values`,
    received:
      missing === undefined
        ? `${groups.length} ${groups.length === 1 ? `group, "${groups[0]}"` : "groups"}`
        : `"${missing}", which no document has`,
  });
}

/** The adversary of a recipe. Errors: tune/labels. */
export function headAdversary(o: DebiasOptions, train: GroupedTexts, classes: readonly string[]): HeadAdversary {
  const groupings = o.attributes.map(name => groupsOf(train, [name], "debias"));
  return {
    classes: classes.length,
    groups: groupings.map(g => g.groups.length),
    goal: o.goal,
    method: o.method,
    weight: o.weight,
    rate: o.rate,
    groupOf: (text, attribute) => groupings[attribute]!.groupOf[text]!,
  };
}

/** Weights of texts by reweighing. Errors: tune/labels for a group without a text of a class, for which no weight makes up. */
export function reweighedTexts(by: readonly string[], train: GroupedTexts, classes: readonly string[]): Float64Array {
  const { groups, groupOf } = groupsOf(train, by, "weights.reweigh");
  const { weights, empty } = reweighing(groupOf, train.labels);
  const [none] = empty;
  if (!none) return weights;
  throw tuneErrors.fail("labels", {
    place: `weights.reweigh: ${groupingName(by)}`,
    expected: "texts of every class in every group",
    received: `none of class "${classes[none[1]]}" in group "${groups[none[0]]}"`,
    hint: "Give more texts, or reweigh by fewer attributes.",
  });
}
