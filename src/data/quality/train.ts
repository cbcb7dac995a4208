/**
 * From examples of good and bad texts to a quality model. A tenth is held out and seen by nothing but the last measurement. On the rest, folds
 * say how many passes help and give margins of texts that learning had not seen, on which scores are calibrated; then the model is learnt from
 * all of the rest. Equal texts count once and never stand on two sides. The result does not depend on the order of the examples.
 */
import { z } from "zod";
import { sha256 } from "../../base/index.ts";
import { dataErrors } from "../errors.ts";
import { isotonicCalibration, type LabelledMargin, plattCalibration, type QualityCalibration } from "./calibration.ts";
import { Features } from "./features.ts";
import { type LogisticOptions, type LogisticWeights, learnLogistic, type QualityExample, qualityMargin } from "./logistic.ts";
import { areaUnderCurve, brierScore, decisionsAt, qualityCalibrationError, type ScoredDocument } from "./measures.ts";
import { type QualityMeasures, type QualityModel, QualityScorer } from "./model.ts";

export interface LabelledText {
  readonly text: string;
  readonly isGood: boolean;
}

export const qualityTraining = z.strictObject({
  /** Longest run of words that is a feature. */
  words: z.number().int().min(1).max(3).default(2),
  /** Shortest and longest run of characters that is one: `[3, 5]`. Slower by three. */
  characters: z
    .tuple([z.number().int().min(1).max(8), z.number().int().min(1).max(8)])
    .refine(([least, most]) => least <= most, { message: "the shorter first" })
    .optional(),
  /** Features are hashed to 2^bits weights of 4 bytes. */
  bits: z.number().int().min(8).max(24).default(20),
  rate: z.number().positive().default(0.5),
  l2: z.number().min(0).default(1e-4),
  passes: z.number().int().min(1).max(1000).default(30),
  patience: z.number().int().min(1).default(3),
  isBalanced: z.boolean().default(true),
  calibration: z.enum(["platt", "isotonic", "none"]).default("platt"),
  /** Share of the examples that only the last measurement sees. */
  heldOut: z.number().min(0.02).max(0.5).default(0.1),
  folds: z.number().int().min(2).max(20).default(5),
  seed: z.union([z.number().int(), z.string()]).default(1),
});
export type QualityTraining = z.output<typeof qualityTraining>;

interface TrainQualityOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, message: string) => void;
}

/** Examples of a kind, at least: with fewer nothing can be held out that says anything. */
const leastOfKind = 20;

/** What makes two texts the same example: their letters, without case. */
const sameness = (text: string): string => {
  const letters = text
    .toLowerCase()
    .replace(/[^\p{L}\p{M}]+/gu, " ")
    .trim();
  return sha256(letters === "" ? text : letters);
};

interface Keyed extends LabelledText {
  readonly key: string;
}

/** Each text once, in the order of hashes. Texts that are called both are left out. */
function distinct(texts: Iterable<LabelledText>) {
  const known = new Map<string, Keyed | undefined>();
  let [duplicates, contradictions] = [0, 0];
  for (const { text, isGood } of texts) {
    const key = sameness(text);
    const before = known.get(key);
    if (!known.has(key)) known.set(key, { text, isGood, key });
    else if (before === undefined) contradictions++;
    else if (before.isGood === isGood) {
      duplicates++;
      // Of texts that differ in signs only, the same one stays whatever the order.
      if (text < before.text) known.set(key, { text, isGood, key });
    } else {
      known.set(key, undefined);
      contradictions += 2;
    }
  }
  const kept = [...known.values()].filter(t => t !== undefined).sort((a, b) => (a.key < b.key ? -1 : 1));
  return { kept, duplicates, contradictions };
}

function measuresOf(scored: readonly ScoredDocument[]): QualityMeasures {
  return {
    ...decisionsAt(scored),
    auc: areaUnderCurve(scored),
    brier: brierScore(scored),
    calibrationError: qualityCalibrationError(scored),
  };
}

