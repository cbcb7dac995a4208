/** The bits-per-byte report as a table for the terminal. */
import { formatCount } from "../base/index.ts";
import type { BitsReport } from "../evaluate/index.ts";
import type { ArtifactReader } from "../store/index.ts";

const width = 40;

/** Scores from best to worst, with bars; the model's own row is marked. */
export async function reportTable(evaluation: ArtifactReader): Promise<string> {
  const report = JSON.parse((await evaluation.read("report.json")).toString("utf8")) as BitsReport;
  const most = Math.max(...report.scores.map(s => s.bitsPerByte));
  const rows = report.scores.map(s => {
    const full = Math.max(1, Math.round((s.bitsPerByte / most) * width));
    return `  ${s.kind === "model" ? ">" : " "} ${s.name.padEnd(16)} ${s.bitsPerByte.toFixed(3)}  ${"█".repeat(full)}`;
  });
  return `\n  Bits per byte of ${formatCount(report.heldOut.documents)} held-out documents (${formatCount(report.heldOut.bytes)} bytes), each coded alone; lower is better\n${rows.join("\n")}`;
}
