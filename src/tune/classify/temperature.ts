/** The temperature of a tuned classifier (Guo et al. 2017): fitted on the part that selects, recorded with the model, told of the test part. */
import { fitTemperature } from "../../evaluate/index.ts";
import { greatestIndex } from "../text-head/predict.ts";

/** As far as `fitTemperature` looks, but for its last steps: what lies beyond has no minimum there. */
const [least, most] = [0.011, 90];

/**
 * What logits [text][class] are best divided by. 1, which changes nothing, where the texts set no limit: with all of them right, the surest probabilities
 * surprise the least, however sure; and where the logits tell nothing.
 */
export function calibrating(logits: readonly ArrayLike<number>[], labels: ArrayLike<number>, classes: number): number {
  if (logits.every((row, i) => greatestIndex(row) === labels[i])) return 1;
  const value = fitTemperature(
    logits.flatMap(row => Array.from(row)),
    labels,
    classes,
  );
  return value > least && value < most ? value : 1;
}
