/** `loam evaluations`: what was evaluated; `loam evaluations diff`: two evaluations of one task by item. */

import { openProject } from "../../project/index.ts";
import { itemChanges } from "../../registry/index.ts";
import { columns, threeDigits } from "../columns.ts";
import { differenceLine } from "../eval/show.ts";
import { choiceOption, numberOption, textOption } from "../options.ts";
import { callOptions, showCall } from "../show-call.ts";
import type { VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

const dated = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace("T", " ");
/** Characters of a text in a line of the terminal. */
const shownCharacters = 60;
const short = (text: string): string => {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > shownCharacters ? `${line.slice(0, shownCharacters - 1)}…` : line;
};

export const evaluationsList: VerbRun = async (context, _, options) => {
  await using project = await openProject(folderOf(context, options));
  const task = textOption(options, "task");
  const model = textOption(options, "model");
  const all = await showCall(context, project.evaluations.list(callOptions(context)));
  const found = all.filter(
    e => (task === undefined || e.task === task) && (model === undefined || e.model === model || e.model.split("@")[0] === model),
  );
  const most = numberOption(options, "number", "evaluations", { least: 1, most: 100_000, whole: true });
  const shown = found.slice(0, most);
  if (shown.length === 0)
    context.out.line(
      all.length === 0 ? "  No evaluation yet: `loam run` or `loam eval` makes the first." : `  None of ${all.length} evaluations matches.`,
    );
  else
    context.out.line(
      columns(
        [
          ["artifact", "kind", "task", "model", "when", "score", "items"],
          ...shown.map(e => [
            e.artifact,
            e.variant === null ? e.kind : `${e.kind} ${e.variant}`,
            e.task,
            e.modelArtifact === null ? `${e.model} (endpoint)` : e.model,
            dated(e.atMs),
            e.scores[0] ? `${e.scores[0].metric} ${threeDigits(e.scores[0].value)}` : "-",
            e.items === null ? "-" : String(e.items),
          ]),
        ],
        6,
      ),
    );
  if (found.length > shown.length) context.out.line(`  ${shown.length} of ${found.length} evaluations; -n shows more`);
  context.out.result({ total: all.length, matched: found.length, evaluations: shown });
};

export const evaluationsDiff: VerbRun = async (context, [first = "", second = ""], options) => {
  const { out } = context;
  await using project = await openProject(folderOf(context, options));
  const change = choiceOption(options, "change", "evaluations diff", ["changed", ...itemChanges]);
  const wanted = { task: textOption(options, "task"), find: textOption(options, "find"), ...(change === undefined ? {} : { change }) };
  const diff = await showCall(context, project.evaluations.compare(first, second, { ...wanted, ...callOptions(context) }));
  const most = numberOption(options, "number", "evaluations diff", { least: 0, most: 100_000, whole: true }) ?? 0;
  const items = diff.items.slice(0, most);
  out.line(`  ${diff.task}: ${first} - ${second}, by ${diff.metric}`);
  for (const d of diff.differences) out.line(differenceLine(d));
  out.line(`    items: ${itemChanges.map(c => `${diff.counts[c]} ${c}`).join(", ")}`);
  for (const i of items) {
    out.line(`  ${i.change.padEnd(7)} ${i.id}  expected: ${short(i.right)}`);
    out.line(`            first: ${short(i.first)}`);
    out.line(`           second: ${short(i.second)}`);
  }
  if (diff.items.length > items.length) out.line(`  ${items.length} of ${diff.items.length} items; -n shows more`);
  out.result({ ...diff, total: diff.items.length, items });
};
