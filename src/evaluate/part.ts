/** Names that `loam.yaml` may say of evaluation, apart from what computes them. */
/** Baselines of a language model. */
export const baselineNames = ["gzip", "zstd", "2-gram", "5-gram"] as const;
export type BaselineName = (typeof baselineNames)[number];

/** Baselines of a text classifier. */
export const textClassifierNames = ["majority", "tf-idf + logistic regression", "word + character n-gram SVM"] as const;
export type TextClassifierName = (typeof textClassifierNames)[number];

/**
 * What an undecided condition counts as: `point`, what the figures themselves say; `pass`, not holding (a false alarm at most one time of twenty);
 * `fail`, holding (a breach passes at most one time of twenty: a test of non-inferiority).
 */
export const undecidedRules = ["point", "pass", "fail"] as const;
export type UndecidedRule = (typeof undecidedRules)[number];
