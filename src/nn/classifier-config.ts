/** What a model that tells classes of texts says of itself. */

/** What a classifier's logits mean: exactly one label holds, each holds or not, or each is a number. */
export const classifierKinds = ["one", "several", "value"] as const;
export type ClassifierKind = (typeof classifierKinds)[number];

/** How a text's states become one: the first token's (BERT), the last one's (a decoder's, which has seen all others), or their mean. */
export const classifierPoolings = ["first", "last", "mean"] as const;
export type ClassifierPooling = (typeof classifierPoolings)[number];

/** From which probability on a text is taken for one of the classes, where mistakes of both kinds do not cost alike. */
export interface ClassThreshold {
  readonly label: string;
  /** 0 to 1; null: nothing is taken for it. */
  readonly at: number | null;
}

/**
 * Thresholds of one class by the group of a text, which comes with the text: a request names it, a document has it as an attribute. A text without a group is
 * decided by the common threshold.
 */
export interface ClassGroupThresholds {
  /** The attribute that has the group. */
  readonly attribute: string;
  readonly label: string;
  /** The gap between groups that they were chosen to bound, and the bound. */
  readonly goal: string;
  readonly bound: number;
  readonly groups: readonly {
    readonly group: string;
    /** 0 to 1; null: nothing is taken for it. */
    readonly at: number | null;
  }[];
}

/** Platt's map (1999) from a label's logit to its probability: logistic(slope x logit + offset). */
export interface LabelScale {
  readonly slope: number;
  readonly offset: number;
}

export interface ClassifierConfig {
  readonly labels: readonly string[];
  readonly kind: ClassifierKind;
  /** The first token's state of an encoder, the last one's of a decoder, when absent. */
  readonly pooling?: ClassifierPooling;
  /** Tokens of a text that are read, where that is less than the context: those it was trained on. */
  readonly longest?: number;
  /** Of kind `one`; the likeliest label is told where it is absent. */
  readonly threshold?: ClassThreshold;
  /** Of kind `one`: thresholds that depend on the group of a text. */
  readonly groupThresholds?: ClassGroupThresholds;
  /**
   * Of kind `one`: what logits are divided by for probabilities that mean what they say (Guo et al. 2017), fitted on the part that selects. Only who asks for
   * calibrated probabilities gets them: a threshold is one of the probabilities as they are.
   */
  readonly temperature?: number;
  /** Of kind `several`, one a label: the map to calibrated probabilities, fitted on the validation set. Identity where absent. */
  readonly scales?: readonly LabelScale[];
  /** Of kind `several`, one a label: the least calibrated probability at which the label holds; null: it never does. 0.5 where absent. */
  readonly thresholds?: readonly (number | null)[];
}

/** Probabilities of labels that hold or not, each by itself, from their logits. */
export const labelProbabilities = ({ scales }: Pick<ClassifierConfig, "scales">, logits: ArrayLike<number>): number[] =>
  Array.from(logits, (x, i) => {
    const { slope, offset } = scales?.[i] ?? { slope: 1, offset: 0 };
    return 1 / (1 + Math.exp(-(slope * x + offset)));
  });

const usualThreshold = 0.5;
/** Of each label whether it holds, by probabilities of `labelProbabilities`. */
export const heldLabels = ({ thresholds }: Pick<ClassifierConfig, "thresholds">, probabilities: readonly number[]): boolean[] =>
  probabilities.map((p, i) => {
    const least = thresholds ? thresholds[i] : usualThreshold;
    return least !== null && least !== undefined && p >= least;
  });

/** The threshold of a group; undefined for a group that has none, and where thresholds do not depend on groups. */
export function groupThreshold({ groupThresholds }: Pick<ClassifierConfig, "groupThresholds">, group?: string): ClassThreshold | undefined {
  const own = group === undefined ? undefined : groupThresholds?.groups.find(g => g.group === group);
  return own && { label: groupThresholds!.label, at: own.at };
}

/**
 * The index of the label that a text with these scores gets: the most probable, unless a threshold decides about one of them. `group`: the threshold of this
 * group, where it has one, replaces the common one.
 */
export function toldLabel(
  config: Pick<ClassifierConfig, "labels" | "threshold" | "groupThresholds">,
  scores: ArrayLike<number>,
  group?: string,
): number {
  const { labels } = config;
  const threshold = groupThreshold(config, group) ?? config.threshold;
  const own = threshold ? labels.indexOf(threshold.label) : -1;
  if (threshold && own >= 0 && threshold.at !== null && scores[own]! >= threshold.at) return own;
  let best = own === 0 ? 1 : 0;
  for (let i = best + 1; i < labels.length; i++) if (i !== own && scores[i]! > scores[best]!) best = i;
  return best;
}
