/** `loam tune search`: flags of a search, and what is shown of its trials, its winner and how sure that is. */
import { defined, formatDuration } from "../../base/index.ts";
import { findProject, openProject, projectFile, type SearchReport, Workspace } from "../../project/index.ts";
import { foldSentence, pointLines, shortReason, workOnSearch } from "../../project/searching/index.ts";
import { outcomeOf, type Point } from "../../tune/index.ts";
import { cliErrors } from "../errors.ts";
import { launchOptions, numberOption, textOption } from "../options.ts";
import type { Output } from "../output.ts";
import { countsText, pointText, type StudyUnits, stateCounts, trialTable, valuesText, verdictLines } from "../searching/tell.ts";
import { callOptions, type EventLines, showCall } from "../show-call.ts";
import type { Context, VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

/** Trials that the table at the end shows. */
const shownTrials = 12;

/** What is shown while it runs. */
function searchLines(out: Output): EventLines {
  const began = performance.now();
  let counted: StudyUnits;
  return {
    study(told) {
      counted = told;
      const { study, sampler, pruner, trials, counts } = told;
      out.line(
        `  study ${study}: ${sampler}, ${pruner === "none" ? "no pruner" : pruner}; ${trials} trials in all, ${stateCounts(counts)}`,
      );
    },
    trial(told) {
      const reason = told.state !== "done" && told.reason ? `: ${shortReason(told.reason)}` : "";
      const came = told.state === "done" ? valuesText(counted, told.outcome.values) : `${told.state}${reason}`;
      out.done(`trial ${told.trial}`, `${pointText(told.point)}  ->  ${came}`);
    },
    trials({ spec, trials }) {
      out.line(`\n  ${countsText(trials)} in ${formatDuration(performance.now() - began)}`);
      for (const line of trialTable(spec, trials, shownTrials)) out.line(line);
    },
  };
}

/** The winner's values as lines of loam.yaml, and whether they stand there. */
function showWinner(out: Output, { spec, trials, winner, isUsual, doubt, written }: SearchReport, isWanted: boolean): void {
  if (winner === null) return;
  if (isUsual) {
    out.line(`\n  The configuration as it is was the best: nothing to change in ${projectFile}.`);
    return;
  }
  const of = spec.objectives.length > 1 ? `Trial ${winner} of the Pareto front` : `Trial ${winner}`;
  const how = written ? " (written)" : doubt === undefined ? ", written there by --write" : ", written there by --write --anyway";
  out.line(`\n  ${of} in ${projectFile}${how}:`);
  for (const line of pointLines(spec.model, trials.find(t => t.number === winner)!.point as Point)) out.line(`    ${line}`);
  if (isWanted && !written) out.warn(`loam: ${projectFile} was not changed: ${doubt}. --write --anyway writes the trial all the same.`);
}

/** What came of it. */
function showReport(out: Output, report: SearchReport, isWanted: boolean): void {
  const { study, spec, trials, winner, folds, verdict, written } = report;
  out.clear();
  if (winner !== null && !report.holdsOut)
    out.line("\n  There is no test set: run `loam eval` to evaluate the winner on examples of your own.");
  if (folds) out.line(`\n  ${foldSentence(folds, spec.unit)}`);
  if (verdict) for (const line of ["", ...verdictLines(spec, verdict)]) out.line(line);
  if (winner === null) out.line("\n  No trial came to its end yet: `loam tune show` tells how far they are.");
  showWinner(out, report, isWanted);
  const best = trials.find(t => t.number === winner);
  const next = `${best ? `, loam trace ${outcomeOf(best)!.artifacts.model}` : ""}${written ? `, loam train ${spec.model}` : ""}`;
  out.line(`\n  next: loam tune show ${study}${next}`);
  const { paretoFront } = report;
  out.result({ event: "result", study, trials, winner, paretoFront, ...defined({ folds }), verdict, written });
}

export const tuneSearch: VerbRun = async (context, [name], options) => {
  if (options.anyway === true && options.write !== true)
    throw cliErrors.fail("usage", { place: "loam tune search: --anyway", expected: "--write before it", received: "--anyway alone" });
  const folder = folderOf(context, options);
  const size = {
    trials: numberOption(options, "trials", "tune search", { least: 1, most: 10_000, whole: true }),
    workers: numberOption(options, "workers", "tune search", { least: 0, most: 256, whole: true }),
  };
  const study = textOption(options, "worker");
  if (study !== undefined) return work(context, folder, name, { study, ...size });
  await using project = await openProject(folder);
  const wishes = { write: options.write === true, anyway: options.anyway === true };
  const report = await showCall(
    context,
    project.search(name, { ...callOptions(context), ...size, ...wishes, ...launchOptions(options, "tune search") }),
    searchLines(context.out),
  );
  showReport(context.out, report, wishes.write);
};

interface Share {
  readonly study: string;
  readonly trials: number | undefined;
  readonly workers: number | undefined;
}

/** The worker's side: what happens goes to the leader as JSON lines, and the leader's end is the worker's. */
async function work({ out, signal }: Context, folder: string, name: string | undefined, share: Share): Promise<void> {
  const left = new AbortController();
  process.once("disconnect", () => left.abort(new Error("the leader of the search is gone")));
  try {
    await using workspace = new Workspace(findProject(folder));
    await workOnSearch(workspace, name, {
      ...share,
      signal: AbortSignal.any([signal, left.signal]),
      progress: trial => out.progress(`trial ${trial}`),
      onStart: (trial, point) => out.event("trial-start", { trial, point }),
      onEnd: (trial, result) => out.event("trial-end", { trial, result }),
    });
  } finally {
    // the channel to the leader would keep this process alive, also where it fails
    if (process.connected) process.disconnect();
  }
}
