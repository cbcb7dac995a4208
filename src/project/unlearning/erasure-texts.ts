/** The texts that unlearning and its measurement look at: those to forget, retained ones, and never-seen ones for two uses that share none. */
import { random } from "../../base/index.ts";
import { trainNgram } from "../../evaluate/index.ts";

export type TokenText = ArrayLike<number>;

export interface ErasureTexts {
  readonly forget: readonly TokenText[];
  /** Never seen: what the expected loss is fitted on, and what says when a text is forgotten. */
  readonly calibration: readonly TokenText[];
  /** Never seen, and looked at by the measurement alone. */
  readonly neverSeen: readonly TokenText[];
  /** A sample of those that stay. */
  readonly retained: readonly TokenText[];
  /** How hard each is for a model that saw the retained texts alone, in nats per token. */
  readonly difficulty: Readonly<Record<ErasureSide, readonly number[]>>;
}
type ErasureSide = "forget" | "calibration" | "neverSeen" | "retained";

/** Of each side that is measured: an interval narrows with their square root, the time grows with them. */
const mostTexts = 400;
/** Order of the n-gram model that tells how hard a text is. */
const difficultyOrder = 5;

/** Draws both halves of the never-seen texts and the sample of the retained ones from a seed. */
export function erasureTexts(given: {
  readonly forget: readonly TokenText[];
  readonly retained: readonly TokenText[];
  readonly neverSeen: readonly TokenText[];
  readonly vocab: number;
  readonly seed?: number | string;
}): ErasureTexts {
  const { forget, vocab, seed = 1 } = given;
  const drawn = (name: string, texts: readonly TokenText[]) =>
    Array.from(random(`${seed}/${name}`).permutation(texts.length), i => texts[i]!);
  const unseen = drawn("never seen", given.neverSeen).slice(0, 2 * mostTexts);
  const half = unseen.length >> 1;
  const sides = {
    forget,
    calibration: unseen.slice(0, half),
    neverSeen: unseen.slice(half),
    retained: drawn("retained", given.retained).slice(0, mostTexts),
  };
  const ngram = trainNgram(difficultyOrder, vocab, given.retained);
  const hardness = (texts: readonly TokenText[]) => texts.map(t => (ngram.bits(t) * Math.LN2) / (t.length + 1));
  return {
    ...sides,
    difficulty: {
      forget: hardness(sides.forget),
      calibration: hardness(sides.calibration),
      neverSeen: hardness(sides.neverSeen),
      retained: hardness(sides.retained),
    },
  };
}
