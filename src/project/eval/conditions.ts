/** Which of the tasks and groups that are evaluated a condition is asked of. */
import { isLoamError } from "../../base/index.ts";
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

/** Finds the measures that a condition names of one of them. Errors: evaluate/metric, which names the condition, and the other things that it is asked of. */
export function conditionMeasures(c: Condition, subject: string, subjects: readonly string[], find: (metric: string) => unknown): void {
  for (const { metric } of c.terms)
    try {
      find(metric);
    } catch (error) {
      if (!isLoamError(error, "evaluate/metric")) throw error;
      const { hint } = error.problem;
      throw evaluateErrors.fail(
        "metric",
        {
          ...error.problem,
          place: `--fail-if "${c.source}", asked of ${subject}`,
          hint:
            subjects.length > 1
              ? `It is asked of ${subjects.length}: ${subjects.join(", ")}. Name one before a dot: TASK.${metric}.`
              : hint,
        },
        error,
      );
    }
}
