/** Reports of evaluations as tables for the terminal. */
import { formatCount } from "../base/index.ts";
import type { BitsReport } from "../evaluate/index.ts";
import { kindReportOf, reportOf } from "../project/eval/index.ts";
import { type ArtifactReader, readRunData, type Store } from "../store/index.ts";
import { metricsFile, readMetrics } from "../train/index.ts";
import type { CrossValidationReport } from "../tune/index.ts";
import { chart } from "./chart.ts";
import { crossValidationTable } from "./tuning/cross-validation-table.ts";

const width = 40;

/** The losses of a run, train and held-out in one picture. */
export async function lossChart(store: Store, model: ArtifactReader): Promise<string[]> {
  const points = readMetrics((await readRunData(store, model, metricsFile)) ?? "");
  const lines = chart([
    { name: "train", points: points.map(p => [p.step, p.loss] as const) },
    { name: "held-out", points: points.flatMap(p => (p.heldOut === undefined ? [] : [[p.step, p.heldOut] as const])) },
  ]);
  return lines.length ? ["loss and held-out loss, nats a token, by step", ...lines] : [];
}

/** An evaluation for people: of bits a byte, scores from best to worst with bars; the model's own row is marked. */
export async function reportTable(evaluation: ArtifactReader): Promise<string> {
  const report = await reportOf(evaluation);
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
