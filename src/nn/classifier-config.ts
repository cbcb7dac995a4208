/** What a model that tells classes of texts says of itself. */

/** What a classifier's logits mean: exactly one label holds, each holds or not, or each is a number. */
export const classifierKinds = ["one", "several", "value"] as const;
export type ClassifierKind = (typeof classifierKinds)[number];

/** How a text's states become one: the first token's (BERT), the last one's (a decoder's, which has seen all others), or their mean. */
export const classifierPoolings = ["first", "last", "mean"] as const;
export type ClassifierPooling = (typeof classifierPoolings)[number];

export interface ClassifierConfig {
  readonly labels: readonly string[];
  readonly kind: ClassifierKind;
  /** The first token's state of an encoder, the last one's of a decoder, when absent. */
  readonly pooling?: ClassifierPooling;
  /** Tokens of a text that are read, where that is less than the context: those it was trained on. */
  readonly longest?: number;
}
