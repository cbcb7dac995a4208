/** Groups of a task on the report page: rates of every group with their counts, fairness measures with intervals, and the same by the common threshold. */
import { type FairnessTable, groupRateColumns } from "../../evaluate/index.ts";
import type { TaskReport } from "../../project/eval/index.ts";
import { cell, escaped, head, scoreRows, tableRow } from "./page-tables.ts";

function groupsTable({ groups, least, small }: FairnessTable): string {
  const rows = groups.flatMap(g =>
    g.outcomes.map(o =>
      tableRow(
        cell(escaped(g.group) + (g.isSmall ? ` <span class="quiet">(fewer than ${least})</span>` : "")),
        cell(escaped(o.outcome)),
        cell(String(g.items), "n"),
        ...groupRateColumns.map(([, text]) => cell(text(o), "n")),
      ),
    ),
  );
  const names = groupRateColumns.map(([name]) => [name, "n"] as const);
  const note = groups.some(g => g.isSmall)
    ? `<p class="quiet">Groups of fewer than ${least} items: ${small === "undefined" ? "no figure is computed" : "left out of the figures"}.</p>`
    : "";
  return `<div class="scroll"><table>${head(["group"], ["class"], ["items", "n"], ...names)}<tbody>${rows.join("")}</tbody></table></div>${note}`;
}

function measuresTable({ figures, items }: FairnessTable): string {
  const rows = figures.flatMap(({ measure, groups, value, low, high }) =>
    value === undefined
      ? []
      : [{ label: (groups ?? []).join(", "), items, score: { metric: measure, value, low: low ?? Number.NaN, high: high ?? Number.NaN } }],
  );
  const undefinedOnes = figures.filter(f => f.value === undefined).map(f => `${f.measure}: ${f.undefined}`);
  const table = `<div class="scroll"><table>${head(["groups"], ["measure"], ["items", "n"], ["figure", "n"], ["95 %", "n"], [""])}<tbody>${scoreRows(rows)}</tbody></table></div>`;
  return `${rows.length > 0 ? table : ""}${undefinedOnes.map(text => `<p class="quiet">Undefined: ${escaped(text)}.</p>`).join("")}`;
}

export const fairnessPart = (tables: readonly FairnessTable[]): string =>
  tables.map(t => `<h3>Groups by ${escaped(t.by.join(" and "))}</h3>${groupsTable(t)}${measuresTable(t)}`).join("");

/** Nothing where the threshold of no group decided an item otherwise. */
export function commonThresholdPart({ commonThreshold, items }: TaskReport): string {
  if (!commonThreshold) return "";
  const { differ, scores, fairness = [] } = commonThreshold;
  const rows = scoreRows(scores.map(score => ({ label: "all", items, score })));
  return `<h3>By the common threshold</h3><p class="quiet">The threshold of their group decided ${commonThreshold.items} items; by the common threshold ${differ} of them change.</p>
<div class="scroll"><table>${head([""], ["measure"], ["items", "n"], ["figure", "n"], ["95 %", "n"], [""])}<tbody>${rows}</tbody></table></div>${fairnessPart(fairness)}`;
}
