/** The report of a model that gives numbers as a table for the terminal: errors and agreement on the test part, beside the mean. */
import { formatCount } from "../../base/index.ts";
import { frozenRegression } from "./options.ts";
import type { RegressionReport } from "./report.ts";

const few = (x: number): string => String(Number(x.toPrecision(4)));
const range = ({ value, low, high }: RegressionReport["scores"]["mae"]): string =>
  low === high ? few(value) : `${few(value)} [${few(low)}, ${few(high)}]`;

const names: Readonly<Record<keyof RegressionReport["scores"], string>> = {
  mae: "mean absolute error",
  rmse: "root mean squared error",
  r2: "R²",
  pearson: "Pearson's correlation",
  spearman: "Spearman's correlation",
};

export function regressionTable(r: RegressionReport): string {
  const { documents, groups, mean, deviation } = r.test;
  const rows = Object.entries(names).map(([m, name]) => `    ${name.padEnd(26)}${range(r.scores[m as keyof typeof names])}`);
  const { value, mae, difference, verdict, chance } = r.baseline;
  return [
    "",
    `  ${formatCount(documents)} documents in the test set, in ${formatCount(groups)} groups of near-duplicates (${r.label}: ${few(mean)} on average, deviating by ${few(deviation)})`,
    `  with ${Math.round(r.confidence * 100)} % bootstrap intervals over groups`,
    ...rows,
    "",
    `  ${r.model.name} against the mean of what was trained on (${few(value)}), whose error is ${range(mae)}: ${verdict}`,
    `      mean absolute error ${difference.value < 0 ? "" : "+"}${range(difference)}${chance === undefined ? "" : `; permuted numbers have as small an error with ${chance < 0.001 ? "p < 0.001" : `p = ${chance.toFixed(3)}`}`}`,
    ...(r.frozen
      ? [
          `  ${r.model.name} against ${frozenRegression}, whose error is ${range(r.frozen.mae)}: ${r.frozen.verdict}`,
          `      mean absolute error ${r.frozen.difference.value < 0 ? "" : "+"}${range(r.frozen.difference)}; alpha = ${r.frozen.alpha} (chosen on the validation part), fitted on ${r.frozen.texts < r.frozen.ofTexts ? `${formatCount(r.frozen.texts)} of ${formatCount(r.frozen.ofTexts)}` : formatCount(r.frozen.texts)} texts`,
        ]
      : []),
  ].join("\n");
}
