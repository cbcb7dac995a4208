/** `loam tune studies` and `loam tune show`: what searches tried, what came of it, and which parameters mattered. */
import { resolve } from "node:path";
import { defined, writeFileAtomic } from "../../base/index.ts";
import { openProject, type StudyReport } from "../../project/index.ts";
import { doubtOf, foldSentence, pointLines } from "../../project/searching/index.ts";
import { outcomeOf, type Point, ranked } from "../../tune/index.ts";
import type { Output } from "../output.ts";
import { studyPage } from "../searching/page.ts";
import { countsText, pointText, trialTable, valuesText, verdictLines } from "../searching/tell.ts";
import { callOptions, showCall } from "../show-call.ts";
import type { VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

export const tuneStudies: VerbRun = async (context, _, options) => {
  const { out } = context;
  await using project = await openProject(folderOf(context, options));
  const studies = await showCall(context, project.studies(callOptions(context)));
  if (studies.length === 0) out.line("  No study yet: `loam tune search NAME` begins one.");
  const told = studies.map(({ id, name, spec, createdMs, trials }) => {
    const [best] = ranked(spec, trials);
    const values = best && outcomeOf(best)!.values;
    const date = new Date(createdMs).toISOString().slice(0, 16).replace("T", " ");
    out.line(
      `  ${id.padEnd(26)} ${date}  ${countsText(trials).padEnd(28)} ${best && values ? `${valuesText(spec, values)} (${pointText(best.point)})` : ""}`,
    );
    return { id, name, model: spec.model, createdMs, trials: trials.length, best: best?.number ?? null };
  });
  out.result({ event: "result", studies: told });
};

/** Which parameters mattered. */
function showImportance(out: Output, { importance, spec, trials }: StudyReport): void {
  if (importance.length === 0) return;
  const few = trials.filter(t => t.state === "done").length;
  out.line(
    `\n  Share of the variance of ${spec.objectives[0]} that each parameter explains alone (fANOVA${few < 20 ? `; of ${few} trials only: rough` : ""})`,
  );
  const width = Math.max(...importance.map(s => s.parameter.length));
  for (const s of importance)
    out.line(`    ${s.parameter.padEnd(width)}  ${(100 * s.share).toFixed(0).padStart(3)} %  ${"█".repeat(Math.round(30 * s.share))}`);
}

function showStudy(out: Output, report: StudyReport): void {
  const { id, name, spec, trials, folds } = report;
  const verdict = report.verdict ?? undefined;
  out.line(`  study ${id} over models.${spec.model}: ${spec.sampler}, ${spec.pruner}; ${countsText(trials)}`);
  for (const line of trialTable(spec, trials)) out.line(line);
  showImportance(out, report);
  if (folds) out.line(`\n  ${foldSentence(folds, spec.unit)}`);
  if (verdict) for (const line of ["", ...verdictLines(spec, verdict)]) out.line(line);
  const [winner] = ranked(spec, trials);
  if (!winner || winner.origin === "default") return;
  out.line(
    `\n  Trial ${winner.number} in loam.yaml, written there by \`loam tune search ${name} --write${doubtOf(trials, verdict) === undefined ? "" : " --anyway"}\`:`,
  );
  for (const line of pointLines(spec.model, winner.point as Point)) out.line(`    ${line}`);
}

export const tuneShow: VerbRun = async (context, [wanted], options) => {
  const { out } = context;
  await using project = await openProject(folderOf(context, options));
  const report = await showCall(context, project.study(wanted, callOptions(context)));
  showStudy(out, report);
  const { id, name, spec, trials, best, importance, folds, verdict } = report;
  if (typeof options.page === "string") {
    const file = resolve(context.cwd, options.page);
    writeFileAtomic(file, studyPage({ study: { id, name, spec }, trials, verdict: verdict ?? undefined }));
    out.line(`\n  page: ${file}`);
  }
  out.result({ event: "result", study: id, spec, trials, best, importance, ...defined({ folds }), verdict });
};