function calibrationOf(kind: QualityTraining["calibration"], margins: readonly LabelledMargin[]): QualityCalibration | undefined {
  if (kind === "none") return undefined;
  return kind === "platt" ? plattCalibration(margins) : isotonicCalibration(margins);
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

/**
 * Learns a model. Holds all examples: about 4 bytes a distinct feature of a text, near the text's own size. Errors: data/examples, the
 * signal's reason.
 */
export async function trainQuality(
  texts: Iterable<LabelledText>,
  o: QualityTraining,
  { signal, onProgress }: TrainQualityOptions = {},
): Promise<QualityModel> {
  const { kept, duplicates, contradictions } = distinct(texts);
  const kinds = [true, false].map(isGood => kept.filter(t => t.isGood === isGood));
  for (const [i, list] of kinds.entries())
    if (list.length < leastOfKind)
      throw dataErrors.fail("examples", {
        place: i === 0 ? "good" : "bad",
        expected: `at least ${leastOfKind} different texts`,
        received: `${list.length}${contradictions > 0 ? ` (${contradictions} that were called good and bad are left out)` : ""}`,
        hint: "Give more examples; a few hundred of each kind are a start.",
      });

  const { words, characters, bits } = o;
  const features = new Features({ words, characters, bits });
  const exampleOf = ({ text, isGood }: Keyed): QualityExample => {
    features.read(text);
    return { features: features.found.slice(0, features.count), isGood };
  };
  const tests: Keyed[] = [];
  /** Both kinds spread over the folds alike. */
  const folds: QualityExample[][] = Array.from({ length: o.folds }, () => []);
  for (const list of kinds) {
    const numTests = Math.max(1, Math.round(o.heldOut * list.length));
    tests.push(...list.slice(0, numTests));
    list.slice(numTests).forEach((t, i) => {
      folds[i % o.folds]!.push(exampleOf(t));
    });
  }

  const pause = async (done: number, message: string) => {
    onProgress?.(done, message);
    await new Promise(resolve => setImmediate(resolve));
    signal?.throwIfAborted();
  };
  const logistic: LogisticOptions = {
    bits,
    seed: o.seed,
    rate: o.rate,
    l2: o.l2,
    passes: o.passes,
    patience: o.patience,
    isBalanced: o.isBalanced,
  };
  const margins: LabelledMargin[] = [];
  const passes: number[] = [];
  for (const [i, held] of folds.entries()) {
    await pause(i / (o.folds + 1), `fold ${i + 1} of ${o.folds}`);
    const rest = folds.flatMap((f, j) => (j === i ? [] : f));
    const learnt = learnLogistic(rest, held, logistic);
    passes.push(learnt.pass);
    for (const e of held) margins.push({ margin: qualityMargin(learnt, e.features), isGood: e.isGood });
  }
  await pause(o.folds / (o.folds + 1), "all examples");
  const best = median(passes);
  const { weights, bias } = learnLogistic(folds.flat(), undefined, { ...logistic, passes: best });
  const linear: LogisticWeights = { weights, bias };
  const calibration = calibrationOf(o.calibration, margins);

  const numGood = (list: readonly { readonly isGood: boolean }[]) => list.reduce((n, e) => n + Number(e.isGood), 0);
  const scoredBy = (c: QualityCalibration | undefined): ScoredDocument[] => {
    const scorer = new QualityScorer({ features: features.options, linear, calibration: c });
    return tests.map(t => ({ score: scorer.score(t.text), isGood: t.isGood }));
  };
  const report = {
    good: kinds[0]!.length,
    bad: kinds[1]!.length,
    duplicates,
    contradictions,
    heldOut: { good: numGood(tests), bad: tests.length - numGood(tests) },
    passes: best,
    before: measuresOf(scoredBy(undefined)),
    after: measuresOf(scoredBy(calibration)),
  };
  onProgress?.(1, "done");
  return { features: { words, characters, bits }, linear, calibration, report };
}
