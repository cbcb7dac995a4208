/** A model's loop as its project says it: the policy, the recipe, and the links that make and judge its versions. */
import { isLoamError, type LoamError } from "../../base/index.ts";
import type { ArtifactReader, Store } from "../../store/index.ts";
import { classifyOptions, judgedLabel, labelsOf, tuningKindOf } from "../../tune/index.ts";
import type { Watch } from "../call.ts";
import { dataLinksOf, type Link, lazyDevice, lifeOf, link } from "../life.ts";
import type { ProjectFile } from "../project-file.ts";
import { runLinks } from "../run-links.ts";
import { surroundingsOf } from "../tuning/index.ts";
import { type LoopPart, loopPartOf } from "./loop-part.ts";
import type { RowOptions } from "./loop-rows.ts";

export interface LoopProject extends LoopPart {
  readonly project: ProjectFile;
  /** Which documents can be learnt from. */
  readonly rows: RowOptions;
}

/** The loop of a model, or of the only one. Errors: loop/policy. */
export function loopProject(project: ProjectFile, given?: string): LoopProject {
  const part = loopPartOf(project.config, given);
  return { ...part, project, rows: rowsOf(part) };
}

function rowsOf({ tune, reading }: LoopPart): RowOptions {
  if (reading.says !== "class") return reading;
  // what says what a label is, without the rest of the part
  const recipe = Object.fromEntries(Object.entries(tune).filter(([name]) => Object.hasOwn(classifyOptions.shape, name)));
  return { says: reading.says, labels: labelsOf(classifyOptions.parse(recipe)) };
}

const aroundOf = ({ project }: Pick<LoopProject, "project">, { emit }: Pick<Watch, "emit">) => ({
  device: lazyDevice(project),
  onProblem: (p: LoamError) => emit({ event: "warning", message: `loam: ${p.message}` }),
});

/** The documents of the model's own data set, and of the new ones, as they are curated now; `fresh` is undefined before the first one came. */
export async function currentDocuments(
  { project, dataSet, policy }: LoopProject,
  store: Store,
  watch: Watch,
): Promise<{ readonly base: ArtifactReader; readonly fresh: ArtifactReader | undefined }> {
  const made = async (name: string) => (await runLinks(store, dataLinksOf(project, name), {}, watch)).made.get(`data/${name}`)!;
  const base = await made(dataSet);
  try {
    return { base, fresh: await made(policy.data.new) };
  } catch (error) {
    if (isLoamError(error, "data/noDocuments")) return { base, fresh: undefined };
    throw error;
  }
}

/** The model's base, made where it is stale. */
export async function baseOfLoop(l: LoopProject, store: Store, watch: Watch): Promise<ArtifactReader> {
  const life = lifeOf(l.project, l.model, aroundOf(l, watch));
  const upTo = life.findIndex(each => each.label === l.base);
  return (await runLinks(store, life.slice(0, upTo + 1), {}, watch)).made.get(l.base)!;
}

/** The links of the recipe on some documents, from some base, reports without baselines: label `base`, `data/ROUND`, the model's name. */
export function recipeLinks(l: LoopProject, base: string, dataSet: string, watch: Watch): Link[] {
  const unjudged = "baselines" in l.tune ? { baselines: [], crossValidation: undefined } : {};
  const part = { ...l.tune, ...unjudged, on: dataSet };
  return tuningKindOf(part)
    .links({ name: l.model, base, part, around: surroundingsOf(l.project, aroundOf(l, watch)) })
    .map(each => link(each));
}

/** Judges a version on the held-out side of documents: losses document by document. */
export async function judgementOf(
  l: LoopProject,
  store: Store,
  model: ArtifactReader,
  documents: ArtifactReader,
  watch: Watch,
): Promise<ArtifactReader> {
  const around = surroundingsOf(l.project, aroundOf(l, watch));
  const label = `judgement/${l.model}`;
  const judge = link(tuningKindOf(l.tune).judge.link({ name: l.model, part: l.tune, around }, { model: l.model, label, half: "test" }));
  const before = new Map([
    [l.model, model],
    [judgedLabel, documents],
  ]);
  return (await runLinks(store, [judge], { before }, watch)).made.get(label)!;
}
