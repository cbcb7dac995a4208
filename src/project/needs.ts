/**
 * What the project needs of its record beside the versions that are kept anyway: what loam.yaml as it stands would reuse, the newest documents of every
 * data set, versions that are served or tuned, what was measured of versions, and what studies go on with.
 */
import { join } from "node:path";
import { evidenceOf } from "../registry/index.ts";
import { pointedAt, wantedVersions } from "../serve/index.ts";
import {
  type ArtifactReader,
  artifactsFrom,
  type KeptVersion,
  listModels,
  type ModelVersion,
  type Needs,
  type Store,
} from "../store/index.ts";
import { isOver, JobFolder } from "../tune/index.ts";
import { findDataSet } from "./data/data-set.ts";
import { choosingKind } from "./eval/record.ts";
import { jobsFolder } from "./fine-tuning/open-jobs.ts";
import { dataLinksOf, type Link, lifeOf, planLink } from "./life.ts";
import { modelsOf, type ProjectFile, projectFile } from "./project-file.ts";
import { neededByStudies } from "./searching/needed.ts";
import { keptRules } from "./serving/kept-rules.ts";
import { servedAs } from "./serving/served-as.ts";
import { dataSketchLink } from "./sketches/index.ts";

/**
 * Artifacts that the project file as it stands would reuse: of every model's life, and of data sets that no model has yet. The newest documents of a data
 * set stay though they are not up to date: people label them, and reports are of them. A source that cannot be read now says nothing against what was made of it.
 */
async function reusedBy(project: ProjectFile, store: Store): Promise<string[]> {
  const roots = new Set<string>();
  const newest = new Map<string, ArtifactReader>();
  for (const name of Object.keys(project.config.data)) {
    const found = await findDataSet(project, store, name);
    if (!found) continue;
    newest.set(`data/${name}`, found.artifact);
    roots.add(found.artifact.id);
  }
  const chains: (readonly Link[])[] = [
    ...modelsOf(project.config).map(model => lifeOf(project, model, { onProblem: () => {} })),
    ...Object.keys(project.config.data).map(name => [...dataLinksOf(project, name), dataSketchLink(name)]),
  ];
  for (const links of chains) {
    const made = new Map<string, ArtifactReader>();
    const isUnread = new Set<string>();
    for (const link of links) {
      const plan = await planLink(store, link, made).catch(() => {
        isUnread.add(link.label);
        return undefined;
      });
      if (plan?.action === "reuse" && plan.artifact) {
        made.set(link.label, plan.artifact);
        roots.add(plan.artifact.id);
        continue;
      }
      if (Object.values(link.inputs).some(label => isUnread.has(label))) isUnread.add(link.label);
      const documents = newest.get(link.label);
      if (documents && isUnread.has(link.label)) made.set(link.label, documents);
    }
  }
  return [...roots];
}

/** Versions that `serve:` and `labels:` of the file name, that were set while a server ran, or that a fine-tuning job is to be made from. */
async function namedVersions({ config, folder }: ProjectFile, store: Store): Promise<readonly ModelVersion[]> {
  const kept = keptRules(join(folder, ".loam", "serving.json"));
  const written = servedAs(config.serve, projectFile);
  const jobs = new JobFolder(join(folder, jobsFolder)).all().filter(({ job }) => !isOver(job.status));
  const named = [config.serve?.model, ...Object.values(config.labels).map(l => l.model), ...jobs.map(j => j.base)];
  return (await listModels(store)).flatMap(({ model, versions }) => {
    const as = written.get(model);
    const rules = kept.of(model, as) ?? as;
    const there = versions.map(v => v.number);
    const wanted = new Set(rules ? [...pointedAt(rules), ...(rules.policy ? wantedVersions(rules.policy, there) : [])] : []);
    return versions.filter(v => wanted.has(v.number) || named.includes(`${model}@${v.number}`));
  });
}

/** Errors: those of the record; base/syntax, base/config for what a server left behind. */
export async function neededBy(project: ProjectFile, store: Store, kept: readonly KeptVersion[]): Promise<Needs> {
  const named = await namedVersions(project, store);
  const studies = await neededByStudies(project, store);
  const versions = [...kept, ...named];
  const choosing: string[] = [];
  // and what a version was trained on, which its traffic is compared with
  for (const { digest } of versions)
    for (const { id } of await artifactsFrom(store.records.read, digest, "model", [choosingKind, "sketch"])) choosing.push(id);
  return {
    roots: [...(await reusedBy(project, store)), ...named.map(v => v.artifact), ...studies.roots],
    alone: [...(await evidenceOf(store, versions)), ...choosing, ...studies.alone],
  };
}
