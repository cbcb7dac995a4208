/** `loam runs`: the runs of the artifact store as a table; their notes and tags. */
import { resolve } from "node:path";
import { csvText, formatDuration, writeFileAtomic } from "../../base/index.ts";
import { openProject } from "../../project/index.ts";
import { columnNamed, csvRows, type RunColumn, type RunRow, type RunTable } from "../../project/run-table/index.ts";
import { columns, threeDigits } from "../columns.ts";
import { numberOption, textOption } from "../options.ts";
import type { Output } from "../output.ts";
import { callOptions, showCall } from "../show-call.ts";
import type { VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

const shownColumns = ["name", "kind", "state", "started", "duration", "loss", "cost"];
const mostRows = 100_000;

function cell({ values, units }: RunRow, { key, type }: RunColumn): string {
  const value = values[key];
  if (value === undefined) return "-";
  if (type === "time") return new Date(Number(value)).toISOString().slice(0, 16).replace("T", " ");
  if (type === "duration") return formatDuration(Number(value));
  return typeof value === "number" ? `${threeDigits(value)}${units[key] ? ` ${units[key]}` : ""}` : value;
}

function showRows(out: Output, { rows, matched, columns: all }: RunTable, wanted: readonly string[]): void {
  const shown = wanted.flatMap(name => {
    const found = columnNamed(all, name);
    return "key" in found ? [found] : [];
  });
  out.line(columns([["id", ...shown.map(c => c.key)], ...rows.map(r => [r.id, ...shown.map(c => cell(r, c))])], shown.length + 1));
  for (const { id, note, tags } of rows) {
    const said = [...tags.map(t => `#${t.tag}`), ...(note ? [`${note.by}: ${note.text}`] : [])];
    if (said.length > 0) out.line(`  ${id}  ${said.join("  ")}`);
  }
  if (matched > rows.length) out.line(`  ${rows.length} of ${matched} runs; -n shows more`);
}

function showGroups(out: Output, { groups, columns: all }: RunTable, name: string): void {
  const durations = new Set(all.flatMap(c => (c.type === "duration" ? [c.key] : [])));
  for (const { value, count, metrics } of groups ?? []) {
    out.line(`  ${name} ${value ?? "none"}: ${count} ${count === 1 ? "run" : "runs"}`);
    for (const { key, unit, mean, min, max } of metrics) {
      const text = durations.has(key) ? formatDuration : threeDigits;
      out.line(`    ${key.padEnd(20)} mean ${text(mean)}, from ${text(min)} to ${text(max)}${unit ? ` ${unit}` : ""}`);
    }
  }
}

export const runsList: VerbRun = async (context, _, options) => {
  const { out } = context;
  await using project = await openProject(folderOf(context, options));
  const csv = textOption(options, "csv");
  const group = textOption(options, "group");
  const most = numberOption(options, "number", "runs", { least: 1, most: mostRows, whole: true });
  const query = {
    filter: textOption(options, "filter"),
    search: textOption(options, "search"),
    sort: textOption(options, "sort"),
    group,
    limit: csv === undefined ? most : mostRows,
  };
  const table = await showCall(context, project.runs.list({ ...query, ...callOptions(context) }));
  if (csv !== undefined) {
    const file = resolve(context.cwd, csv);
    writeFileAtomic(file, csvText(csvRows(table.columns, table.rows)));
    out.line(`  ${table.rows.length} runs: ${file}`);
  } else if (table.total === 0) out.line("  No run yet: `loam run` makes the first.");
  else if (table.matched === 0) out.line(`  None of ${table.total} runs matches.`);
  else if (group !== undefined) showGroups(out, table, group);
  else showRows(out, table, textOption(options, "columns")?.split(",") ?? shownColumns);
  out.result(csv === undefined ? table : { total: table.total, matched: table.matched, csv });
};

export const runsNote: VerbRun = async (context, [run = "", text = ""], options) => {
  await using project = await openProject(folderOf(context, options));
  const annotation = await project.runs.annotate(run, { note: text, by: textOption(options, "as") });
  context.out.line(annotation.note ? `  ${run}   ${annotation.note.by}: ${annotation.note.text}` : `  ${run}   no note`);
  context.out.result({ run, ...annotation });
};

export const runsTag: VerbRun = async (context, [run = "", tag = ""], options) => {
  await using project = await openProject(folderOf(context, options));
  const given = options.remove === true ? { removeTags: [tag] } : { addTags: [tag] };
  const annotation = await project.runs.annotate(run, { ...given, by: textOption(options, "as") });
  context.out.line(`  ${run}   ${annotation.tags.map(t => t.tag).join(", ") || "no tags"}`);
  context.out.result({ run, ...annotation });
};
