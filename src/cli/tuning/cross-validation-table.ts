/** The report of a cross-validation for the terminal: a row a measure with its deviations by source, then the model beside each baseline. */
import { formatCount } from "../../base/index.ts";
import { type CrossValidationReport, type FoldMeasure, foldCountsText, type VarianceRow } from "../../tune/index.ts";

const names: Readonly<Record<FoldMeasure, string>> = {
  macroF1: "F1 (macro)",
  accuracy: "accuracy",
  balancedAccuracy: "balanced accuracy",
  mae: "mean absolute error",
  rmse: "root mean squared error",
  r2: "R²",
};
const nameOf = (measure: string): string => names[measure as FoldMeasure];

/** Shares to three decimals, errors to four digits. */
const shown = (of: CrossValidationReport["of"]) => (x: number) =>
  of === "classification" ? x.toFixed(3) : String(Number(x.toPrecision(4)));
const pText = (p: number): string => (p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(3)}`);

/** What was run, on how many documents. */
function crossValidationHead(r: CrossValidationReport): string {
  const runs = r.runs.length;
  const on = `trained on ${formatCount(Math.round(r.trainSize))} documents each, scored on ${formatCount(Math.round(r.testSize))}`;
  return `Cross-validation of the recipe of ${r.model.name}: ${foldCountsText({ ...r, seeds: r.seeds.length })}, ${formatCount(runs)} runs ${on}; the test set is not used`;
}

/** What its intervals say, one sentence. */
function intervalSentence(r: CrossValidationReport): string {
  const percent = `${Math.round(r.confidence * 100)} %`;
  return r.over === "folds"
    ? `${percent} intervals of the mean by the corrected resampled t-test (Nadeau and Bengio 2003), over ${r.folds * r.repeats} folds`
    : `${percent} intervals of the mean over ${r.seeds.length} seeds on one split: they say how much training varies, nothing of other documents`;
}

export function crossValidationTable(r: CrossValidationReport): string {
  const number = shown(r.of);
  const orNone = (x: number | null): string => (x === null ? "-" : number(x));
  const within = ({ low, high }: Pick<VarianceRow, "low" | "high">): string =>
    low === null || high === null ? "" : ` [${number(low)}, ${number(high)}]`;
  const lines = ["", `  ${crossValidationHead(r)}`, `  ${intervalSentence(r)}`];
  const width = 2 + Math.max(...r.systems.flatMap(s => [s.name.length + 2, ...Object.keys(s.measures).map(m => nameOf(m).length + 6)]));
  lines.push(`  ${"".padEnd(width)}${"mean".padEnd(24)}${"SD over folds".padEnd(15)}${"SD over seeds".padEnd(15)}SD over all`);
  for (const s of r.systems) {
    lines.push(`  ${s.kind === "model" ? ">" : " "} ${s.name}`);
    for (const [measure, row] of Object.entries(s.measures)) {
      const { folds, seeds, total } = row.deviation;
      const deviations = `${orNone(folds).padEnd(15)}${orNone(seeds).padEnd(15)}${orNone(total)}`;
      lines.push(`      ${nameOf(measure).padEnd(width - 4)}${`${number(row.mean)}${within(row)}`.padEnd(24)}${deviations}`);
    }
  }
  if (r.comparisons.length > 0) lines.push("");
  for (const c of r.comparisons) {
    const own = c.measures[r.decidedBy]!;
    const why = r.over === "seeds" ? " (one split)" : " (every fold differs alike)";
    lines.push(
      `  ${r.model.name} against ${c.against}: ${c.verdict}${c.verdict === "not tested" ? why : ""}`,
      `      ${nameOf(r.decidedBy)} ${own.difference < 0 ? "" : "+"}${number(own.difference)}${within(own)}${c.p === null ? "" : `, ${pText(c.p)}`}`,
    );
  }
  return lines.join("\n");
}
