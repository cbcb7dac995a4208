/** A group of tasks on the report page: its own row with its interval, its tasks under it, what changed beside another model, item by item. */
import { differenceVerdict } from "../../evaluate/index.ts";
import type { TaskReport } from "../../project/eval/index.ts";
import { type GroupReport, groupWeights } from "../../project/eval/index.ts";
import { cell, cellKind, changedItems, differenceTable, escaped, folded, head, type ScoreRow, scoreRows, tableRow } from "./page-tables.ts";
import { figure, pValue } from "./show.ts";

/** Of a task's or group's part of the page; names that a fragment cannot hold are coded. */
export const anchor = (name: string): string => `of-${encodeURIComponent(name)}`;

/** A measure of the group, and the same of each task that counts in it. */
function rowsOf(group: GroupReport, score: GroupReport["scores"][number], tasks: readonly TaskReport[]): ScoreRow[] {
  const own = tasks.filter(t => score.of.includes(t.task));
  return [
    {
      label: `${group.alias ?? group.group}: ${groupWeights(score)}`,
      items: score.items,
      score: { ...score, metric: score.name },
      kind: "whole",
    },
    ...own.flatMap(t => {
      const of = t.scores.find(s => s.metric === score.metric);
      return of ? [{ label: t.task, items: t.items, score: of, link: anchor(t.task), kind: "under" }] : [];
    }),
  ];
}

/** Differences of the tasks by the group's first measure: which of them move it. */
function taskDifferences({ comparison, scores }: GroupReport, tasks: readonly TaskReport[]): string {
  const main = scores[0];
  if (!comparison || !main) return "";
  const rows = tasks
    .filter(t => main.of.includes(t.task))
    .flatMap(t => {
      const d = t.comparison?.differences.find(x => x.metric === main.metric);
      if (!d) return [];
      const p = d.pHolm ?? d.p;
      const kind = cellKind[differenceVerdict(d)];
      return [
        tableRow(
          cell(`<a href="#${anchor(t.task)}">${escaped(t.task)}</a>`),
          cell(figure(d.second), "n"),
          cell(figure(d.first), "n"),
          cell(`${d.value > 0 ? "+" : ""}${figure(d.value)}`, `n ${kind}`),
          cell(`${figure(d.low)} to ${figure(d.high)}`, "n"),
          cell(`${d.wins} / ${d.losses}`, "n"),
          cell(pValue(p), "n"),
        ),
      ];
    });
  const table = `<div class="scroll"><table>${head(["task"], ["before", "n"], ["now", "n"], ["difference", "n"], ["95 %", "n"], ["wins / losses", "n"], ["p (Holm)", "n"])}<tbody>${rows.join("")}</tbody></table></div>`;
  return rows.length ? folded(`${escaped(main.metric)} of its tasks`, rows.length, table) : "";
}

/** An item's place with its task, as a list of several tasks needs it. */
const placed = (list: NonNullable<GroupReport["comparison"]>["wins"]) => list.map(i => ({ ...i, place: `${i.task}  ${i.place}` }));

export function groupSection(group: GroupReport, tasks: readonly TaskReport[], model: string): string {
  const { comparison: c, scores, artifact } = group;
  const body = scores.map(s => scoreRows(rowsOf(group, s, tasks))).join("");
  return `<section><h2 id="${anchor(group.group)}">${escaped(group.group)}${group.alias === undefined ? "" : ` (${escaped(group.alias)})`}</h2>
<p class="quiet">group of ${group.tasks.length} tasks, ${group.items} items${artifact === undefined ? "" : `, result <code>${escaped(artifact)}</code>`}</p>
<div class="scroll"><table>${head([""], ["measure"], ["items", "n"], ["figure", "n"], ["95 %", "n"], [""])}<tbody>${body}</tbody></table></div>
${c ? `<h3>Against ${escaped(c.against)}</h3>${differenceTable(c.differences, c.against, model)}${taskDifferences(group, tasks)}${changedItems("Won", "good", placed(c.wins))}${changedItems("Lost", "bad", placed(c.losses))}` : ""}
</section>`;
}
