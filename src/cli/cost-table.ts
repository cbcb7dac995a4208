/** Costs as tables for the terminal. */
import { formatDuration } from "../base/index.ts";
import { hardwareFlops } from "../ledger/index.ts";
import {
  type CostComparison,
  type CostLine,
  type CostRatios,
  type CostReport,
  type CostUse,
  costSentences,
} from "../project/cost/index.ts";
import { type ColumnRow, columns, percentOf, threeDigits } from "./columns.ts";

const amountCells = ({ coreSeconds, work, kilowattHours, usd }: CostUse): ColumnRow => [
  coreSeconds.toFixed(1),
  threeDigits(hardwareFlops(work) / 1e9),
  threeDigits(kilowattHours * 1000),
  threeDigits(usd),
];

const runsOf = ({ runs, unfinished, withoutLedger }: CostLine): string =>
  withoutLedger === runs ? "no ledger" : unfinished > 0 ? `${runs} (${unfinished} unfinished)` : String(runs);

export function costTable(report: CostReport): string {
  const { subject, lines, categories, total, totalWithoutSweeps } = report;
  const head = ["", "stage", "runs", "core-seconds", "GFLOP", "Wh", "USD"];
  const own = lines.map(l => [l.what, l.stage, runsOf(l), ...amountCells(l.use)]);
  const sums = categories.map(c => [c.category, percentOf(c.share), ...amountCells(c)]);
  const without = totalWithoutSweeps.coreSeconds < total.coreSeconds ? [["without sweeps", "", ...amountCells(totalWithoutSweeps)]] : [];
  return [
    `\n  Cost of ${subject}\n`,
    columns([head, ...own], 2),
    "",
    columns([["", "share", "core-seconds", "GFLOP", "Wh", "USD"], ...sums, ["total", "100.0 %", ...amountCells(total)], ...without], 1),
    "",
    ...costSentences(report).map(s => `  ${s}`),
    `  Wall time of all runs: ${formatDuration(1000 * lines.reduce((n, l) => n + l.wallSeconds, 0))}.\n`,
  ].join("\n");
}

const ratio = (x: number | null): string => (x === null ? "-" : `${threeDigits(x)}x`);
const ratioCells = (r: CostRatios): ColumnRow => [ratio(r.coreSeconds), ratio(r.flops), ratio(r.kilowattHours), ratio(r.usd)];

export function comparisonTable({ subject, machines }: CostReport, c: CostComparison): string {
  const rows = Object.entries(c.categories).map(([category, r]) => [category, ...ratioCells(r)]);
  const other = c.isSameMachine
    ? []
    : [
        `  Not compared: core-seconds, energy and money. ${subject} ran on ${machines.join("; ") || "an unknown machine"}, ${c.against.subject} on ${c.against.machines.join("; ") || "an unknown machine"}.`,
      ];
  return [
    `  ${subject} over ${c.against.subject}\n`,
    columns(
      [
        ["", "core-seconds", "FLOPs", "energy", "money"],
        ...rows,
        ["total", ...ratioCells(c.total)],
        ["without sweeps", ...ratioCells(c.totalWithoutSweeps)],
      ],
      1,
    ),
    "",
    ...other,
  ].join("\n");
}
