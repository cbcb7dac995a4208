/** Reports of evaluations as tables for the terminal. */
import { formatCount } from "../base/index.ts";
import type { BitsReport } from "../evaluate/index.ts";
import { type EvaluationReport, kindReportOf } from "../project/eval/index.ts";
import type { CrossValidationReport } from "../tune/index.ts";
import { crossValidationTable } from "./tuning/cross-validation-table.ts";

const width = 40;

/** An evaluation for people: of bits per byte, scores from best to worst with bars; the model's own row is marked. */
export function reportTable(report: EvaluationReport): string {
  const kind = kindReportOf(report);
  // a row reads its own reports
  if (kind) return kind.table(report as never);
  if (report.task === "cross-validation") return crossValidationTable(report as CrossValidationReport);
  const { scores, heldOut } = report as BitsReport;
  const most = Math.max(...scores.map(s => s.bitsPerByte));
  const rows = scores.map(s => {
    const full = Math.max(1, Math.round((s.bitsPerByte / most) * width));
    return `  ${s.kind === "model" ? ">" : " "} ${s.name.padEnd(16)} ${s.bitsPerByte.toFixed(3)}  ${"█".repeat(full)}`;
  });
  return `\n  Bits per byte of ${formatCount(heldOut.documents)} held-out documents (${formatCount(heldOut.bytes)} bytes), each coded alone; lower is better\n${rows.join("\n")}`;
}
