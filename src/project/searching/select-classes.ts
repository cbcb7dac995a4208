/**
 * Bases beside each other for a classifier of `loam.yaml`, encoders and decoders alike: what each tells of the user's classes, with intervals, what it
 * needs and how long it takes, and which one to take. Chosen on the train side alone: the held-out side judges the tuned model later.
 */
import { formatBytes, isLoamError, nearest, withDetails } from "../../base/index.ts";
import { loadModel } from "../../nn/index.ts";
import {
  type ClassCandidate,
  type ClassTexts,
  compareSystems,
  labelsOf,
  measureClassCandidate,
  type PairedComparison,
  readExamples,
  type ScoreRange,
  type SystemScore,
  sampledClasses,
} from "../../tune/index.ts";
import type { TunedModel } from "../../tune/part.ts";
import { progressFor, type Watch } from "../call.ts";
import { projectErrors } from "../errors.ts";
import { modelText } from "../models/model-text.ts";
import type { ProjectFile } from "../project-file.ts";
import { findModel } from "../serving/find-model.ts";
import { foundFiles } from "../serving/found-files.ts";
import { deviceOf } from "../serving/open-engine.ts";
import type { Workspace } from "../workspace.ts";
import { candidateRefusal, type RefusedBase } from "./refusal.ts";

type Classify = Extract<TunedModel["tune"], { readonly task: "classify" }>;

export interface SelectClassesGiven {
  readonly workspace: Workspace;
  /** Names of the candidates. */
  readonly names: readonly string[];
  readonly tune: Classify;
  /** The artifact of the data set that it learns from. */
  readonly documents: Parameters<typeof readExamples>[0];
  /** Texts to judge by, at most. */
  readonly most: number;
  readonly steps: number;
}

export interface ClassBase {
  readonly name: string;
  readonly family: string;
  readonly parameters: number;
  readonly memoryBytes: number;
  /** Of a text. */
  readonly latencyMs: number;
  /** Macro F1 of a head alone, and after a few steps where it was trained. */
  readonly headAlone: ScoreRange;
  readonly fewStep: ScoreRange | null;
  /** Why there is no few-step score. */
  readonly untrained: string | null;
  /** Beside the best; null of the best. */
  readonly comparison: PairedComparison | null;
}

/** Bases for a classifier, from the best on. */
export interface ClassSelection {
  /** The predicted label. */
  readonly for: string;
  readonly on: string;
  readonly classes: readonly string[];
  readonly texts: { readonly train: number; readonly validation: number };
  readonly steps: number;
  readonly candidates: readonly ClassBase[];
  readonly refused: readonly RefusedBase[];
  readonly recommended: string;
  readonly reason: string;
}

/** The recipe of a classifier of the file. Errors: project/argument. */
export function classifierOf({ config }: ProjectFile, name: string): Classify {
  const known = Object.keys(config.tuned).filter(n => config.tuned[n]!.tune.task === "classify");
  const tune = config.tuned[name]?.tune;
  if (tune?.task === "classify") return tune;
  const near = nearest(name, known);
  throw projectErrors.fail("argument", {
    place: "loam tune select: --for",
    expected: known.length > 0 ? `a classifier of loam.yaml: ${known.join(", ")}` : "a model of loam.yaml with `tune: { task: classify }`",
    received: `"${name}"`,
    ...(near ? { hint: `Did you mean "${near}"?` } : {}),
  });
}

interface Measured extends ClassCandidate {
  readonly name: string;
}

/** Texts that train, twice as many as judge, or as many as the steps read. */
async function textsOf({ documents, tune, most, steps }: SelectClassesGiven): Promise<ClassTexts> {
  const { classes, train, validation } = await readExamples(documents, labelsOf(tune));
  return {
    classes,
    train: sampledClasses(train, Math.max(2 * most, steps * tune.batch)),
    validation: sampledClasses(validation, most),
  };
}

/** Measures them one after the other. Errors: tune/labels; project/nothing where none is a base. */
export async function selectForClasses(o: SelectClassesGiven, watch: Watch): Promise<ClassSelection> {
  const { workspace, tune, steps } = o;
  const { signal } = watch;
  const texts = await textsOf(o);
  const device = deviceOf(workspace.file);
  const { task: _, on: __, baselines: ___, costs: ____, crossValidation: _____, ...recipe } = tune;
  const measured: Measured[] = [];
  const refused: RefusedBase[] = [];
  for (const name of o.names) {
    signal.throwIfAborted();
    try {
      await using found = await findModel(workspace.folder, workspace.cwd, name);
      const { files } = await foundFiles(found);
      const { tokenizer } = await modelText(files);
      const base = await loadModel(files, device);
      const progress = progressFor(watch, name);
      measured.push({ name, ...(await measureClassCandidate({ device, base, name, tokenizer, recipe, texts, steps, progress, signal })) });
    } catch (error) {
      signal.throwIfAborted();
      if (!isLoamError(error)) throw error;
      refused.push({ name, reason: candidateRefusal(error, name, workspace.file) });
    }
  }
  return selection(o, texts, measured, refused);
}

