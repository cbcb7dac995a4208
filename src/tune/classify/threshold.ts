/** The threshold that a classifier's costs choose on its validation part, as tuning kept that part's answers. */
import { type CostRule, type ThresholdReport, thresholdReport } from "../../evaluate/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import { tuneErrors } from "../errors.ts";

/** Texts of known classes (indices) with a probability a class. */
export interface Classified {
  readonly labels: Int32Array;
  readonly probabilities: readonly (readonly number[])[];
}

/** Where a tuned model keeps what it says of its validation part. */
export const validationFile = "validation.jsonl";

export async function validationOf(model: ArtifactReader, classes: readonly string[]): Promise<Classified> {
  const lines = (await model.read(validationFile)).toString("utf8").split("\n").filter(Boolean);
  const rows = lines.map(line => JSON.parse(line) as { readonly label: string; readonly scores: readonly number[] });
  return { labels: Int32Array.from(rows, r => classes.indexOf(r.label)), probabilities: rows.map(r => r.scores) };
}

/** Chosen on some texts, told on others. Errors: tune/labels for a positive class that is none; evaluate/classes where the first have one side only. */
export function thresholdBy(costs: CostRule, classes: readonly string[], choosing: Classified, told: Classified): ThresholdReport {
  const own = classes.indexOf(costs.positive);
  if (own < 0)
    throw tuneErrors.fail("labels", {
      place: "tune.costs.positive",
      expected: `one of the classes ${classes.join(", ")}`,
      received: JSON.stringify(costs.positive),
    });
  const scored = ({ labels, probabilities }: Classified) => ({
    positive: Array.from(labels, l => l === own),
    score: probabilities.map(p => p[own]!),
  });
  return thresholdReport(costs, scored(choosing), scored(told));
}
