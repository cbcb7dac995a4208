/** What a study is: its definition as plain data, enough for any process that shares the record to take part. */
import { defined, hashOf, type Json } from "../../base/index.ts";
import { type ArtifactReader, openStudy, type Store, type StoredStudy } from "../../store/index.ts";
import { type Definition, isWithin, type Point, type SearchPart, spaceOf, valueIn } from "../../tune/index.ts";
import { checkProject, findRaw, type ProjectFile, projectFile } from "../project-file.ts";
import { type TrialBase, trialBaseOf, usualPoint } from "./trial-tree.ts";

export interface StudySpec extends Definition, Pick<SearchPart, "model" | "tokens" | "folds"> {
  /** The parts of the project file that trials change. */
  readonly base: TrialBase;
  /** The artifact whose held-out side (or other part that is not trained on) judges every trial. */
  readonly judged: string;
  /** Artifacts that judge beside it, by the labels under which links find them; studies of before have none. */
  readonly beside?: Readonly<Record<string, string>>;
  /** What `heldOut` is counted in: `bits per byte`. */
  readonly unit: string;
  /** What the configuration says itself, as far as the space asks. */
  readonly usual: Point;
}

export const mapped = <T, R>(values: Readonly<Record<string, T>>, of: (value: T) => R): Record<string, R> =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, of(value)]));

/** As the study was begun with. */
export const specOf = (s: StoredStudy): StudySpec => s.spec as unknown as StudySpec;

/** What a study's trials are judged by. */
export interface Judging {
  readonly judged: ArtifactReader;
  readonly beside: Readonly<Record<string, ArtifactReader>>;
  readonly unit: string;
}

/** Digests of what a study's trials are judged by. */
export interface JudgedDigests {
  readonly judged: string;
  readonly beside: Readonly<Record<string, string>>;
}

/** The id of the study that a search of the file stands for now, judged by these. */
export function studyIdOf(raw: Json, name: string, search: SearchPart, { judged, beside }: JudgedDigests): string {
  const base = trialBaseOf(raw);
  const { objectives, reports, seed, model, tokens, folds } = search;
  const identity = {
    space: valueIn(raw, ["searches", name, "space"])!,
    objectives: [...objectives],
    reports,
    seed,
    tokens: tokens ?? null,
    ...defined({ folds }),
    judged,
    ...(Object.keys(beside).length > 0 ? { beside } : {}),
    entry: valueIn(base.models, [model])!,
    data: base.data,
    tokenizer: "tokenizer" in base ? base.tokenizer : {},
  };
  return `${name}-${hashOf(identity).slice(0, 8)}`;
}

/** A definition that changes begins another study: its trials would not be comparable. Who chooses and who ends trials may change. */
export async function studyFor(
  p: ProjectFile,
  name: string,
  search: SearchPart,
  { judged, beside, unit }: Judging,
  store: Store,
): Promise<StoredStudy> {
  const raw = findRaw(p);
  const base = trialBaseOf(raw);
  const space = valueIn(raw, ["searches", name, "space"])!;
  const { objectives, reports, seed, model, tokens, folds, sampler, pruner } = search;
  const id = studyIdOf(raw, name, search, { judged: judged.digest, beside: mapped(beside, a => a.digest) });
  const check = (tree: Json) => checkProject({ ...(tree as object) }, projectFile);
  const usual = usualPoint({ raw, config: p.config, model, space: spaceOf({ ...search, space }), check });
  const judgedBy = { judged: judged.id, beside: mapped(beside, a => a.id), unit };
  const spec: StudySpec = { space, objectives, reports, seed, sampler, pruner, model, tokens, folds, base, ...judgedBy, usual };
  return openStudy(store, { id, name, spec: JSON.parse(JSON.stringify(spec)) as Json });
}

/** The first trial: the configuration as it is. Where the space does not offer its values, the sampler does not hear of it. */
export const isUsualWithin = (spec: StudySpec): boolean => isWithin(spaceOf(spec), spec.usual as Json);
