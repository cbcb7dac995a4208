/** Which of the tasks and groups that are evaluated a condition is asked of. */
import { type Condition, evaluateErrors } from "../../evaluate/index.ts";

/** The one it names; one that names none is asked of each thing on the command line: a task, or a group as a whole. Errors: evaluate/condition. */
export function conditionSubjects({ terms, source }: Condition, roots: readonly string[]): readonly string[] {
  const named = [...new Set(terms.flatMap(t => t.task ?? []))];
  if (named.length > 1)
    throw evaluateErrors.fail("condition", {
      place: `--fail-if "${source}"`,
      expected: "measures of one task or group",
      received: `of several: ${named.join(", ")}`,
      hint: "Write a condition for each.",
    });
  return named.length === 1 ? named : roots;
}
