/** `loam tune studies` and `loam tune show`: what searches tried, what came of it, and which parameters mattered. */
import { resolve } from "node:path";
import { writeFileAtomic } from "../../base/index.ts";
import { cliErrors, findProject, withProjectStore } from "../../project/index.ts";
import {
  doubtOf,
  foldComparison,
  foldSentence,
  pointLines,
  type StudyVerdict,
  specOf,
  toldVerdict,
} from "../../project/searching/index.ts";
import { findStudy, listStudies, openArtifact, type Store, type StoredStudy, trialsOf } from "../../store/index.ts";
import { importance, outcomeOf, paretoFront, ranked, spaceOf, studyOf } from "../../tune/index.ts";
import { studyPage } from "../searching/page.ts";
import { countsText, pointText, trialTable, valuesText, verdictLines } from "../searching/tell.ts";
import type { VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

export const tuneStudies: VerbRun = async (context, _, options) => {
  const { out } = context;
  await withProjectStore(findProject(folderOf(context, options)), async store => {
    const studies = await listStudies(store.records.read);
    if (studies.length === 0) out.line("  No study yet: `loam tune search NAME` begins one.");
    const told = [];
    for (const study of studies) {
      const trials = await trialsOf(store.records.read, study.id);
      const spec = specOf(study);
      const [best] = ranked(spec, trials);
      const values = best && outcomeOf(best)!.values;
      out.line(
        `  ${study.id.padEnd(26)} ${new Date(study.createdMs).toISOString().slice(0, 16).replace("T", " ")}  ${countsText(trials).padEnd(28)} ${best && values ? `${valuesText(spec, values)} (${pointText(best.point)})` : ""}`,
      );
      told.push({
        id: study.id,
        name: study.name,
        model: spec.model,
        createdMs: study.createdMs,
        trials: trials.length,
        best: best?.number ?? null,
      });
    }
    out.result({ event: "result", studies: told });
  });
};

/** The newest report on the test half, as it was told. */
async function lastVerdict(store: Store, study: StoredStudy): Promise<StudyVerdict | undefined> {
  const artifact = study.verdicts.at(-1);
  if (artifact === undefined) return undefined;
  return toldVerdict(store, await openArtifact(store, artifact), study.verdicts.length);
}

export const tuneShow: VerbRun = async (context, [wanted], options) => {
  const { out } = context;
  await withProjectStore(findProject(folderOf(context, options)), async store => {
    const all = await listStudies(store.records.read);
    const name = wanted ?? all.at(-1)?.id;
    if (name === undefined)
      throw cliErrors.fail("nothing", {
        place: "loam tune show",
        expected: "a study",
        received: "none",
        hint: "`loam tune search NAME` begins one.",
      });
    const study = await findStudy(store.records.read, name);
    const spec = specOf(study);
    const trials = await trialsOf(store.records.read, study.id);
    const verdict = await lastVerdict(store, study).catch(() => undefined);
    const shares = importance(spaceOf(spec), studyOf(spec, trials).trials, t => t.values![0]!, { seed: spec.seed });
    out.line(`  study ${study.id} over models.${spec.model}: ${spec.sampler}, ${spec.pruner}; ${countsText(trials)}`);
    for (const line of trialTable(study, trials)) out.line(line);
    if (shares.length > 0) {
      const few = trials.filter(t => t.state === "done").length;
      out.line(
        `\n  Share of the variance of ${spec.objectives[0]} that each parameter explains alone (fANOVA${few < 20 ? `; of ${few} trials only: rough` : ""})`,
      );
      const width = Math.max(...shares.map(s => s.parameter.length));
      for (const s of shares)
        out.line(`    ${s.parameter.padEnd(width)}  ${(100 * s.share).toFixed(0).padStart(3)} %  ${"█".repeat(Math.round(30 * s.share))}`);
    }
    // a trial that gc has released keeps its value alone
    const folds = await foldComparison(store, study, trials).catch(() => undefined);
    if (folds) out.line(`\n  ${foldSentence(folds, spec.unit)}`);
    if (verdict) for (const line of ["", ...verdictLines(spec, verdict)]) out.line(line);
    const [winner] = ranked(spec, trials);
    if (winner && winner.origin !== "default") {
      out.line(
        `\n  Trial ${winner.number} in loam.yaml, written there by \`loam tune search ${study.name} --write${doubtOf(trials, verdict) === undefined ? "" : " --anyway"}\`:`,
      );
      for (const line of pointLines(spec.model, winner.point as never)) out.line(`    ${line}`);
    }
    if (typeof options.page === "string") {
      const file = resolve(context.cwd, options.page);
      writeFileAtomic(file, studyPage({ study, trials, verdict }));
      out.line(`\n  page: ${file}`);
    }
    const best = paretoFront(spec, trials).map(t => t.number);
    out.result({
      event: "result",
      study: study.id,
      spec,
      trials,
      best,
      importance: shares,
      ...(folds ? { folds } : {}),
      verdict: verdict ?? null,
    });
  });
};
