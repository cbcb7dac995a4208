/** Reports of evaluations as tables for the terminal. */
import { formatCount } from "../base/index.ts";
import type { EvaluationReport } from "../project/eval/index.ts";
import { classificationTable } from "./tuning/classification-table.ts";
import { crossValidationTable } from "./tuning/cross-validation-table.ts";
import { regressionTable } from "./tuning/regression-table.ts";

const width = 40;

/** An evaluation for people: of bits a byte, scores from best to worst with bars; the model's own row is marked. */
export function reportTable(report: EvaluationReport): string {
  if (report.task === "classification") return classificationTable(report);
  if (report.task === "regression") return regressionTable(report);
  if (report.task === "cross-validation") return crossValidationTable(report);
  const most = Math.max(...report.scores.map(s => s.bitsPerByte));
  const rows = report.scores.map(s => {
    const full = Math.max(1, Math.round((s.bitsPerByte / most) * width));
    return `  ${s.kind === "model" ? ">" : " "} ${s.name.padEnd(16)} ${s.bitsPerByte.toFixed(3)}  ${"█".repeat(full)}`;
  });
  return `\n  Bits per byte of ${formatCount(report.heldOut.documents)} held-out documents (${formatCount(report.heldOut.bytes)} bytes), each coded alone; lower is better\n${rows.join("\n")}`;
}
