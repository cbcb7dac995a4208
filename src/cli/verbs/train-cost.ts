/** `loam train cost`: what a version, an artifact or a run cost, alone or beside another. */
import { defined } from "../../base/index.ts";
import { machineClasses } from "../../ledger/index.ts";
import { openProject } from "../../project/index.ts";
import { comparisonTable, costTable } from "../cost-table.ts";
import { choiceOption, numberOption, textOption } from "../options.ts";
import { callOptions, showCall } from "../show-call.ts";
import type { VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

export const trainCost: VerbRun = async (context, [run = ""], options) => {
  const against = textOption(options, "against");
  const usdPerCoreHour = numberOption(options, "price", "train cost", { least: 0, most: 1e6 });
  const machine = choiceOption(options, "machine", "train cost", machineClasses);
  await using project = await openProject(folderOf(context, options));
  const call = project.cost(run, { ...callOptions(context), ...defined({ against, machine, usdPerCoreHour }) });
  const cost = await showCall(context, call);
  context.out.line(costTable(cost));
  if (cost.comparison) context.out.line(comparisonTable(cost, cost.comparison));
  context.out.result({ event: "result", ...cost });
};
