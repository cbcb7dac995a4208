/** Which measures are told of a task's results: those that it names, else its output's. */
import { taskQuestions } from "../tasks/ask.ts";
import type { LoadedTask } from "../tasks/read-task.ts";
import { headOf, type ItemResult, type ResultHead } from "./item.ts";
import { defaultMeasures, type EvaluationMeasure, measureOf } from "./measures.ts";
import { nameableLabels } from "./nameable-labels.ts";

/** Their names, the main one first. How often a judge prefers is told with the judgement, what mistakes cost with the threshold. */
export function reportedMeasureNames({ metrics = [], output }: Pick<ResultHead, "metrics" | "output">): readonly string[] {
  const own = metrics.filter(name => name !== "win_rate" && name !== "cost");
  return own.length > 0 ? own : defaultMeasures(output);
}

/** Errors: evaluate/metric. */
export function reportedMeasures(head: ResultHead, items: readonly ItemResult[]): EvaluationMeasure[] {
  const labels = nameableLabels(items);
  return reportedMeasureNames(head).map(name => measureOf(name, head, labels));
}

/** Before anybody is asked. Errors: evaluate/metric for a measure that the task's output or its labels have not; those of the items. */
export function checkMeasures(loaded: LoadedTask): void {
  const { metrics } = loaded.task;
  if (metrics === undefined) return;
  const head = headOf(loaded.task);
  const labels = nameableLabels(taskQuestions(loaded));
  for (const name of metrics) measureOf(name, head, labels);
}
