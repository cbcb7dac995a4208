/** Fine-tuning of a classifier: a head of an output a class, cross-entropy, selected by macro F1 or the loss on the validation part. */
import type { DocumentAttributes } from "../../data/index.ts";
import { classificationScores, confusion } from "../../evaluate/index.ts";
import { negativeLogLikelihood } from "../../nn/index.ts";
import type { ValidationPoint, ValidationScores } from "../../train/index.ts";
import { tuneErrors } from "../errors.ts";
import { type FittedHead, fitHead, type HeadRun, type HeadTexts } from "../text-head/fit.ts";
import { greatestIndex, probabilitiesOf } from "../text-head/predict.ts";
import { headAdversary, reweighedTexts } from "./debias.ts";
import type { ClassifyOptions } from "./options.ts";

/** Texts as tokens, with their classes. */
export interface TokenTexts extends HeadTexts {
  readonly labels: Int32Array;
  /** Of each text's document, for what a recipe asks of groups. */
  readonly attributes?: readonly DocumentAttributes[];
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

/** Weights of texts by their group and class. */
type Reweigh = { reweigh: string[] };
const isReweigh = (weights: ClassifyOptions["weights"]): weights is Reweigh =>
  typeof weights === "object" && Array.isArray(weights.reweigh);

/** The weight of each text of the train part. Errors: tune/labels. */
function textWeights({
  recipe: { weights },
  classes,
  train,
}: Pick<ClassifierRun, "recipe" | "classes" | "train">): (text: number) => number {
  if (isReweigh(weights)) {
    const own = reweighedTexts(weights.reweigh, train, classes);
    return text => own[text]!;
  }
  const byClass = classWeights(weights, classes, train.labels);
  return text => byClass[train.labels[text]!]!;
}

/** Weights of classes: `balanced` as scikit-learn has it, n / (classes x n of the class). Errors: tune/labels for one that there is not. */
export function classWeights(
  weights: Exclude<ClassifyOptions["weights"], Reweigh>,
  classes: readonly string[],
  labels: Int32Array,
): number[] {
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

/** What counts people's texts by group has no place in a private training. Errors: tune/privacy. */
function checkPrivate({ privacy, debias, weights }: ClassifyOptions): void {
  const place = debias ? "debias" : isReweigh(weights) ? "weights.reweigh" : undefined;
  if (!privacy || place === undefined) return;
  throw tuneErrors.fail("privacy", {
    place,
    expected: "no debiasing and no reweighing with privacy",
    received: `${place}, whose use of groups the privacy budget does not count`,
    hint: "Leave one of the two out.",
  });
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

/**
 * With an adversary the last values are kept, and nothing stops early: an earlier judgement is better at the task where the groups still differ, so
 * choosing by the task alone can undo the debiasing.
 */
const latest = (): boolean => true;

/** Trains from the start, or from the newest whole checkpoint in the folder. Errors: tune/*, train/*, nn/*; on abort the state is saved first. */
export async function fitClassifier(o: ClassifierRun): Promise<FittedClassifier> {
  const { recipe, classes, train, validation } = o;
  checkPrivate(recipe);
  if (recipe.privacy && recipe.weights === "balanced")
    throw tuneErrors.fail("privacy", {
      place: "weights",
      expected: "none, or weights by class, with privacy",
      received: "balanced, which counts the texts of each class",
    });
  const weightOf = textWeights(o);
  const { outputs, ...fitted } = await fitHead(o, {
    config: { labels: [...classes], kind: "one" },
    targets: { dtype: "i32", below: classes.length },
    targetOf: text => train.labels[text]!,
    weightOf,
    adversary: recipe.debias && headAdversary(recipe.debias, train, classes),
    losses: negativeLogLikelihood,
    judge: logits => selectionOf(logits, validation.labels, classes),
    isBetter: recipe.debias ? latest : better[recipe.select],
    shown: s => `validation F1 ${s.macroF1!.toFixed(3)}`,
  });
  // what `judge` gave
  const history = fitted.history as readonly ClassifierPoint[];
  return { ...fitted, history, best: history[fitted.best]!, validationLogits: outputs };
}
