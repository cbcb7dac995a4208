/** `loam data report`: what curation did, in the terminal or as data. The console's page Data shows the same. */
import { dataReport } from "../../data/index.ts";
import { openDataSet, staleLine } from "../../project/data/index.ts";
import { findProject, withProjectStore } from "../../project/index.ts";
import { reportLines } from "../data/show-report.ts";
import { numberOption, textOption } from "../options.ts";
import type { VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

export const dataReportVerb: VerbRun = async (context, [name], options) => {
  const { out } = context;
  const number = (key: string) => numberOption(options, key, "data report", { least: 0, most: 1000, whole: true })!;
  const given = { examples: number("examples"), clusters: number("clusters") };
  const only = textOption(options, "rule");
  const project = findProject(folderOf(context, options));
  await withProjectStore(project, async store => {
    const set = await openDataSet(project, store, name);
    if (set.isStale) out.warn(staleLine(set));
    const report = await dataReport(set.artifact, given);
    for (const line of reportLines(set.name, report, only)) out.line(line);
    if (only === undefined)
      out.line(
        "\n  next: loam data explain DOCUMENT, loam data try --step STEP --set OPTION=VALUE, loam data drops, loam serve (page Data)",
      );
    out.result({ name: set.name, isStale: set.isStale, ...report });
  });
};
