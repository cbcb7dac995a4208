/** Inner door: what anyone has without a language model: the commonest class, and linear models of counted words and characters. */

import type { TextClassifierName } from "../../part.ts";
import { characterAnalyzer, wordAnalyzer } from "./analyzers.ts";
import { linearSvm } from "./linear-svm.ts";
import { logisticRegression } from "./logistic-regression.ts";
import { fitTfidf, joinedTfidf } from "./tfidf.ts";

export { characterAnalyzer, wordAnalyzer } from "./analyzers.ts";
export { type DenseModel, type DenseOptions, type DenseRows, denseLogisticRegression, ridgeRegressions } from "./dense.ts";
export { lbfgs } from "./lbfgs.ts";
export { linearSvm, type SvmOptions } from "./linear-svm.ts";
export { type LinearOptions, type LogisticModel, logisticRegression } from "./logistic-regression.ts";
export type { SparseRow } from "./sparse.ts";
export { fitTfidf, joinedTfidf, type Tfidf, type TfidfOptions } from "./tfidf.ts";

export interface LabelledTexts {
  readonly texts: readonly string[];
  /** 0 to classes - 1. */
  readonly labels: ArrayLike<number>;
  readonly classes: number;
}
/** A score a class; the greatest one is the answer, the first of equals. */
export type TextClassifier = (text: string) => readonly number[];

/** Baselines by name; a new one is a row. */
export const textClassifiers = {
  majority({ labels, classes }) {
    const counts = new Array<number>(classes).fill(0);
    for (let i = 0; i < labels.length; i++) counts[labels[i]!]!++;
    return () => counts;
  },
  "tf-idf + logistic regression"({ texts, labels, classes }) {
    const features = fitTfidf(texts, { analyzer: wordAnalyzer(1) });
    const model = logisticRegression(
      texts.map(t => features.row(t)),
      labels,
      features.size,
      classes,
    );
    return text => model.scores(features.row(text));
  },
  "word + character n-gram SVM"({ texts, labels, classes }) {
    const features = joinedTfidf([
      fitTfidf(texts, { analyzer: wordAnalyzer(2), leastTexts: 2, sublinear: true }),
      fitTfidf(texts, { analyzer: characterAnalyzer(3, 5), leastTexts: 2, sublinear: true }),
    ]);
    const model = linearSvm(
      texts.map(t => features.row(t)),
      labels,
      features.size,
      classes,
    );
    return text => model.scores(features.row(text));
  },
} as const satisfies Record<TextClassifierName, (train: LabelledTexts) => TextClassifier>;
