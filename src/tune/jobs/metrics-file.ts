/**
 * A job's result file: a row a step, as CSV. `valid_loss` and `valid_mean_token_accuracy` are over the whole validation file, and stand where
 * they were measured. The first five columns are OpenAI's.
 */
import type { MetricPoint } from "../../train/index.ts";

const columns = ["step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy", "learning_rate", "tokens"] as const;

const rowOf = (p: MetricPoint): { readonly [C in (typeof columns)[number]]: number | undefined } => ({
  step: p.step,
  train_loss: p.loss,
  train_accuracy: p.tokenAccuracy,
  valid_loss: p.heldOut,
  valid_mean_token_accuracy: p.heldOutTokenAccuracy,
  learning_rate: p.learningRate,
  tokens: p.tokens,
});

export function jobMetricsFile(points: readonly MetricPoint[]): string {
  const rows = points.map(p => {
    const row = rowOf(p);
    return columns.map(c => row[c] ?? "").join(",");
  });
  return `${[columns.join(","), ...rows].join("\n")}\n`;
}
