/** `loam run`, `loam train` and `loam tune`: flags, and what is shown of a run. */
import { defined, formatDuration } from "../../base/index.ts";
import {
  estimateLine,
  looksLines,
  type ModelEvent,
  openProject,
  type Project,
  type RunPlan,
  type RunReport,
  servedModelsOf,
} from "../../project/index.ts";
import { launchOptions, numberOption, rankOptions, textOption } from "../options.ts";
import type { Output } from "../output.ts";
import { profileTable } from "../profile-table.ts";
import { reportTable } from "../report.ts";
import { callOptions, showCall } from "../show-call.ts";
import type { Context, Options, VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";
import { dataRun } from "./data-run.ts";

/** What was measured of a model, its version, and where to go from there. */
function showModel(
  { line }: Output,
  { config }: Project,
  { model, version, ran, tookMs, report, looks, crossValidation }: ModelEvent,
): void {
  if (report) line(reportTable(report));
  if (looks) for (const text of looksLines(looks)) line(`  ${text}`);
  if (crossValidation) line(reportTable(crossValidation));
  if (version === null) return;
  const serve = servedModelsOf({ config }).includes(model) ? "loam serve" : `loam serve ${model}`;
  const chat = Object.hasOwn(config.tuned, model) ? "" : "loam chat, ";
  const done = ran > 0 ? `done in ${formatDuration(tookMs)}` : "nothing was stale";
  line(`\n  ${version}   ${done}   next: ${serve}, ${chat}loam trace ${version}\n`);
}

/** Shows a run to its end. */
async function showRun(context: Context, project: Project, run: ReturnType<Project["run"]>): Promise<void> {
  const report: RunReport = await showCall(context, run, { model: told => showModel(context.out, project, told) });
  const { model, version, models, looks, artifacts, ran } = report;
  context.out.result({ event: "result", model, version, ...defined({ models, looks }), artifacts, ran });
}

function showPlan({ out }: Context, { model, links, estimate }: RunPlan): void {
  for (const { label, action, estimate: own, artifact } of links)
    out.line(`  ${label.padEnd(18)} ${action === "run" ? `would run   ${estimateLine(own)}` : `unchanged   ${artifact}`}`);
  out.line(`  in all             about ${estimateLine(estimate)}`);
  out.result({ event: "plan", model, links, estimate });
}

const openOf = (context: Context, options: Options): Promise<Project> => openProject(folderOf(context, options));
const isForced = (options: Options) => ({ force: options.force === true });

/** A project with data and no model: there is nothing but to curate. */
const hasOnlyData = ({ config: { data, models, tuned } }: Project): boolean =>
  Object.keys(data).length > 0 && Object.keys(models).length + Object.keys(tuned).length === 0;

export const run: VerbRun = async (context, [stage], options) => {
  await using project = await openOf(context, options);
  if (hasOnlyData(project) && options.model === undefined && options.dryRun !== true && (stage === undefined || stage === "data"))
    return dataRun(context, [], options);
  const model = textOption(options, "model");
  const given = { ...callOptions(context), stage };
  if (options.dryRun) return showPlan(context, await showCall(context, project.plan(model, given)));
  await showRun(context, project, project.run(model, { ...given, ...isForced(options) }));
};

export const train: VerbRun = async (context, [given], options) => {
  await using project = await openOf(context, options);
  const model = textOption(options, "model") ?? given;
  const ranks = { ...rankOptions(options, "train", 3), ...launchOptions(options, "train") };
  if (options.profile === true) {
    const steps = numberOption(options, "profileSteps", "train", { least: 1, most: 100, whole: true });
    // the training first, so that its own flags hold
    if (options.force === true) await showCall(context, project.train(model, { ...callOptions(context), force: true, ...ranks }));
    const profile = await showCall(context, project.profile(model, { ...callOptions(context), ...defined({ steps }), ...ranks }));
    context.out.line(profileTable(profile));
    return context.out.result({ event: "result", ...profile });
  }
  await showRun(context, project, project.train(model, { ...callOptions(context), ...isForced(options), ...ranks }));
};

export const tune: VerbRun = async (context, [model], options) => {
  await using project = await openOf(context, options);
  const number = (key: string, least: number) => numberOption(options, key, "tune", { least, most: 100, whole: true });
  const folds = { folds: number("folds", 2), repeats: number("repeats", 1), seeds: number("seeds", 1) };
  const ranks = { ...rankOptions(options, "tune", 2), ...launchOptions(options, "tune") };
  await showRun(context, project, project.tune(model, { ...callOptions(context), ...folds, ...isForced(options), ...ranks }));
};
