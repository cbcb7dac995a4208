/**
 * What studies need of the record. One that the file stands for goes on: what judges its trials (of one that is about to begin too), the models that its
 * verdict is about and its Pareto front, and, as long as there are trials to come, what they would share. Of every study the newest verdict is shown. Models
 * of other trials are nobody's.
 */
import {
  type ArtifactReader,
  listStudies,
  type Needs,
  openArtifact,
  type Store,
  type StoredStudy,
  type StoredTrial,
  trialsOf,
} from "../../store/index.ts";
import { outcomeOf, paretoFront } from "../../tune/index.ts";
import { type Link, planLink } from "../life.ts";
import { findRaw, type ProjectFile } from "../project-file.ts";
import { mapped, type StudySpec, specOf, studyIdOf } from "./definition.ts";
import { ignoreProblem, judgesOf, kindOf } from "./trial.ts";
import { trialKind } from "./trial-links.ts";
import { contenders } from "./verdict.ts";

/** The study that a search of the file goes on with: the newest of its definition. */
async function currentStudy(
  project: ProjectFile,
  store: Store,
  name: string,
  studies: readonly StoredStudy[],
): Promise<StoredStudy | undefined> {
  const raw = findRaw(project);
  for (const study of studies.filter(s => s.name === name).toReversed()) {
    const { judged, beside = {} } = specOf(study);
    const digests = new Map<string, string>();
    for (const id of [judged, ...Object.values(beside)])
      digests.set(id, (await openArtifact(store, id).catch(() => undefined))?.digest ?? "");
    const by = { judged: digests.get(judged)!, beside: mapped(beside, id => digests.get(id)!) };
    if (studyIdOf(raw, name, project.config.searches[name]!, by) === study.id) return study;
  }
  return undefined;
}

const isOpen = (t: StoredTrial): boolean => t.state === "running" || t.state === "waiting";

const around = { onProblem: ignoreProblem };

/** What links have made before, beside what is given. */
async function madeBy(store: Store, links: readonly Link[], given: ReadonlyMap<string, ArtifactReader>): Promise<string[]> {
  const made = new Map(given);
  const found: string[] = [];
  for (const link of links) {
    const plan = await planLink(store, link, made).catch(() => undefined);
    if (plan?.action !== "reuse" || !plan.artifact) continue;
    made.set(link.label, plan.artifact);
    found.push(plan.artifact.id);
  }
  return found;
}

/** What a trial has made: all of it where it is not ended, else what stands before its training, which trials of the same data share. */
async function madeOf(project: ProjectFile, store: Store, spec: StudySpec, trial: StoredTrial): Promise<string[]> {
  const { links, trained } = kindOf({ project, spec, around }, trial);
  return madeBy(store, isOpen(trial) ? links : links.slice(0, links.indexOf(trained)), await judgesOf(store, spec));
}

async function neededByStudy(project: ProjectFile, store: Store, study: StoredStudy): Promise<string[]> {
  const spec = specOf(study);
  const trials = await trialsOf(store.records.read, study.id);
  const { winner, second, usual } = contenders(spec, trials);
  const models = [winner, second, usual, ...paretoFront(spec, trials)].flatMap(t => (t && outcomeOf(t)?.artifacts.model) ?? []);
  // of folds the winner and the configuration as it is are compared again whenever the study is shown
  const folded = spec.folds === undefined ? [] : [winner, usual].flatMap(t => (t && outcomeOf(t)?.artifacts.judgement) ?? []);
  const roots = [spec.judged, ...Object.values(spec.beside ?? {}), ...models, ...folded];
  if (trials.length < project.config.searches[study.name]!.trials || trials.some(isOpen))
    // a file that takes a trial's values no more has none of its artifacts to come
    for (const trial of trials) roots.push(...(await madeOf(project, store, spec, trial).catch(() => [])));
  return roots;
}

/** Errors: those of the record. */
export async function neededByStudies(project: ProjectFile, store: Store): Promise<Needs> {
  const studies = await listStudies(store.records.read);
  const roots = new Set<string>();
  for (const [name, { model, space }] of Object.entries(project.config.searches)) {
    const { preparing } = trialKind({ usual: project, varies: Object.keys(space) }, model, around);
    for (const id of await madeBy(store, preparing, new Map())) roots.add(id);
    const study = await currentStudy(project, store, name, studies);
    for (const id of study ? await neededByStudy(project, store, study) : []) roots.add(id);
  }
  const verdicts = studies.flatMap(s => s.verdicts.at(-1) ?? []);
  const judgements =
    verdicts.length === 0 ? [] : await store.records.read.selectFrom("inputs").select("source").where("artifact", "in", verdicts).execute();
  return { roots: [...roots], alone: [...verdicts, ...judgements.map(j => j.source)] };
}
