/** Conditions of `--fail-if`: of whom they are asked, and what is said of a measure that nobody has. */
import { expect, test } from "vitest";
import { measureOf, parseCondition } from "../../evaluate/index.ts";
import { conditionMeasures, conditionSubjects } from "./conditions.ts";

const heads = {
  spam: { task: "spam", output: "classify" },
  replies: { task: "replies", output: "generate_until" },
} as const;
const names = { against: [], tasks: Object.keys(heads) };
function check(source: string, roots: readonly (keyof typeof heads)[]): void {
  const condition = parseCondition(source, names);
  const subjects = conditionSubjects(condition, roots);
  for (const name of subjects) conditionMeasures(condition, name, subjects, metric => measureOf(metric, heads[name as keyof typeof heads]));
}

test("a measure that one of several tasks lacks is said of the condition, with how to name a task", () => {
  expect(() => check("acc < 0.5", ["spam", "replies"])).toThrow(
    /^--fail-if "acc < 0\.5", asked of replies: expected a measure of generate_until: .*, got "acc"\. It is asked of 2: spam, replies\. Name one before a dot: TASK\.acc\./,
  );
  expect(() => check("spam.acc < 0.5", ["spam", "replies"])).not.toThrow();
});

test("a measure that the only task lacks keeps the nearest name", () => {
  expect(() => check("ff1 < 0.5", ["spam"])).toThrow(/^--fail-if "ff1 < 0\.5", asked of spam: .*Did you mean "f1"\?/);
});
