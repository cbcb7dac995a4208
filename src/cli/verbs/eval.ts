/** `loam eval`: flags of an evaluation, its report as lines and as a page, and a gate for continuous integration. */
import { resolve } from "node:path";
import { writeFileAtomic } from "../../base/index.ts";
import { tellVerdict, undecidedRules } from "../../evaluate/index.ts";
import { evaluateTasks, throwFailed } from "../../project/eval/index.ts";
import type { EvaluateOptions } from "../../project/index.ts";
import { evaluationPage } from "../eval/page.ts";
import { showTask } from "../eval/show.ts";
import { showGroup } from "../eval/show-group.ts";
import { variantsOf } from "../eval/variants-of.ts";
import { choiceOption, numberOption, textOption } from "../options.ts";
import { showWork } from "../show-call.ts";
import type { Options, VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

const listOption = (options: Options, key: string): string[] => {
  const given = options[key];
  return Array.isArray(given) ? given : typeof given === "string" ? [given] : [];
};

function evaluateOptions(options: Options): EvaluateOptions {
  const whole = (key: string, least: number, most: number) => numberOption(options, key, "eval", { least, most, whole: true });
  return {
    limit: whole("limit", 1, 1e9),
    items: whole("items", 0, 1000),
    undecided: choiceOption(options, "undecided", "eval", undecidedRules),
    variants: variantsOf(listOption(options, "variants"), options),
    fewshotAsMultiturn: options.fewshotAsMultiturn === true,
    slots: whole("slots", 1, 256),
    context: whole("context", 16, 1_048_576),
    model: textOption(options, "model"),
    against: textOption(options, "against"),
    judge: textOption(options, "judge"),
    paraphraser: textOption(options, "paraphraser"),
    failIf: listOption(options, "failIf"),
    fresh: options.fresh === true,
  };
}

export const evalVerb: VerbRun = async (context, args, options) => {
  const { out, cwd } = context;
  const place = { folder: folderOf(context, options), cwd };
  const files = args.filter(a => a !== undefined);
  const given = evaluateOptions(options);
  const { withAllItems, ...report } = await showWork(context, watch => evaluateTasks(place, files, given, watch));
  out.clear();
  for (const task of report.tasks) showTask(out, report.model, task);
  for (const group of report.groups ?? []) showGroup(out, group);
  if (report.gates.length) out.line("");
  for (const g of report.gates) out.line(`  ${g.fails ? "FAIL" : "pass"}  ${tellVerdict(g)}`);
  const page = textOption(options, "report");
  if (page !== undefined) {
    writeFileAtomic(resolve(cwd, page), evaluationPage(withAllItems()));
    out.line(`  report: ${page}`);
  }
  throwFailed(report);
  out.result(report);
};
