/** Groups of a classifier's texts by attributes of their documents (`groups:`): checked before training, measured on the test part. */
import { type FairnessGroups, type FairnessTable, fairnessTables, type ItemResult } from "../../evaluate/index.ts";
import { tuneErrors } from "../errors.ts";
import type { DescribedExample } from "./examples.ts";

type AttributeValue = string | number;

/** An attribute's value as groups are named by; none for a list. */
export function groupValue(value: DescribedExample["attributes"][string] | undefined): AttributeValue | undefined {
  if (typeof value === "boolean") return String(value);
  return typeof value === "string" || typeof value === "number" ? value : undefined;
}

/** The values of some attributes that a document has. */
export const groupAttributes = (attributes: DescribedExample["attributes"], names: readonly string[]): Record<string, AttributeValue> =>
  Object.fromEntries(
    names.flatMap(name => {
      const value = groupValue(attributes[name]);
      return value === undefined ? [] : [[name, value] as const];
    }),
  );

/** Errors: tune/labels for an attribute that no document has. */
export function checkGroupAttributes(attributes: readonly string[], examples: readonly DescribedExample[], place: string): void {
  const missing = attributes.find(name => examples.every(e => groupValue(e.attributes[name]) === undefined));
  if (missing === undefined) return;
  const known = [...new Set(examples.flatMap(e => Object.keys(e.attributes)))].sort();
  throw tuneErrors.fail("labels", {
    place,
    expected: `an attribute of the documents: ${known.slice(0, 20).join(", ") || "they have none"}`,
    received: `"${missing}", which no document has`,
    hint: "A document without a value is in the group (missing); an attribute that none has is no group.",
  });
}

/** Errors: tune/labels for an attribute that no document has, and for an outcome that is no class. */
export function checkGroups(groups: FairnessGroups, test: readonly DescribedExample[], classes: readonly string[], place: string): void {
  checkGroupAttributes([...new Set(groups.by.flat())], test, place);
  const { positive } = groups;
  if (positive === undefined || classes.includes(positive)) return;
  throw tuneErrors.fail("labels", {
    place: `${place}.positive`,
    expected: `one of the classes ${classes.join(", ")}`,
    received: `"${positive}"`,
  });
}

interface Told {
  readonly classes: readonly string[];
  /** Of each text, as an index into the classes. */
  readonly predicted: ArrayLike<number>;
  /** [text][class] */
  readonly probabilities: readonly (readonly number[])[];
}

/** The fairness tables of the test part. */
export function classifierFairness(
  groups: FairnessGroups,
  test: readonly DescribedExample[],
  { classes, predicted, probabilities }: Told,
): FairnessTable[] {
  const names = [...new Set(groups.by.flat())];
  const items = test.map(
    (e, i): ItemResult => ({
      id: e.id,
      place: e.id,
      prompt: "",
      right: classes[e.label]!,
      came: classes[predicted[i]!]!,
      ms: Number.NaN,
      attributes: groupAttributes(e.attributes, names),
      cluster: e.group,
      choices: classes,
      gold: [e.label],
      told: predicted[i]!,
      logLikelihoods: probabilities[i]!.map(x => Math.log(Math.max(1e-300, x))),
    }),
  );
  return fairnessTables({ groups }, items);
}
