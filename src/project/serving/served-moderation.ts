/** `serve.moderate` of `loam.yaml`: a classifier that judges spans of responses while they are written. It is loaded beside the served models and serves nobody else. */
import { type ClassifierConfig, checkModelFiles, heldLabels } from "../../nn/index.ts";
import { classifyTexts, EmbeddingEngine, moderateTexts, type SpanGuard } from "../../serve/index.ts";
import type { ModeratePart } from "../../serve/part.ts";
import { undisguisedReadings } from "../../text/index.ts";
import { Closers } from "../closers.ts";
import { projectErrors } from "../errors.ts";
import { projectFile } from "../project-file.ts";
import { findModel, withExpectedDigest } from "./find-model.ts";
import { filesToLoad } from "./found-files.ts";
import { modelVersions } from "./model-versions.ts";
import { readsTexts } from "./read-encoder.ts";

const place = `${projectFile}: serve.moderate`;

/** The least score at which a label holds; null: it never does. */
type LabelThresholds = readonly (number | null)[];

/** Errors: project/reference for a category that the model does not have, or where none can hold. */
function thresholdsOf(classifier: ClassifierConfig, categories: ModeratePart["categories"]): LabelThresholds {
  const { labels, kind, thresholds, threshold } = classifier;
  const unknown = Object.keys(categories).find(c => !labels.includes(c));
  if (unknown !== undefined)
    throw projectErrors.fail("reference", {
      place: `${place}.categories.${unknown}`,
      expected: `a category of the model (${labels.join(", ")})`,
      received: JSON.stringify(unknown),
    });
  const own = labels.map((label, i) =>
    kind === "several" ? (thresholds ? thresholds[i]! : 0.5) : threshold?.label === label ? threshold.at : null,
  );
  const all = labels.map((label, i) => (Object.hasOwn(categories, label) ? categories[label]! : own[i]!));
  if (all.every(least => least === null))
    throw projectErrors.fail("reference", {
      place: `${place}.categories`,
      expected: "a category with a threshold",
      received: "none",
      hint: `A model of classes that exclude each other has no thresholds of its own: name one, such as categories: { ${labels[0]}: 0.8 }.`,
    });
  return all;
}

/** Scores of a text by label, the highest of all its readings. Errors: those of the engine. */
async function scoresOf(engine: EmbeddingEngine, text: string, signal: AbortSignal): Promise<readonly number[]> {
  if (engine.model.config.classifier?.kind === "several") return (await moderateTexts(engine, [text], signal)).texts[0]!.scores;
  const { labels, scores } = await classifyTexts(engine, [text, ...undisguisedReadings(text)], signal);
  return labels.map((_, i) => Math.max(...scores.map(row => row[i]!)));
}

interface ModerationSetting {
  readonly engine: EmbeddingEngine;
  readonly part: ModeratePart;
  warn(message: string): void;
}

/** Judges spans by a classifier. Errors: project/model for a model that tells no classes, project/reference for a category that it lacks. */
export function classifierSpanGuard({ engine, part, warn }: ModerationSetting): SpanGuard {
  const { classifier } = engine.model.config;
  if (!classifier || classifier.kind === "value") throw noClassifier(engine.model.id);
  const thresholds = thresholdsOf(classifier, part.categories);
  const { signal } = new AbortController();
  let isFailing = false;
  return {
    tokens: part.span,
    attempts: part.attempts,
    async refuses(text) {
      try {
        const scores = await scoresOf(engine, text, signal);
        isFailing = false;
        return heldLabels({ thresholds }, scores).includes(true);
      } catch (error) {
        const outcome = part.onError === "allow" ? "responses pass unjudged" : "responses end with an error";
        if (!isFailing)
          warn(`serve.moderate: ${engine.model.id} fails, ${outcome}: ${error instanceof Error ? error.message : String(error)}`);
        isFailing = true;
        if (part.onError === "allow") return false;
        throw error;
      }
    },
  };
}

const noClassifier = (received: string) =>
  projectErrors.fail("model", {
    place: `${place}.model`,
    expected: "a classifier",
    received,
    hint: "`loam tune` with task: multilabel or task: classify makes one.",
  });

interface ModeratorPlace {
  readonly folder: string;
  readonly cwd: string;
  readonly warn: (message: string) => void;
  /** Of the files, where the model is a folder: others are not served. */
  readonly digest?: string | undefined;
}

interface Moderator extends AsyncDisposable {
  readonly guard: SpanGuard;
}

/** Loads the classifier. Errors: those of finding and loading it, and of `classifierSpanGuard`. */
export async function openModerator(part: ModeratePart, { folder, cwd, warn, digest }: ModeratorPlace): Promise<Moderator> {
  const closers = new Closers();
  try {
    const given = closers.use(await findModel(folder, cwd, part.model));
    const found = digest === undefined ? given : withExpectedDigest(given, digest);
    // before the weights are loaded
    if (!readsTexts((await checkModelFiles((await filesToLoad(found)).files)).model)) throw noClassifier(part.model);
    const versions = closers.use(modelVersions(folder, cwd, {}));
    const { name, version } = await versions.add(found);
    const { engine, close } = await versions.open(name, version);
    closers.add(close);
    if (!(engine instanceof EmbeddingEngine)) throw noClassifier(part.model);
    const guard = classifierSpanGuard({ engine, part, warn });
    await engine.ready;
    return { guard, [Symbol.asyncDispose]: () => closers[Symbol.asyncDispose]() };
  } catch (error) {
    await closers[Symbol.asyncDispose]();
    throw error;
  }
}