/** Classes that a candidate told, under its name. */
interface Told {
  readonly name: string;
  readonly predicted: Int32Array;
}

/** The first one beside the others. */
const compared = (texts: ClassTexts, [model, ...others]: readonly Told[]) =>
  compareSystems({
    classes: texts.classes,
    truth: Int32Array.from(texts.validation, e => e.label),
    groups: texts.validation.map(e => e.group),
    model: { ...model!, kind: "model" },
    baselines: others.map(o => ({ ...o, kind: "model" as const })),
  });
const scoresOf = (texts: ClassTexts, told: readonly Told[]): ReadonlyMap<string, SystemScore> =>
  new Map(told.length === 0 ? [] : compared(texts, told).scores.map(s => [s.name, s]));

/**
 * Scores of both, and the candidates from the best on. What counts is the better one: the head alone is the least that a base can do, and a few steps
 * may not have moved a drawn head yet.
 */
function judged(texts: ClassTexts, measured: readonly Measured[]) {
  const probes = scoresOf(
    texts,
    measured.map(c => ({ name: c.name, predicted: c.probed })),
  );
  const steps = scoresOf(
    texts,
    measured.flatMap(c => (c.tuned ? [{ name: c.name, predicted: c.tuned }] : [])),
  );
  const f1 = (scores: ReadonlyMap<string, SystemScore>, c: Measured) => scores.get(c.name)?.macroF1.value ?? -1;
  const quality = (c: Measured) => Math.max(f1(probes, c), f1(steps, c));
  const order = measured.toSorted((a, b) => quality(b) - quality(a) || a.memoryBytes - b.memoryBytes);
  const told = order.map(c => ({ name: c.name, predicted: f1(steps, c) > f1(probes, c) ? c.tuned! : c.probed }));
  const comparisons = new Map<string, PairedComparison>(compared(texts, told).comparisons.map(c => [c.against, c]));
  return { order, probes, steps, comparisons };
}

export const isAsGood = ({ comparison }: Pick<ClassBase, "comparison">): boolean =>
  comparison === null || comparison.verdict === "no significant difference";

function selection(
  { tune, steps }: SelectClassesGiven,
  texts: ClassTexts,
  measured: readonly Measured[],
  refused: readonly RefusedBase[],
): ClassSelection {
  const judgedBy = {
    for: tune.label,
    on: tune.on,
    classes: texts.classes,
    texts: { train: texts.train.length, validation: texts.validation.length },
    steps,
  };
  if (measured.length === 0)
    throw withDetails(
      projectErrors.fail("nothing", {
        place: "loam tune select",
        expected: "a model that reads texts, or more",
        received: `${refused.length} that are none`,
      }),
      { ...judgedBy, refused },
    );
  const { order, probes, steps: tuned, comparisons } = judged(texts, measured);
  const candidates = order.map(
    (c): ClassBase => ({
      name: c.name,
      family: c.family,
      parameters: c.parameters,
      memoryBytes: c.memoryBytes,
      latencyMs: c.latencyMs,
      headAlone: probes.get(c.name)!.macroF1,
      fewStep: tuned.get(c.name)?.macroF1 ?? null,
      untrained: c.untrained ?? null,
      comparison: comparisons.get(c.name) ?? null,
    }),
  );
  const best = candidates[0]!;
  const near = candidates.filter(isAsGood);
  const taken = near.reduce((a, b) => (b.memoryBytes < a.memoryBytes ? b : a));
  const than = taken.comparison?.difference;
  const reason =
    candidates.length === 1
      ? "the only candidate"
      : taken !== best
        ? `${best.name} is not significantly better (by ${than!.value.toFixed(3)} [${than!.low.toFixed(3)}, ${than!.high.toFixed(3)}]), and it needs ${formatBytes(best.memoryBytes - taken.memoryBytes)} less memory`
        : near.length === 1
          ? "it classifies these texts significantly best"
          : "it tells these classes best, and of those that may be as good it needs the least memory";
  return { ...judgedBy, candidates, refused, recommended: taken.name, reason };
}
