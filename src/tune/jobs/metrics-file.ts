/** A job's result file: a row a step, as CSV. `valid_loss` is over the whole validation file, and stands where it was measured. */
import type { MetricPoint } from "../../train/index.ts";

const columns = ["step", "train_loss", "valid_loss", "learning_rate", "tokens"] as const;

const rowOf = (p: MetricPoint): { readonly [C in (typeof columns)[number]]: number | undefined } => ({
  step: p.step,
  train_loss: p.loss,
  valid_loss: p.heldOut,
  learning_rate: p.learningRate,
  tokens: p.tokens,
});

export function metricsFile(points: readonly MetricPoint[]): string {
  const rows = points.map(p => {
    const row = rowOf(p);
    return columns.map(c => row[c] ?? "").join(",");
  });
  return `${[columns.join(","), ...rows].join("\n")}\n`;
}
