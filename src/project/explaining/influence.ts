/**
 * Training documents that a classifier's answer rests on, the most helpful and the most harmful ones by id, and a measurement of how far each method can be
 * believed, which is kept with the run that made the model. Documents that were forgotten since are never named; with a purpose only those that had it trained.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isLoamError } from "../../base/index.ts";
import { forgottenReason } from "../../data/index.ts";
import { type ArtifactReader, keepRunData, openArtifact, runDataOf, type Store, traceArtifact } from "../../store/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { ClassifierInfluence, type InfluenceFaithfulness, type InfluenceMethod, influenceMethods } from "../../tune/index.ts";
import { progressFor, type Watch } from "../call.ts";
import { projectErrors, wrongArgument } from "../errors.ts";
import { lazyDevice } from "../life.ts";
import { namedVersion } from "../models/named-version.ts";
import type { ProjectFile } from "../project-file.ts";
import { fileSurroundings } from "../tuning/surroundings.ts";
import type { Workplace } from "../workspace.ts";

const place = "loam explain --influence";
/** Among the run data of the model. */
const measuredFile = "influence.json";

export interface InfluenceOptions {
  /** A name or a version of a classifier; default: the served model. */
  readonly model?: string | undefined;
  readonly input: string;
  /** The class that is explained; default: the one that the model gives. */
  readonly label?: string | undefined;
  /** Default: the one whose measured score is greatest, or `tracin` where none was measured. */
  readonly method?: InfluenceMethod | undefined;
  /** Documents of each kind (default 10). */
  readonly top?: number | undefined;
}

export interface InfluentialDocument {
  readonly id: string;
  readonly label: string;
  /** In the method's own unit: scores of one answer compare with each other. */
  readonly score: number;
}

export interface TextInfluence {
  /** `mail-spam@3`. */
  readonly model: string;
  /** Artifact of the documents that trained it. */
  readonly documents: string;
  readonly method: InfluenceMethod;
  readonly label: string;
  readonly probability: number;
  /** Weights that stand for the training: kept checkpoints, or 0 where there are none and the final weights do. */
  readonly checkpoints: number;
  readonly trainingDocuments: number;
  /** Training documents that were forgotten since and are not named. */
  readonly forgotten: number;
  /** Documents that support the class, the greatest score first. */
  readonly helpful: readonly InfluentialDocument[];
  /** Documents that speak against it, the least score first. */
  readonly harmful: readonly InfluentialDocument[];
  /** Of `loam explain --measure-influence`; null: not measured. */
  readonly faithfulness: InfluenceFaithfulness | null;
}

export interface MeasureOptions {
  readonly model?: string | undefined;
  /** Models that are retrained, each on half of the documents (default 32). */
  readonly models?: number | undefined;
}

export interface MeasuredInfluence extends InfluenceFaithfulness {
  readonly model: string;
}

/** The documents that a tuning read: the one ingredient of that name. Errors: tune/influence by way of project/argument; store/released. */
async function documentsOf(store: Store, model: ArtifactReader): Promise<ArtifactReader> {
  const { edges } = await traceArtifact(store, model.id);
  const from = edges.find(e => e.to === model.id && e.name === "documents")?.from;
  if (from !== undefined) return openArtifact(store, from);
  throw wrongArgument(place, "a classifier that was tuned on a data set of this project", `${model.id}, without documents`);
}

interface OpenInfluence {
  readonly name: string;
  readonly store: Store;
  readonly project: ProjectFile | undefined;
  readonly artifact: ArtifactReader;
  readonly documents: ArtifactReader;
  readonly influence: ClassifierInfluence;
}

async function withInfluence<T>(
  at: Workplace,
  model: string | undefined,
  watch: Watch,
  use: (opened: OpenInfluence) => Promise<T>,
): Promise<T> {
  await using named = await namedVersion(at, model);
  const { store, project, version } = named;
  const name = `${named.model}@${version.number}`;
  const artifact = await openArtifact(store, version.artifact);
  const documents = await documentsOf(store, artifact);
  const device = project ? lazyDevice(project)() : openDevice("cpu", {});
  const progress = progressFor(watch, name);
  try {
    const influence = await ClassifierInfluence.open({
      model: artifact,
      documents,
      device,
      tokenizerOf: fileSurroundings.tokenizerOf,
      signal: watch.signal,
      onProgress: (done, message) => progress({ stage: "explain", done, message }),
    });
    try {
      return await use({ name, store, project, artifact, documents, influence });
    } finally {
      influence.dispose();
    }
  } catch (error) {
    if (!isLoamError(error, "store/released")) throw error;
    throw projectErrors.fail(
      "nothing",
      { place: name, expected: "the documents that it was tuned on", received: "none: `loam gc` removed them", hint: "Tune it again." },
      error,
    );
  } finally {
    device.dispose();
  }
}

