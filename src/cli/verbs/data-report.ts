/** `loam data report`: what curation did, in the terminal or as data. The console's page Data shows the same. */
import { dataSetReport } from "../../project/data/index.ts";
import { reportLines } from "../data/show-report.ts";
import { warnStale } from "../data/stale.ts";
import { numberOption, textOption } from "../options.ts";
import type { VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

export const dataReportVerb: VerbRun = async (context, [name], options) => {
  const { out } = context;
  const number = (key: string) => numberOption(options, key, "data report", { least: 0, most: 1000, whole: true });
  const given = { examples: number("examples"), clusters: number("clusters"), groups: options.groups === true };
  const only = textOption(options, "rule");
  const report = await inProject(context, options, at => dataSetReport(at, name, given));
  warnStale(out, report);
  for (const line of reportLines(report.name, report, only)) out.line(line);
  if (only === undefined)
    out.line("\n  next: loam data explain DOCUMENT, loam data try --step STEP --set OPTION=VALUE, loam data drops, loam serve (page Data)");
  out.result(report);
};
