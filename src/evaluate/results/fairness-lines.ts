/** Fairness tables as lines for people: the counts of every group, then every measure with its interval and the groups that decide. */
import type { FairnessFigure, GroupOutcome, GroupRate } from "../../statistics/index.ts";
import type { FairnessTable } from "./fairness.ts";

const three = (x: number): string => x.toFixed(3);
/** With its counts; a rate of nothing has no value. */
const rate = ({ value, count, of }: GroupRate): string => (value === undefined ? `- (0 of ${of})` : `${three(value)} (${count}/${of})`);

/** The rates of a group and class, each as a text with its counts. */
export const groupRateColumns = [
  ["base rate", (o: GroupOutcome) => rate(o.baseRate)],
  ["selection rate", (o: GroupOutcome) => rate(o.selectionRate)],
  ["true positive rate", (o: GroupOutcome) => rate(o.truePositiveRate)],
  ["false positive rate", (o: GroupOutcome) => rate(o.falsePositiveRate)],
  ["precision", (o: GroupOutcome) => rate(o.precision)],
  ["calibration error", (o: GroupOutcome) => (o.calibrationError === undefined ? "-" : three(o.calibrationError))],
] as const;

function figureLine(f: FairnessFigure, hasOneOutcome: boolean): string {
  const name = f.measure.padEnd(18);
  if (f.value === undefined) return `    ${name} undefined: ${f.undefined}`;
  const range = f.low === undefined ? "" : ` [${three(f.low)}, ${three(f.high!)}]`;
  const which = (f.groups ?? []).join(" and ");
  return `    ${name} ${three(f.value)}${range}  ${which}${hasOneOutcome ? "" : `, class "${f.outcome}"`}`;
}

/** The lines of one table. */
function tableLines({ by, groups, figures, least, small, items }: FairnessTable): string[] {
  const outcomes = groups[0]?.outcomes.map(o => o.outcome) ?? [];
  const hasOneOutcome = outcomes.length === 1;
  const rows = groups.flatMap(g =>
    g.outcomes.map(o => [
      `${g.group}${hasOneOutcome ? "" : `, ${o.outcome}`}${g.isSmall ? " *" : ""}`,
      String(g.items),
      ...groupRateColumns.map(([, cell]) => cell(o)),
    ]),
  );
  const head = ["group", "items", ...groupRateColumns.map(([name]) => name)];
  const widths = head.map((h, k) => Math.max(h.length, ...rows.map(r => r[k]!.length)));
  const line = (cells: readonly string[]) =>
    `    ${cells.map((c, k) => (k === 0 ? c.padEnd(widths[k]!) : c.padStart(widths[k]!))).join("  ")}`.trimEnd();
  const isAnySmall = groups.some(g => g.isSmall);
  return [
    `  groups by ${by.join(" and ")}${hasOneOutcome ? `, outcome "${outcomes[0]}"` : ""} (${items} items, 95 % intervals):`,
    line(head),
    ...rows.map(line),
    ...(isAnySmall
      ? [`    * fewer than ${least} items: ${small === "undefined" ? "no figure is computed" : "left out of the figures"}`]
      : []),
    ...figures.map(f => figureLine(f, hasOneOutcome)),
  ];
}

export const fairnessLines = (tables: readonly FairnessTable[]): string[] => tables.flatMap(tableLines);
