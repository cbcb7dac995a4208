/** What a version's cards, reports and differences tell of a task: the measures that the task tells, and what its mistakes cost where that was recorded. */
import {
  type Difference,
  differenceOf,
  type EvaluationMeasure,
  measureOf,
  type Paired,
  pairItems,
  reportedMeasures,
  type Score,
  scoreOf,
} from "../../evaluate/index.ts";
import { drawnItems, type MeasuredTask } from "../gates/measured.ts";

/** Of what is decided: at a threshold that other items choose, or as the model told. */
export const taskCost = ({ head }: Pick<MeasuredTask, "head">): EvaluationMeasure | undefined =>
  head.costs ? measureOf("cost", head) : undefined;

export function taskScores(t: MeasuredTask): Score[] {
  const cost = taskCost(t);
  return [...reportedMeasures(t.head, t.items).map(m => scoreOf(m, t.items)), ...(cost ? [scoreOf(cost, drawnItems(t))] : [])];
}

/** Of the items that both were asked, as `pairItems` gives them; what mistakes cost where both have the answers that it takes. */
export function taskDifferences(own: MeasuredTask, other: MeasuredTask, paired: Paired): Difference[] {
  const cost = taskCost(own);
  const differences = reportedMeasures(own.head, own.items).map(m => differenceOf(m, paired));
  if (!cost) return differences;
  const drawn = cost.chooses ? pairItems(drawnItems(own), drawnItems(other), own.head.task) : paired;
  return cost.chooses && !drawn.first.some(i => i.chooses) ? differences : [...differences, differenceOf(cost, drawn)];
}