async function measuredOf(store: Store, artifact: string): Promise<InfluenceFaithfulness | null> {
  const text = (await runDataOf(store, artifact)).get(measuredFile);
  return text === undefined ? null : (JSON.parse(text) as InfluenceFaithfulness);
}

const bestOf = (measured: InfluenceFaithfulness | null): InfluenceMethod =>
  measured ? influenceMethods.reduce((a, b) => (measured.scores[b].value > measured.scores[a].value ? b : a)) : "tracin";

/** The class that is meant, or the likeliest one. Errors: project/argument. */
function classOf(classes: readonly string[], given: string | undefined, probabilities: readonly number[]): number {
  if (given === undefined) return probabilities.indexOf(Math.max(...probabilities));
  const at = classes.indexOf(given);
  if (at < 0) throw wrongArgument(`${place}: --label`, `one of ${classes.join(", ")}`, JSON.stringify(given));
  return at;
}

/** Errors: project/argument, project/nothing, store/notFound, tune/influence; base/interrupted. */
export const explainInfluence = (at: Workplace, options: InfluenceOptions, watch: Watch): Promise<TextInfluence> =>
  withInfluence(at, options.model, watch, async ({ name, store, project, artifact, documents, influence }) => {
    const { input, top = 10 } = options;
    if (input.trim() === "") throw wrongArgument(place, "a text", "an empty one");
    if (!Number.isInteger(top) || top < 1) throw wrongArgument(`${place}: --top`, "a whole number from 1 on", String(top));
    const faithfulness = await measuredOf(store, artifact.id);
    const method = options.method ?? bestOf(faithfulness);
    const tokens = [influence.tokensOf(input)];
    const [probabilities] = await influence.probabilities(tokens);
    const label = classOf(influence.classes, options.label, probabilities!);
    const [row] = await influence.scores(method, { tokens, labels: [label] });
    const isForgotten = forgottenReason(Object.values(project?.config.data ?? {}).flatMap(d => d.forget ?? []));
    const { train } = influence;
    const shown = train.flatMap((d, i) =>
      isForgotten(d.id) === undefined ? [{ id: d.id, label: influence.classes[d.label]!, score: row![i]! }] : [],
    );
    const ordered = shown.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
    return {
      model: name,
      documents: documents.id,
      method,
      label: influence.classes[label]!,
      probability: probabilities![label]!,
      checkpoints: influence.checkpoints.length,
      trainingDocuments: train.length,
      forgotten: train.length - shown.length,
      helpful: ordered.filter(d => d.score > 0).slice(0, top),
      harmful: ordered
        .filter(d => d.score < 0)
        .reverse()
        .slice(0, top),
      faithfulness,
    };
  });

/** Retrains on random halves and keeps each method's score with the run that made the model. Errors: as `explainInfluence`. */
export const measureInfluence = (at: Workplace, { model, models }: MeasureOptions, watch: Watch): Promise<MeasuredInfluence> =>
  withInfluence(at, model, watch, async ({ name, store, artifact, influence }) => {
    if (models !== undefined && (!Number.isInteger(models) || models < 3))
      throw wrongArgument("loam explain --measure-influence", "3 models or more", String(models));
    const folder = mkdtempSync(join(tmpdir(), "loam-influence-"));
    try {
      const measured = await influence.measure({ base: await openArtifact(store, influence.base), folder, models });
      if (!store.isReadOnly) await keepRunData(store, artifact.id, measuredFile, JSON.stringify(measured));
      return { model: name, ...measured };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

/** Whether a text names a method. */
export const isInfluenceMethod = (text: string): text is InfluenceMethod => influenceMethods.some(m => m === text);
