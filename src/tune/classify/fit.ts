/** Fine-tuning of a classifier: a head of an output a class, cross-entropy, selected by macro F1 or the loss on the validation part. */
import { classificationScores, confusion } from "../../evaluate/index.ts";
import { negativeLogLikelihood } from "../../nn/index.ts";
import type { ValidationPoint, ValidationScores } from "../../train/index.ts";
import { tuneErrors } from "../errors.ts";
import { type FittedHead, fitHead, type HeadRun, type HeadTexts } from "../text-head/fit.ts";
import { greatestIndex, probabilitiesOf } from "../text-head/predict.ts";
import type { ClassifyOptions } from "./options.ts";

/** Texts as tokens, with their classes. */
export interface TokenTexts extends HeadTexts {
  readonly labels: Int32Array;
}

export interface ClassifierRun extends HeadRun<TokenTexts, ClassifyOptions> {
  readonly classes: readonly string[];
}

interface Scores extends ValidationScores {
  readonly macroF1: number;
  readonly accuracy: number;
  /** Nats a text. */
  readonly loss: number;
}
/** One evaluation on the validation part. */
export interface ClassifierPoint extends Scores, ValidationPoint {
  readonly step: number;
}

export interface FittedClassifier extends Omit<FittedHead, "best" | "history" | "outputs"> {
  readonly best: ClassifierPoint;
  readonly history: readonly ClassifierPoint[];
  /** Logits of the validation part by the chosen values. */
  readonly validationLogits: readonly Float64Array[];
}

/** Weights of classes: `balanced` as scikit-learn has it, n / (classes x n of the class). Errors: tune/labels for one that there is not. */
export function classWeights(weights: ClassifyOptions["weights"], classes: readonly string[], labels: Int32Array): number[] {
  if (weights === "none") return classes.map(() => 1);
  if (weights === "balanced") {
    const counts = classes.map((_, c) => labels.reduce((n, l) => n + (l === c ? 1 : 0), 0));
    return counts.map(n => labels.length / (classes.length * n));
  }
  const unknown = Object.keys(weights).find(name => !classes.includes(name));
  if (unknown !== undefined)
    throw tuneErrors.fail("labels", { place: "weights", expected: `classes among ${classes.join(", ")}`, received: `"${unknown}"` });
  return classes.map(name => weights[name] ?? 1);
}

/** Scores of logits on texts whose classes are known. */
function selectionOf(logits: readonly ArrayLike<number>[], labels: Int32Array, classes: readonly string[]): Scores {
  const predicted = Int32Array.from(logits, greatestIndex);
  const scores = classificationScores(confusion({ classes, truth: labels, predicted }));
  const loss = logits.reduce((s, row, i) => s - Math.log(Math.max(probabilitiesOf(row)[labels[i]!]!, 1e-300)), 0) / labels.length;
  return { macroF1: scores.macro.f1, accuracy: scores.accuracy, loss };
}

/** The greater F1, and of equal ones the less loss; or the less loss. */
const better: { readonly [B in ClassifyOptions["select"]]: (a: ValidationScores, b: ValidationScores) => boolean } = {
  loss: (a, b) => a.loss < b.loss,
  f1: (a, b) => a.macroF1! > b.macroF1! || (a.macroF1 === b.macroF1 && a.loss < b.loss),
};

/** Trains from the start, or from the newest whole checkpoint in the folder. Errors: tune/*, train/*, nn/*; on abort the state is saved first. */
export async function fitClassifier(o: ClassifierRun): Promise<FittedClassifier> {
  const { recipe, classes, train, validation } = o;
  if (recipe.privacy && recipe.weights === "balanced")
    throw tuneErrors.fail("privacy", {
      place: "weights",
      expected: "none, or weights by class, with privacy",
      received: "balanced, which counts the texts of each class",
    });
  const weights = classWeights(recipe.weights, classes, train.labels);
  const { outputs, ...fitted } = await fitHead(o, {
    config: { labels: [...classes], kind: "one" },
    targets: { dtype: "i32", below: classes.length },
    targetOf: text => train.labels[text]!,
    weightOf: text => weights[train.labels[text]!]!,
    losses: negativeLogLikelihood,
    judge: logits => selectionOf(logits, validation.labels, classes),
    isBetter: better[recipe.select],
    shown: s => `validation F1 ${s.macroF1!.toFixed(3)}`,
  });
  // what `judge` gave
  const history = fitted.history as readonly ClassifierPoint[];
  return { ...fitted, history, best: history[fitted.best]!, validationLogits: outputs };
}
